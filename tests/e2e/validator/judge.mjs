// Reads paths from standard input, one a line; writes one JSON object a line: is the file's manifest valid, and why not.
import * as fs from "node:fs/promises";
import { createInterface } from "node:readline";
import { BMFF, JPEG, PNG } from "@trustnxt/c2pa-ts/asset";
import { SuperBox } from "@trustnxt/c2pa-ts/jumbf";
import { ManifestStore } from "@trustnxt/c2pa-ts/manifest";

async function judge(path) {
  const data = await fs.readFile(path);
  const format = [JPEG, PNG, BMFF].find((candidate) => candidate.canRead(data));
  if (!format) return { valid: false, failures: ["the format is not known"] };
  const asset = new format(data);
  const store = asset.getManifestJUMBF();
  if (!store) return { valid: false, failures: ["no manifest"] };
  const result = await ManifestStore.read(SuperBox.fromBuffer(store)).validate(asset);
  const failures = result.statusEntries.filter((entry) => !entry.success).map((entry) => entry.code);
  return { valid: result.isValid, failures, checks: result.statusEntries.length };
}

for await (const path of createInterface({ input: process.stdin })) {
  const verdict = await judge(path).catch((error) => ({ valid: false, failures: [String(error)] }));
  console.log(JSON.stringify({ path, ...verdict }));
}
