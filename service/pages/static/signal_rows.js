// The rows of a result, one a technique: state chip, one sentence, what it proves and does not, details.

import { chip, el, facts, foreign, icon, ownImage, ownLink } from "./elements.js";
import { FOUND_BY, actionInWords, chanceInWords, geometryInWords, sourceTypeInWords, stateLook, timeInWords } from "./wording.js";

function row({ signal, title, state, headline, proves, doesNotProve, body = [], details = [] }) {
  const look = stateLook(state);
  const meaning = facts([["Proves", proves], ["Does not prove", doesNotProve]], { class: "meaning" });
  const list = facts(details);
  // A row that found nothing proves nothing: said once for all of them above, so each keeps its own words folded away.
  const folded = look.tone === "absent" ? [meaning, list] : [list];
  return el("div", { class: "signal", "data-signal": signal },
    el("div", { class: "signal-head" }, el("h4", {}, title), chip(look)),
    el("p", { class: "headline" }, headline),
    body,
    look.tone === "absent" ? null : meaning,
    folded.some(Boolean) ? el("details", { class: "more" }, el("summary", {}, "Details"), folded) : null,
  );
}

function callout(tone, name, text) {
  return el("p", { class: `callout tone-${tone}` }, icon(name), el("span", {}, text));
}

const yes = (text) => ({ tone: "found", name: "found", text });
const warn = (text) => ({ tone: "warning", name: "warning", text });
const no = (text) => ({ tone: "bad", name: "bad", text });
const open = (text) => ({ tone: "absent", name: "absent", text });

/** What is wrong with credentials that do not hold, in one of three words: "changed" only where a signed hash shows it. */
function failure(signal, unsigned, changed, other) {
  if (signal.signature_valid === false) return unsigned;
  return signal.changed ? changed : other;
}

function integrityAnswer(signal) {
  if (signal.status === "recovered" && signal.pixels_match === false) return warn("differs from this copy");
  if (signal.integrity === "ok") return yes("unchanged since signing");
  if (signal.integrity === "failed") return no(failure(signal, "signature invalid", "changed since signing", "failed validation"));
  return open("not established");
}

function signerAnswer(signal) {
  if (signal.development_signer) return warn("development key");
  if (signal.trusted === true) return yes("on the trust list");
  if (signal.trusted === false) return warn("not on the trust list");
  return open("not established");
}

function expiryAnswer(signal) {
  if (signal.expired === false) return yes("in date");
  if (signal.expired === true) return warn("expired");
  return open("not established");
}

function credentialsHeadline(signal) {
  if (signal.status === "not_present") return "The file carries no Content Credentials.";
  const by = signal.signer ? ["Signed by ", foreign(signal.signer), "."] : ["The signer is not named."];
  if (signal.status === "recovered") return ["The file carries none; the stored ones were found through the registry. ", ...by];
  if (signal.status === "valid") return by;
  if (signal.integrity === null) return "The file carries some that cannot be read.";
  if (signal.integrity === "ok") return ["They fit this file, but cannot be relied on. ", ...by];
  return [failure(signal, "Their signature is invalid. ", "They do not fit this file. ", "They failed validation. "), ...by];
}

/** Content Credentials: integrity, signer and expiry are three answers, never folded into one. */
export function credentialsRow(signal) {
  const body = [];
  if (signal.status === "recovered") {
    body.push(callout("recovered", "recovered", signal.pixels_match === false
      ? "Recovered; the pixels differ from the signed picture"
      : "Recovered from the registry"));
  }
  if (signal.status !== "not_present") {
    const answers = [["Integrity", integrityAnswer(signal)], ["Signer", signerAnswer(signal)], ["Certificate", expiryAnswer(signal)]];
    body.push(el("dl", { class: "three" }, answers.map(([term, answer]) => el("div", { "data-answer": term.toLowerCase() },
      el("dt", {}, term),
      el("dd", { class: `tone-${answer.tone}` }, icon(answer.name), el("span", {}, answer.text))))));
  }
  const word = (flag, ifTrue, ifFalse) => (flag === true ? ifTrue : flag === false ? ifFalse : null);
  return row({
    signal: "c2pa",
    title: "Content Credentials",
    state: signal.status,
    headline: credentialsHeadline(signal),
    proves: signal.proves,
    doesNotProve: signal.does_not_prove,
    body,
    details: [
      ["Signed", signal.signed_at && timeInWords(signal.signed_at)],
      ["Signature", word(signal.signature_valid, "holds", "does not hold")],
      ["Made with", signal.generator && foreign(signal.generator)],
      ["Origin", signal.digital_source_type && foreign(sourceTypeInWords(signal.digital_source_type))],
      ["Says AI-generated", word(signal.ai_generated, "yes", "no")],
      ["Steps", signal.actions.map((action) => foreign(actionInWords(action)))],
      ["Made from", signal.ingredients ? `${signal.ingredients} earlier ${signal.ingredients === 1 ? "file" : "files"}` : null],
      ["Manifest", signal.manifest_id && foreign(signal.manifest_id, "code")],
      ["C2PA codes", signal.codes.map((code) => foreign(code, "code"))],
    ],
  });
}

