// A link such as /?sha256=...: it names one exact file. The page says what the registry holds for it and asks for the
// file again, since nothing of an upload is kept.

import { el, foreign } from "./elements.js";
import { knownFile } from "./service_api.js";

const SHA256 = /^[0-9a-f]{64}$/;

/** The hash that this page's address asks for, or null. */
export const wanted = (() => {
  const asked = new URLSearchParams(location.search).get("sha256")?.toLowerCase() ?? "";
  return SHA256.test(asked) ? asked : null;
})();

/** Fill `place` with what is known; does nothing without a hash in the address. */
export async function showWanted(place) {
  if (wanted === null) return;
  place.hidden = false;
  const answer = el("p", { role: "status" }, "Asking the registry …");
  place.replaceChildren(
    el("h2", {}, "A link to one exact file"),
    el("p", {}, "SHA-256 ", el("code", { class: "long" }, wanted)),
    answer,
    el("p", { class: "quiet" }, "Uploads are not kept, so there is no stored report. Choose the same file below to have it examined again."));
  const known = await knownFile(wanted).catch((failure) => ({ summary: failure.message }));
  answer.replaceChildren(foreign(known.summary));
}

/** A sentence on whether a checked file is the one that the link is about; null without a link. */
export function aboutWanted(sha256) {
  if (wanted === null) return null;
  return sha256 === wanted
    ? "This is the file that the link is about, byte for byte."
    : "This is not the file that the link is about: its bytes differ, though it may show the same.";
}
