// The history that Content Credentials tell, as a list: oldest first, what went in set apart from the picture itself.

import { el, foreign } from "./elements.js";
import { actionInWords, sourceTypeInWords, timeInWords } from "./wording.js";

function step({ action, when, program, signer, digital_source_type: source, depth, sound }) {
  const told = [
    when ? [foreign(timeInWords(when)), " · "] : [],
    el("strong", {}, action === "unsigned source" ? "a picture without credentials went in" : foreign(actionInWords(action))),
  ];
  const by = [
    program ? [" with ", foreign(program)] : [],
    signer ? [", signed by ", foreign(signer)] : [],
    source ? [", ", foreign(sourceTypeInWords(source))] : [],
  ];
  return el("li", { class: depth > 0 ? "source" : "own" }, depth > 0 ? el("span", { class: "quiet" }, "source: ") : null,
    told.flat(), by.flat(),
    sound === false ? el("span", { class: "tone-warning tag" }, "does not validate") : null);
}

/** The list, or null without a step. */
export function timeline(steps) {
  if (!steps?.length) return null;
  return el("div", { class: "timeline" }, el("h4", {}, "History, as its signers tell it"), el("ol", {}, steps.map(step)));
}
