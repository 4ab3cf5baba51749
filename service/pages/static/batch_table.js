// Several pictures at once: one row each, and the same rows as CSV.

import { saveAs } from "./downloads.js";
import { chip, el, foreign } from "./elements.js";
import { stateLook, verdictLook } from "./wording.js";

const SIGNALS = [["c2pa", "Credentials"], ["watermark", "Watermark"], ["metadata", "Metadata"], ["fingerprint", "Fingerprint"]];
const COLUMNS = ["file", "verdict", ...SIGNALS.map(([name]) => name), "record", "sha256", "findings", "summary"];
const UTF8_MARK = "\ufeff"; // tells spreadsheets that the file is UTF-8

/** A text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, CSV injection). */
function cell(text) {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${harmless.replaceAll('"', '""')}"`;
}

function values({ name, report, failure }) {
  if (!report) return [name, failure ? "not checked" : "waiting", ...Array(COLUMNS.length - 3).fill(""), failure ?? ""];
  return [name, report.verdict, ...SIGNALS.map(([signal]) => report.signals[signal].status), report.record?.id ?? "",
    report.checked.sha256, report.findings.map((finding) => finding.code).join(";"), report.summary];
}

/** The rows as CSV (RFC 4180). */
export function toCsv(rows) {
  return UTF8_MARK + [COLUMNS, ...rows.map(values)].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function row(one) {
  const open = el("button", { type: "button", class: "linklike", onclick: one.show }, foreign(one.name));
  if (!one.report) {
    return el("tr", {}, el("th", { scope: "row" }, open), el("td", { colspan: "6" }, one.failure ? `not checked: ${one.failure}` : "checking …"));
  }
  return el("tr", {}, el("th", { scope: "row" }, open), el("td", {}, chip(verdictLook(one.report))),
    SIGNALS.map(([signal]) => el("td", {}, stateLook(one.report.signals[signal].status).label)),
    el("td", {}, one.report.record ? foreign(one.report.record.id, "code") : "none"));
}

/** Show `rows` ({ name, report, failure, show }) in `place`; nothing for fewer than two. */
export function showBatch(place, rows) {
  place.hidden = rows.length < 2;
  if (place.hidden) return place.replaceChildren();
  const head = ["File", "Result", ...SIGNALS.map(([, title]) => title), "Record"];
  const save = el("button", { type: "button", class: "button small",
    onclick: () => saveAs(new Blob([toCsv(rows)], { type: "text/csv" }), "verification.csv") }, "Download CSV");
  return place.replaceChildren(
    el("div", { class: "scroll", role: "region", "aria-label": "All results in a table", tabindex: "0" },
      el("table", {}, el("thead", {}, el("tr", {}, head.map((title) => el("th", { scope: "col" }, title)))),
        el("tbody", {}, rows.map(row)))), save);
}
