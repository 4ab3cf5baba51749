// Where the watermark is, drawn over the picture. Three levels, told apart by pattern as well as by colour:
// filled where the mark is as strong as expected, striped where it is weak, clear where there is none.

import { el } from "./elements.js";

const CELL = 24; // pixels of the canvas for one cell of the map; CSS stretches it over the picture
const FILL = "rgb(0 165 180 / 36%)";

/** True for a map that can be drawn: as many texts of as many digits as it says. */
function isDrawable(map) {
  return Boolean(map) && map.cells.length === map.rows
    && map.cells.every((row) => row.length === map.columns && /^[012]+$/.test(row));
}

function draw(map) {
  const canvas = el("canvas", { class: "heat", width: map.columns * CELL, height: map.rows * CELL, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  context.fillStyle = FILL;
  context.strokeStyle = FILL;
  context.lineWidth = CELL / 8;
  map.cells.forEach((row, y) => [...row].forEach((level, x) => {
    if (level === "2") context.fillRect(x * CELL, y * CELL, CELL, CELL);
    if (level === "1") stripe(context, x * CELL, y * CELL);
  }));
  return canvas;
}

function stripe(context, left, top) {
  context.save();
  context.beginPath();
  context.rect(left, top, CELL, CELL);
  context.clip();
  context.beginPath();
  for (let shift = -CELL; shift < CELL; shift += CELL / 3) {
    context.moveTo(left + shift, top + CELL);
    context.lineTo(left + shift + CELL, top);
  }
  context.stroke();
  context.restore();
}

/** The map in words, for those who cannot see it. */
export function mapInWords(map) {
  const all = map.cells.join("");
  const share = (level) => Math.round((100 * [...all].filter((cell) => cell === level).length) / all.length);
  const words = [`as strong as expected in ${share("2")} % of the picture`, `weak in ${share("1")} %`, `not found in ${share("0")} %`];
  return `The mark is ${words.join(", ")}.`;
}

/** { overlay, controls } for a map, or null where there is none; `overlay` lies over the picture. */
export function heatMap(map) {
  if (!isDrawable(map)) return null;
  const overlay = draw(map);
  const telling = map.cells.some((row) => /[01]/.test(row)); // an even map would only hide the picture
  overlay.hidden = !telling;
  const box = el("input", { type: "checkbox", checked: telling });
  box.addEventListener("change", () => { overlay.hidden = !box.checked; });
  const controls = el("div", { class: "heat-controls" },
    el("label", {}, box, " Show where the watermark is"),
    el("p", { class: "quiet" }, el("span", { class: "swatch full" }), " there ", el("span", { class: "swatch weak" }), " weak ",
      el("span", { class: "swatch" }), " not found. ", mapInWords(map)));
  return { overlay, controls };
}
