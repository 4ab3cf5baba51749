// Draws /openapi.json as a page: operations by tag, then the schemas that they name.

import { el } from "./elements.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const NO_TAG = "Everything else";

const schemaName = (ref) => ref.split("/").pop();
const anchor = (name) => `schema-${name}`;

/** The type of a JSON schema as nodes: links for named schemas, "a or b" for alternatives. */
function typeOf(schema) {
  if (!schema) return ["anything"];
  if (schema.$ref) return [el("a", { href: `#${anchor(schemaName(schema.$ref))}` }, schemaName(schema.$ref))];
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return either.flatMap((one, index) => [index ? " or " : "", ...typeOf(one)]);
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(" or ")];
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.type === "array") return ["list of ", ...typeOf(schema.items)];
  if (schema.type === "string" && (schema.format === "binary" || schema.contentMediaType)) return ["file"];
  return [schema.type ?? "anything"];
}

function member(name, schema, { required, description = schema?.description }) {
  const byDefault = schema?.default === undefined || schema.default === null ? "" : `, default ${JSON.stringify(schema.default)}`;
  return [
    el("dt", {}, el("code", {}, name)),
    el("dd", {}, ...typeOf(schema), required ? ", required" : byDefault, description ? `. ${description}` : ""),
  ];
}

function properties(schema) {
  const required = new Set(schema.required ?? []);
  return el("dl", { class: "members" },
    Object.entries(schema.properties ?? {}).flatMap(([name, one]) => member(name, one, { required: required.has(name) })));
}

function operation(method, path, about) {
  const parameters = about.parameters ?? [];
  const bodies = Object.entries(about.requestBody?.content ?? {});
  return el("details", { class: "panel operation" },
    el("summary", {}, el("h3", {}, el("span", { class: `method ${method}` }, method.toUpperCase()), el("code", {}, path),
      about.summary ? ` ${about.summary}` : "")),
    about.description ? el("p", { class: "words" }, about.description) : null,
    parameters.length ? [el("h4", {}, "Parameters"), el("dl", { class: "members" },
      parameters.flatMap((one) => member(`${one.name} (${one.in})`, one.schema, one)))] : null,
    bodies.map(([mime, { schema }]) => [el("h4", {}, "Body: ", el("code", {}, mime)),
      schema.properties ? properties(schema) : el("p", {}, ...typeOf(schema))]),
    el("h4", {}, "Answers"),
    el("dl", { class: "members" }, Object.entries(about.responses ?? {}).flatMap(([status, answer]) => {
      const contents = Object.entries(answer.content ?? {});
      return [el("dt", {}, el("code", {}, status)), el("dd", {}, answer.description ?? "",
        ...contents.flatMap(([mime, { schema }]) => [` · ${mime}: `, ...typeOf(schema)]))];
    })));
}

function draw(api, place) {
  const byTag = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((name) => methods[name])) {
      const tag = methods[method].tags?.[0] ?? NO_TAG;
      byTag.set(tag, [...(byTag.get(tag) ?? []), operation(method, path, methods[method])]);
    }
  }
  for (const [tag, operations] of byTag) {
    place.append(el("h2", {}, tag.charAt(0).toUpperCase() + tag.slice(1)), ...operations);
  }
  const schemas = Object.entries(api.components?.schemas ?? {});
  if (schemas.length) place.append(el("h2", {}, "Schemas"));
  for (const [name, schema] of schemas) {
    place.append(el("details", { class: "panel operation", id: anchor(name) }, el("summary", {}, el("h3", {}, el("code", {}, name))),
      schema.description ? el("p", { class: "words" }, schema.description) : null,
      schema.properties ? properties(schema) : el("p", {}, ...typeOf(schema))));
  }
}

function openNamed() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.tagName !== "DETAILS") return;
  target.open = true;
  target.scrollIntoView();
}

const place = document.getElementById("reference");
const answer = await fetch("/openapi.json").catch(() => null);
if (answer?.ok) {
  draw(await answer.json(), place);
  openNamed();
  addEventListener("hashchange", openNamed);
} else {
  place.append(el("p", { class: "notice" }, "openapi.json could not be read. Reload the page."));
}
