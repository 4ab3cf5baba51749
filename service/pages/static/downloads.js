// What a person takes away from a result: the report as JSON, a signed receipt, a PDF, a link to this exact file.

import { el } from "./elements.js";
import { receiptOf } from "./service_api.js";

const button = (text, onclick) => el("button", { type: "button", class: "button small", onclick }, text);

/** Hand a blob to the browser as a download. */
export function saveAs(blob, name) {
  const address = URL.createObjectURL(blob);
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Address of this page that asks for the file with this hash again. */
export function linkTo(sha256) {
  return `${location.origin}/?sha256=${sha256}`;
}

function copyButton(text, value) {
  if (!navigator.clipboard) return null; // browsers offer the clipboard to https and localhost only
  const copy = button(text, async () => {
    copy.textContent = await navigator.clipboard.writeText(value).then(() => "Copied", () => "Could not copy");
    setTimeout(() => { copy.textContent = text; }, 2_000);
  });
  return copy;
}

/** The service examines the file anew and signs: it kept nothing of the first time. */
function receiptButton(text, kind, file, name) {
  const receipt = button(text, async () => {
    receipt.disabled = true;
    try {
      saveAs(await receiptOf(file, kind), name);
      receipt.textContent = text;
    } catch {
      receipt.textContent = "Failed; try again";
    } finally {
      receipt.disabled = false;
    }
  });
  return receipt;
}

/** The buttons under a report. */
export function downloads(report, file) {
  const text = JSON.stringify(report, null, 2);
  const { sha256 } = report.checked;
  const name = `verification-${sha256.slice(0, 12)}`;
  return [
    receiptButton("Signed receipt (JWS)", "jws", file, `${name}.jws`),
    receiptButton("Report (PDF)", "pdf", file, `${name}.pdf`),
    button("Download JSON", () => saveAs(new Blob([text], { type: "application/json" }), `${name}.json`)),
    copyButton("Copy JSON", text),
    copyButton("Copy link", linkTo(sha256)),
  ];
}
