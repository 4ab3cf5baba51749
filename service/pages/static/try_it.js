// The box that shows the whole product in two clicks: make a marked picture, then verify it, or verify a copy from
// which everything but the pixels was lost.

import { el, foreign } from "./elements.js";
import { ServiceFailure, makePicture } from "./service_api.js";

const COPY_SCALE = 0.6; // of width and height
const COPY_QUALITY = 0.7; // JPEG quality as canvas counts it, 0..1

/** Redraw the picture smaller and save it as JPEG: a canvas keeps pixels only, so no metadata is left. */
async function strippedCopy(blob) {
  const bitmap = await createImageBitmap(blob);
  const canvas = el("canvas", {
    width: Math.round(bitmap.width * COPY_SCALE),
    height: Math.round(bitmap.height * COPY_SCALE),
  });
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const copy = await new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", COPY_QUALITY); });
  return new File([copy], "stripped copy.jpg", { type: "image/jpeg" });
}

function made({ blob, id }, address, take) {
  const file = new File([blob], "made here.png", { type: "image/png" });
  return el("div", { class: "made" },
    el("img", { src: address, width: 512, height: 512, alt: "The picture that was made for the prompt" }),
    el("div", { class: "stack" },
      el("p", {}, "Made and marked. ", id ? ["Record ", foreign(id, "code"), "."] : null),
      el("button", { type: "button", class: "button", onclick: () => take([file]) }, "Verify this picture"),
      el("button", { type: "button", class: "button primary", onclick: async () => take([await strippedCopy(blob)]) },
        "Verify a stripped copy"),
      el("p", { class: "quiet" }, "The copy: 60 % of the size, JPEG quality 70, no metadata. It is made in your browser."),
      el("a", { href: address, download: `${id ?? "picture"}.png` }, "Download the marked picture")));
}

function refusal(failure) {
  return el("div", { class: "notice" }, failure.message,
    failure.categories.length
      ? el("ul", { "aria-label": "Flagged for" }, failure.categories.map((name) => el("li", {}, foreign(name)))) : null);
}

/** Wire the form; `take(files)` starts a verification. */
export function watchTryIt({ form, output, take }) {
  const button = form.querySelector("button");
  let address = null; // blob: address of the picture on show
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    output.replaceChildren(el("p", { class: "progress" }, "Drawing and marking … ", el("progress", { "aria-label": "Making the picture" })));
    try {
      const picture = await makePicture(form.elements.prompt.value);
      if (address !== null) URL.revokeObjectURL(address);
      address = URL.createObjectURL(picture.blob);
      output.replaceChildren(made(picture, address, take));
    } catch (error) {
      if (!(error instanceof ServiceFailure)) throw error;
      output.replaceChildren(refusal(error));
    } finally {
      button.disabled = false;
    }
  });
}
