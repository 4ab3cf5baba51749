// Builds DOM nodes from values. The one rule that keeps hostile metadata harmless: a string becomes a text node or
// an attribute that this code names, never markup. Nothing on these pages uses innerHTML.

const SVG = "http://www.w3.org/2000/svg";
const LONGEST_FOREIGN_TEXT = 600; // characters; enough for any honest field, short enough to keep a page usable

/** Make an element. Attributes: a function is a listener, true is a bare attribute, null and false are left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.replace(/^on/, ""), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** A drawing from icons.svg, silent to screen readers: the text beside it says the same. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

// Control characters and the marks that force a text direction: they can make "gpj.exe" read as "exe.jpg".
const DECEPTIVE = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Text that somebody else wrote: isolated, so that it cannot reorder ours, without deceptive marks, cut when too long. */
export function foreign(text, tag = "bdi") {
  const whole = String(text).replace(/\s+/g, " ").replace(DECEPTIVE, "\ufffd");
  const shown = whole.length > LONGEST_FOREIGN_TEXT
    ? `${whole.slice(0, LONGEST_FOREIGN_TEXT)}… (${whole.length - LONGEST_FOREIGN_TEXT} more characters)`
    : whole;
  return el("bdi", {}, tag === "bdi" ? shown : el(tag, {}, shown));
}

/** A link if the address is on this origin, its plain text otherwise: addresses named in files are never followed. */
export function ownLink(address, text) {
  const url = URL.canParse(address, location.href) ? new URL(address, location.href) : null;
  if (url?.origin !== location.origin) return foreign(address);
  return el("a", { href: url.pathname + url.search }, text);
}

/** A picture from this origin, or null: pictures named in files are never fetched from elsewhere. */
export function ownImage(address, alt) {
  const url = URL.canParse(address, location.href) ? new URL(address, location.href) : null;
  return url?.origin === location.origin ? el("img", { src: url.pathname, alt }) : null;
}

/** A state chip: icon and word together, so that colour is never the only sign. */
export function chip({ tone, icon: name, label }) {
  return el("span", { class: `chip tone-${tone}`, "data-state": label }, icon(name), label);
}

/** Definition list of [term, value] pairs; pairs whose value is null, empty text or an empty list are left out. */
export function facts(pairs, attributes = { class: "facts" }) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value.length !== 0);
  if (known.length === 0) return null;
  return el("dl", attributes, known.flatMap(([term, value]) => [
    el("dt", {}, term),
    el("dd", {}, Array.isArray(value) ? el("ul", {}, value.map((item) => el("li", {}, item))) : value),
  ]));
}