/** The invisible watermark: the payload is shown only when its keyed check passed. */
export function watermarkRow(signal) {
  const headline = {
    detected: "This service’s mark was read from the pixels.",
    possible: "A trace of a mark, too weak to read.",
    not_detected: "No mark made with this service’s key was found in the pixels.",
  }[signal.status] ?? "The pixels were not searched for a mark.";
  return row({
    signal: "watermark",
    title: "Invisible watermark",
    state: signal.status,
    headline,
    proves: signal.proves,
    doesNotProve: signal.does_not_prove,
    details: [
      ["Payload", signal.payload && foreign(signal.payload, "code")],
      ["Chance", chanceInWords(signal.p_value)],
      ["Picture", signal.status === "not_detected" ? null : geometryInWords(signal)],
      ["Key", signal.key_id && foreign(signal.key_id, "code")],
      ["Further marks", (signal.others ?? []).map((mark) => foreign(mark.payload, "code"))],
    ],
  });
}

/** One recognised label: whose it is, by which trace, and what it says. */
function claimInWords({ writer, convention, says_ai: saysAi }) {
  const says = saysAi === true ? ", says AI-generated" : saysAi === false ? ", says not AI-generated" : "";
  return el("span", {}, foreign(writer), ": ", foreign(convention), says);
}

/** Metadata: what the file says about itself. */
export function metadataRow(signal) {
  let headline = "No AI label in EXIF, XMP or text chunks.";
  if (signal.status === "invalid") headline = "The metadata is damaged and could not be read.";
  else if (signal.ai_generated) headline = "Labels in the file say that it was made with AI.";
  else if (signal.claims.some((claim) => claim.says_ai)) headline = "One label in the file says that it was made with AI, another that it was not.";
  else if (signal.status === "detected") headline = "The file carries provenance labels.";
  return row({
    signal: "metadata",
    title: "Metadata",
    state: signal.status,
    headline,
    proves: signal.proves,
    doesNotProve: signal.does_not_prove,
    details: [
      ["Recognised", signal.claims.map(claimInWords)],
      ["Names record", signal.record_id && foreign(signal.record_id, "code")],
      ...Object.entries(signal.fields).map(([name, value]) => [foreign(name), foreign(value)]),
    ],
  });
}

/** The registry's record. `record` is null when none was found; the report carries no wording for this row. */
export function recordRow(record) {
  if (record === null) {
    return row({
      signal: "record",
      title: "Registry record",
      state: "not_detected",
      headline: "Nothing in this file leads to a record of this service.",
      doesNotProve: "That the picture is not AI-generated, or that this service never released it.",
    });
  }
  const sure = !["metadata", "fingerprint"].includes(record.found_by);
  const unproven = !sure || !record.confirmed;
  return row({
    signal: "record",
    title: "Registry record",
    state: "detected",
    headline: ["Record ", foreign(record.id, "code"), `, made ${timeInWords(record.created_at)}.`],
    proves: sure
      ? `This service released a picture under this record.${record.exact_file ? " This file is that picture, byte for byte." : ""}`
      : "That such a record exists.",
    doesNotProve: !unproven
      ? (record.exact_file ? "That what it shows is true." : "That nothing in the picture was changed since.")
      : record.found_by === "fingerprint"
        ? "That this file came from it: two pictures can look alike."
        : record.found_by === "metadata"
          ? "That this picture belongs to it: the id stands in metadata, which anyone can write."
          : "That this is that picture: a mark can be copied from one picture to another.",
    details: [
      ["Found", FOUND_BY[record.found_by]],
      ["Kind", foreign(record.kind)],
      ["Provider", foreign(record.provider)],
      ["Generator", foreign(`${record.generator} ${record.generator_version}`)],
      ["Released as", foreign(`${record.mime}, ${record.width} × ${record.height}`)],
      ["Made from record", record.parent && foreign(record.parent, "code")],
      ["Same file", record.exact_file ? "yes, byte for byte" : "no, this copy differs"],
      ["Manifest", record.manifest_url && ownLink(record.manifest_url, "Stored Content Credentials")],
    ],
  });
}

/** Similarity to registered pictures. */
export function fingerprintRow(signal) {
  const headline = {
    match: "The picture matches a registered one, detail by detail.",
    similar: "The picture resembles a registered one; its details do not confirm it.",
    no_match: signal.record_id ? "The picture does not show what the record’s shows." : "The picture resembles no registered one.",
  }[signal.status] ?? "The picture was not compared with registered ones.";
  return row({
    signal: "fingerprint",
    title: "Fingerprint",
    state: signal.status,
    headline,
    proves: signal.proves,
    doesNotProve: signal.does_not_prove,
    body: lookalikes(signal.lookalikes ?? []),
    details: [["Compared with", signal.record_id && foreign(signal.record_id, "code")]],
  });
}

/** Registered pictures that look like this one. */
function lookalikes(list) {
  if (list.length === 0) return [];
  return [el("ul", { class: "lookalikes", "aria-label": "Registered pictures that look like this one" }, list.map((one) => {
    const image = one.thumbnail_url ? ownImage(one.thumbnail_url, "") : null;
    image?.addEventListener("error", () => image.remove());
    return el("li", {}, image ?? el("span", { class: "thumb none" }, icon("picture")),
      el("span", {}, foreign(one.record_id, "code"), el("br"), `${one.status === "match" ? "matches" : "similar"}, `, foreign(timeInWords(one.created_at))));
  }))];
}
