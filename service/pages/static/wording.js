// Plain words for the codes and numbers of a verification report. Pure: values in, text out, no DOM.
// Rule: nothing here may say or suggest "authentic" or "human-made".

const NAMES_OF_THOUSANDS = ["", "thousand", "million", "billion", "trillion", "quadrillion"];
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Label and look of the overall verdict; a copy of our picture that was changed is told apart from the picture. */
export function verdictLook({ verdict, record, signals: { c2pa, metadata } }) {
  if (verdict === "ours") {
    if (record?.exact_file || c2pa.status === "valid") return { tone: "found", icon: "found", label: "Released by this service" };
    return { tone: "recovered", icon: "recovered", label: "Released here, changed since" };
  }
  if (verdict === "credentials" && c2pa.status === "valid") {
    return { tone: "found", icon: "note", label: "Signed history found" };
  }
  if (verdict === "nothing_found" && metadata.status === "detected") {
    return { tone: "absent", icon: "note", label: "Labels only, nothing proven" };
  }
  if (verdict === "invalid" && c2pa.integrity === null) {
    return { tone: "warning", icon: "warning", label: "Credentials cannot be read" };
  }
  return {
    unconfirmed: { tone: "warning", icon: "warning", label: "Carries our mark, not confirmed" },
    resembles: { tone: "recovered", icon: "recovered", label: "Looks like one of ours" },
    ai_generated: { tone: "found", icon: "found", label: "Labelled AI-generated" },
    credentials: { tone: "warning", icon: "warning", label: "Signed, origin not confirmed" },
    conflict: { tone: "warning", icon: "warning", label: "The marks contradict each other" },
    invalid: { tone: "bad", icon: "bad", label: "The marks do not hold" },
    nothing_found: { tone: "absent", icon: "absent", label: "No marks found" },
  }[verdict] ?? { tone: "absent", icon: "note", label: "Checked" };
}

const STATES = {
  detected: { tone: "found", icon: "found", label: "detected" },
  possible: { tone: "warning", icon: "warning", label: "possible" },
  match: { tone: "found", icon: "found", label: "match" },
  no_match: { tone: "absent", icon: "absent", label: "no match" },
  similar: { tone: "warning", icon: "warning", label: "similar" },
  not_detected: { tone: "absent", icon: "absent", label: "not detected" },
  invalid: { tone: "bad", icon: "bad", label: "invalid" },
  recovered: { tone: "recovered", icon: "recovered", label: "recovered" },
  not_checked: { tone: "absent", icon: "unchecked", label: "not checked" },
};

/** Chip of a signal's status; the report's own words (valid, not_present) fold into the few that we show. */
export function stateLook(status) {
  const folded = { valid: "detected", not_present: "not_detected" };
  return STATES[folded[status] ?? status] ?? STATES.not_checked;
}

function superscript(number) {
  return [...String(number)].map((digit) => SUPERSCRIPTS[Number(digit)]).join("");
}

/** A p-value as "how many unmarked pictures would look like this", rounded against us: never rarer than it is. */
export function chanceInWords(p) {
  if (p === null || p === undefined || Number.isNaN(p)) return null;
  if (p > 0.001) return `about ${percent(p)} of unmarked pictures score this high by chance`;
  if (p <= 0) return "an unmarked picture practically never scores this high by chance";
  const tens = Math.floor(-Math.log10(p) + 1e-9);
  const power = `10${superscript(tens)}`;
  const thousands = NAMES_OF_THOUSANDS[Math.floor(tens / 3)];
  const named = thousands ? `${"1" + "0".repeat(tens % 3)} ${thousands} (${power})` : power;
  return `at most 1 in ${named} unmarked pictures scores this high by chance`;
}

/** A share of 1 as a percentage with the digits that matter: 0.5 -> "50 %", 0.0021 -> "0.21 %". */
export function percent(share) {
  const value = share * 100;
  return `${Number(value.toPrecision(value >= 10 ? 3 : 2))} %`;
}

