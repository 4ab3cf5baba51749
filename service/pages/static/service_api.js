// The calls that the page makes. A refusal of the service comes back as ServiceFailure with words for people.

/** The service said no, or could not be reached. `status` is 0 without an answer; `categories` names what was flagged. */
export class ServiceFailure extends Error {
  constructor(message, { status = 0, categories = [] } = {}) {
    super(message);
    this.status = status;
    this.categories = categories;
  }

  /** True when the same request may succeed later. */
  get worthRetrying() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

async function send(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", redirect: "error", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceFailure("The service did not answer, or the file could not be read. Check both and try again.");
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  // Our routes answer problem+json (`detail`), the OpenAI-compatible ones OpenAI's body (`error.message`).
  const words = [body?.error?.message, body?.detail].find((text) => typeof text === "string" && text);
  const details = (body?.error ?? body)?.moderation_details;
  throw new ServiceFailure(words ?? `The service answered with status ${response.status} and gave no reason.`, {
    status: response.status,
    categories: Array.isArray(details?.categories) ? details.categories : [],
  });
}

async function call(path, options) {
  const body = await (await send(path, options)).json().catch(() => null);
  if (body === null) throw new ServiceFailure("The answer of the service could not be read. Try again.");
  return body;
}

/** The file's name is replaced: it may be personal and nobody needs it. */
function formOf(file) {
  const form = new FormData();
  form.append("file", file, "picture");
  return form;
}

/** POST /v1/verify?receipt=jws|pdf; returns the receipt as a blob. */
export async function receiptOf(file, kind) {
  return (await send(`/v1/verify?receipt=${kind}`, { method: "POST", body: formOf(file) })).blob();
}

/** GET /v1/verify/known/...: what the registry holds for the SHA-256 of a file. */
export function knownFile(sha256) {
  return call(`/v1/verify/known/${sha256}`);
}

/** POST /v1/verify; returns the report. */
export async function verifyPicture(file, signal) {
  const report = await call("/v1/verify", { method: "POST", body: formOf(file), signal });
  if (report.schema_version !== "1") {
    throw new ServiceFailure("This page is older than the service. Reload it and try again.");
  }
  return report;
}

/** POST /v1/images/generations; returns { blob, id }: a marked PNG and its record id. */
export async function makePicture(prompt) {
  const answer = await call("/v1/images/generations", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ prompt, n: 1, size: "512x512", output_format: "png" }),
  });
  const made = answer.data[0];
  const bytes = Uint8Array.from(atob(made.b64_json), (character) => character.charCodeAt(0));
  return { blob: new Blob([bytes], { type: "image/png" }), id: made.countermark_id ?? null };
}
