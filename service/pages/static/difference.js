// The upload beside the registered picture, and both laid over each other where the fingerprints say how.
// The registered picture is its thumbnail from the stored manifest, so fine detail is not compared.

import { el, icon, ownImage } from "./elements.js";

const LONGEST_SIDE = 560; // pixels of the canvas: a little more than the thumbnail has
const BLINK_MS = 700;
const SAME = 24; // difference of a colour channel, of 255, that compression makes by itself

/** Sampler of a drawn picture: (u, v) in 0..1 to the offset of a pixel, or -1 outside. */
function pixelsOf(image, width, height) {
  const canvas = el("canvas", { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/** Lay `other` over a picture of width x height: `matrix` leads from it to `other`, both with sides of 1. */
function laidOver(other, matrix, width, height) {
  const [a, b, c, d, e, f, g, h, i] = matrix;
  const out = new ImageData(width, height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const u = (x + 0.5) / width;
      const v = (y + 0.5) / height;
      const w = g * u + h * v + i;
      const column = Math.floor(((a * u + b * v + c) / w) * other.width);
      const row = Math.floor(((d * u + e * v + f) / w) * other.height);
      if (!(w > 0 && column >= 0 && row >= 0 && column < other.width && row < other.height)) continue;
      const from = 4 * (row * other.width + column);
      out.data.set(other.data.subarray(from, from + 3), 4 * (y * width + x));
      out.data[4 * (y * width + x) + 3] = 255;
    }
  }
  return out;
}

/** Both pictures' difference: grey where they agree, orange where they do not, see-through where only one is. */
function differenceOf(here, there) {
  const out = new ImageData(here.width, here.height);
  let compared = 0;
  let changed = 0;
  for (let at = 0; at < here.data.length; at += 4) {
    if (there.data[at + 3] === 0) continue;
    compared += 1;
    const apart = Math.max(...[0, 1, 2].map((k) => Math.abs(here.data[at + k] - there.data[at + k])));
    const grey = 0.25 * here.data[at] + 0.5 * here.data[at + 1] + 0.25 * here.data[at + 2];
    const strength = Math.min(1, Math.max(0, (apart - SAME) / 60));
    changed += strength > 0.5 ? 1 : 0;
    out.data.set([grey * 0.6 * (1 - strength) + 255 * strength, grey * 0.6 * (1 - strength) + 120 * strength,
      grey * 0.6 * (1 - strength), 255], at);
  }
  return { picture: out, share: compared ? changed / compared : null };
}

function loaded(image) {
  return image.decode().then(() => true, () => false);
}

/** Build the overlay once both pictures are there. */
async function overlayOf(mine, theirs, matrix) {
  if (!(await loaded(mine) && await loaded(theirs))) return null;
  const scale = Math.min(1, LONGEST_SIDE / Math.max(mine.naturalWidth, mine.naturalHeight));
  const width = Math.max(1, Math.round(mine.naturalWidth * scale));
  const height = Math.max(1, Math.round(mine.naturalHeight * scale));
  const here = pixelsOf(mine, width, height);
  const there = laidOver(pixelsOf(theirs, theirs.naturalWidth, theirs.naturalHeight), matrix, width, height);
  const difference = differenceOf(here, there);
  const canvas = el("canvas", { width, height, role: "img", "aria-label": "This copy and the registered picture, laid over each other" });
  const context = canvas.getContext("2d");
  const layer = el("canvas", { width, height });
  layer.getContext("2d").putImageData(there, 0, 0);
  const show = (share) => { // the registered picture covers the left `share` of this copy
    context.putImageData(here, 0, 0);
    context.drawImage(layer, 0, 0, width * share, height, 0, 0, width * share, height);
    if (share > 0 && share < 1) context.fillRect(width * share - 1, 0, 2, height);
  };
  return { canvas, show, showDifference: () => context.putImageData(difference.picture, 0, 0), share: difference.share };
}

function controlsOf(overlay) {
  const slider = el("input", { type: "range", min: "0", max: "100", value: "50", "aria-label": "How much of the registered picture is shown, from the left" });
  const words = overlay.share === null ? "" : overlay.share < 0.01
    ? "Where they overlap, no visible difference was found."
    : `Where they overlap, about ${Math.max(1, Math.round(100 * overlay.share))} % differs visibly.`;
  let blinking = null;
  const modes = {
    Slide: () => overlay.show(slider.value / 100),
    Blink: () => {
      let turn = 0;
      overlay.show(0);
      blinking = setInterval(() => {
        if (!overlay.canvas.isConnected) clearInterval(blinking);
        else overlay.show((turn += 1) % 2);
      }, BLINK_MS);
    },
    Difference: () => overlay.showDifference(),
  };
  const choose = (name) => {
    clearInterval(blinking);
    slider.disabled = name !== "Slide";
    modes[name]();
  };
  slider.addEventListener("input", () => overlay.show(slider.value / 100));
  const group = `compare-${(controlsOf.made = (controlsOf.made ?? 0) + 1)}`;
  const radios = Object.keys(modes).map((name) => {
    const radio = el("input", { type: "radio", name: group, checked: name === "Slide" });
    radio.addEventListener("change", () => choose(name));
    return el("label", {}, radio, ` ${name}`);
  });
  choose("Slide");
  return el("div", { class: "compare-controls" }, el("fieldset", {}, el("legend", {}, "Compare by"), radios), slider,
    el("p", { class: "quiet" }, words, " The registered picture is shown as the thumbnail in its stored credentials."));
}

/** The section, or null where the record has no thumbnail or this file is the registered one. */
export function differenceView(report, preview) {
  const { record, signals: { fingerprint } } = report;
  if (record === null || record.exact_file || !record.thumbnail_url) return null;
  const theirs = ownImage(record.thumbnail_url, "The picture as it was registered");
  if (theirs === null) return null;
  const mine = el("img", { src: preview, alt: "This copy" });
  const section = el("section", { class: "compare" }, el("h4", {}, "This copy and the registered picture"),
    el("div", { class: "pair" }, el("figure", {}, mine, el("figcaption", {}, "This copy")),
      el("figure", {}, theirs, el("figcaption", {}, "As registered"))));
  for (const image of [mine, theirs]) {
    image.addEventListener("error", () => image.replaceWith(el("span", { class: "thumb none" }, icon("picture"))));
  }
  const matrix = fingerprint.alignment;
  const aligned = matrix?.length === 9 && matrix.every(Number.isFinite) && fingerprint.record_id === record.id;
  if (aligned) {
    overlayOf(mine, theirs, matrix).then((overlay) => {
      if (overlay) section.append(overlay.canvas, controlsOf(overlay));
    }).catch(reportError);
  }
  return section;
}