/** What happened to the picture since it was marked, as the watermark's search saw it; crops blur its idea of scale. */
export function geometryInWords({ rotation_deg: rotation, scale, flipped }) {
  if ([rotation, scale, flipped].every((value) => value === null || value === undefined)) return null;
  const changes = [];
  if (flipped) changes.push("mirrored");
  if (Math.abs(rotation ?? 0) >= 0.25) {
    const angle = `${Number(Math.abs(rotation).toFixed(1))}°`;
    const way = Math.abs(rotation) >= 179.75 ? "" : rotation > 0 ? " counter-clockwise" : " clockwise";
    changes.push(`turned ${angle}${way}`);
  }
  if (Math.abs((scale ?? 1) - 1) >= 0.02) changes.push(`scaled to about ${Math.round(scale * 100)} %`);
  return changes.length ? changes.join(", ") : "upright, at the size it was marked";
}

const SOURCE_TYPES = {
  trainedAlgorithmicMedia: "made by a generative AI model",
  compositeWithTrainedAlgorithmicMedia: "partly made by a generative AI model",
  compositeSynthetic: "composite with synthetic parts",
  algorithmicMedia: "made by an algorithm without training data",
  algorithmicallyEnhanced: "enhanced by an algorithm",
  digitalArt: "digital art made by a person",
  digitalCreation: "digital creation",
  digitalCapture: "taken with a camera",
  computationalCapture: "taken with a camera, computed from several shots",
  minorHumanEdits: "with minor edits by a person",
  humanEdits: "with edits by a person",
  screenCapture: "screen capture",
  composite: "composite",
  virtualRecording: "recording of a virtual scene",
};

/** IPTC digital source type (newscodes/digitalsourcetype) in words, or the code itself when it is not known. */
export function sourceTypeInWords(uri) {
  if (!uri) return null;
  const code = uri.split("/").pop();
  return Object.hasOwn(SOURCE_TYPES, code) ? `${SOURCE_TYPES[code]} (${code})` : uri;
}

const ACTIONS = {
  "c2pa.created": "created",
  "c2pa.opened": "opened from another file",
  "c2pa.placed": "another picture placed in it",
  "c2pa.edited": "edited",
  "c2pa.converted": "converted to another format",
  "c2pa.transcoded": "re-compressed",
  "c2pa.resized": "resized",
  "c2pa.cropped": "cropped",
  "c2pa.published": "published",
  "c2pa.watermarked": "invisible watermark added",
  "c2pa.watermarked.bound": "invisible watermark added and bound to the manifest",
  "c2pa.watermarked.unbound": "invisible watermark added",
};

/** A C2PA action with its plain meaning first. */
export function actionInWords(action) {
  return Object.hasOwn(ACTIONS, action) ? `${ACTIONS[action]} (${action})` : action;
}

/** How the registry's record was found, in words that keep weak evidence weak. */
export const FOUND_BY = {
  watermark: "by the invisible watermark in the pixels",
  content_credentials: "by the signed Content Credentials in the file",
  exact_file: "by the file itself, byte for byte",
  fingerprint: "by likeness alone, confirmed by the geometry of the picture’s details",
  metadata: "by an id in the metadata, which anyone can write",
};

/** Techniques of a finding, as the rows are titled. */
export const TECHNIQUES = {
  content_credentials: "Content Credentials",
  watermark: "Invisible watermark",
  metadata: "Metadata",
  registry: "Registry record",
  fingerprint: "Fingerprint",
  consistency: "Comparison of the signals",
};

/** ISO time as "22 Nov 2026, 13:04 UTC"; text that is no time comes back as it is. */
export function timeInWords(iso) {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  const format = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC" };
  return `${time.toLocaleString("en-GB", format)} UTC`;
}

/** Bytes as B, KiB or MiB. */
export function sizeInWords(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
