// One picture's card: its name at once, a progress bar while it is checked, then the report or what went wrong.

import { differenceView } from "./difference.js";
import { downloads } from "./downloads.js";
import { chip, el, facts, foreign, icon } from "./elements.js";
import { heatMap } from "./heat_map.js";
import { aboutWanted } from "./permalink.js";
import { credentialsRow, fingerprintRow, metadataRow, recordRow, watermarkRow } from "./signal_rows.js";
import { timeline } from "./timeline.js";
import { TECHNIQUES, sizeInWords, verdictLook } from "./wording.js";

const LONGEST_NAME = 80; // characters of a file name in the card's heading
const SEVERITIES = {
  error: { icon: "bad", label: "Problem" },
  warning: { icon: "warning", label: "Caution" },
  info: { icon: "note", label: "Note" },
};

/** The visible card of one file. Owns the blob: address of its preview until `drop` is called. */
export class ResultCard {
  constructor(file, { open, hint, onRemove }) {
    this.file = file;
    this.hint = hint;
    this.preview = URL.createObjectURL(file);
    this.state = el("div", { class: "card-state" });
    this.body = el("div", { class: "card-body" });
    const thumb = el("img", { class: "thumb", src: this.preview, alt: "" });
    thumb.addEventListener("error", () => thumb.replaceWith(el("span", { class: "thumb none" }, icon("picture"))));
    this.summary = el("summary", {}, thumb,
      el("div", {}, el("h3", {}, foreign(this.name)), el("p", { class: "quiet" }, sizeInWords(file.size))), this.state);
    this.element = el("details", { class: "card", open }, this.summary, this.body);
    this.remove = el("button", { type: "button", class: "button small", onclick: onRemove }, "Remove");
  }

  get name() {
    const name = this.file.name || "picture";
    return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
  }

  #setState(look) {
    this.element.dataset.verdict = look.verdict ?? look.label;
    this.state.replaceChildren(chip(look), el("span", { class: "turner", "aria-hidden": "true" }));
  }

  showWaiting() {
    this.#setState({ tone: "absent", icon: "unchecked", label: "checking …", verdict: "waiting" });
    this.body.replaceChildren(
      el("div", { class: "progress" }, el("progress", { "aria-label": `Checking ${this.name}` })),
      el("div", { class: "actions" }, this.remove));
  }

  showFailure(failure, retry) {
    this.#setState({ tone: "bad", icon: "bad", label: "not checked", verdict: "failed" });
    this.element.open = true; // in a batch too: the reason is what people need next
    const again = failure.worthRetrying && retry
      ? el("button", { type: "button", class: "button small", onclick: retry }, "Try again") : null;
    this.body.replaceChildren(
      el("p", { class: "notice failure" }, failure.message),
      el("div", { class: "actions" }, again, this.remove));
  }

  showReport(report) {
    const look = verdictLook(report);
    const grave = report.findings.some((finding) => finding.severity === "error"); // then they come first
    const aboutLink = aboutWanted(report.checked.sha256);
    this.#setState({ ...look, verdict: report.verdict });
    this.body.replaceChildren(el("div", { class: "answer" }, this.#picture(report), el("div", {},
      el("p", { class: `verdict tone-${look.tone}` }, icon(look.icon), el("strong", {}, look.label), el("span", {}, foreign(report.summary))),
      report.verdict === "nothing_found" && !report.summary.includes("does not mean human-made")
        ? el("p", { class: "caution" }, el("strong", {}, "Not detected does not mean human-made."),
          " Most AI pictures carry no mark that this service can read, and marks can be lost.") : null,
      aboutLink ? el("p", { class: "caution quiet" }, aboutLink) : null,
      this.hint ? el("p", { class: "caution quiet" }, this.hint) : null,
      grave ? findings(report.findings) : null,
      differenceView(report, this.preview),
      credentialsRow(report.signals.c2pa),
      timeline(report.timeline),
      watermarkRow(report.signals.watermark),
      metadataRow(report.signals.metadata),
      recordRow(report.record),
      fingerprintRow(report.signals.fingerprint),
      grave ? null : findings(report.findings),
      el("div", { class: "actions" }, downloads(report, this.file), this.remove))));
  }

  #picture({ checked, signals }) {
    const image = el("img", { src: this.preview, alt: `Preview of ${this.name}` });
    const heat = heatMap(signals.watermark.presence);
    const frame = el("div", { class: "frame" }, image, heat?.overlay);
    image.addEventListener("error", () => frame.remove());
    return el("figure", { class: "seen" }, frame, el("figcaption", {},
      foreign(`${checked.format.toUpperCase()}, ${checked.width} × ${checked.height}, ${sizeInWords(checked.bytes)}`),
      heat?.controls));
  }

  /** Take the card off the page and free its preview. */
  drop() {
    URL.revokeObjectURL(this.preview);
    this.element.remove();
  }
}

function findings(list) {
  if (list.length === 0) return null;
  return el("div", { class: "findings" }, el("h4", {}, "Findings"),
    el("ul", {}, list.map((finding) => {
      const look = SEVERITIES[finding.severity] ?? SEVERITIES.info;
      return el("li", { class: `severity-${finding.severity}`, "data-code": finding.code }, icon(look.icon),
        el("p", {}, el("strong", {}, `${look.label}: `), foreign(finding.text)),
        el("details", { class: "more" },
          el("summary", {}, TECHNIQUES[finding.technique] ?? foreign(finding.technique), " · ", foreign(finding.code, "code")),
          facts([["Proves", foreign(finding.proves)], ["Does not prove", foreign(finding.does_not_prove)],
            ...Object.entries(finding.evidence ?? {}).map(([name, value]) => [foreign(name), foreign(value)])])));
    })));
}
