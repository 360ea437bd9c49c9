// What one box of a model's graph looks like, and one frame around what stands open.

import { svg } from "./dom.js";
import * as format from "./format.js";
import { compactShape, inWords } from "./modellayout.js";
import { BOX } from "./modelplacing.js";

/** A box in its place; `messages` are what is wrong in it. */
export function boxElement(box, { x, y }, { messages, isButton }) {
  const { width, height } = BOX;
  const isFold = box.kind === "fold";
  const label = [inWords(box), ...messages].join(". ");
  return svg(
    "g",
    {
      class: `graph-box of-${box.family}${messages.length ? " is-wrong" : ""}`,
      transform: `translate(${round(x)},${round(y)})`,
      role: isButton ? "button" : "img",
      tabindex: -1,
      aria: isFold ? { label, expanded: "false" } : { label },
      data: { id: box.id },
    },
    svg("title", {}, messages.join("\n") || titleOf(box)),
    isFold ? svg("rect", { class: "graph-behind", x: 4, y: 4, width, height, rx: 8 }) : null,
    svg("rect", { class: "graph-face", width, height, rx: 8 }),
    svg("rect", { class: "graph-family", x: 0.5, y: 6, width: 4, height: height - 12, rx: 2 }),
    lines(box),
  );
}

/** A frame with its title, to close it by. */
export function frameElement(frame, { x, y, width, height }) {
  return svg(
    "g",
    {
      class: "graph-frame",
      transform: `translate(${round(x)},${round(y)})`,
      role: "button",
      tabindex: -1,
      aria: { label: `${inWords(frame)}, open`, expanded: "true" },
      data: { id: frame.id },
    },
    svg("rect", { class: "graph-inside", width, height, rx: 10 }),
    svg("text", { class: "graph-frame-title", x: 10, y: 14 }, clipped(`− ${frame.title}`, width - 20, 5.8)),
  );
}

/** The head of every arrow, under an id that they name. */
export function arrowHead(id) {
  const head = { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" };
  return svg("defs", {}, svg("marker", head, svg("path", { class: "graph-head", d: "M0,0.5 7.5,4 0,7.5z" })));
}

const round = (value) => Math.round(value * 10) / 10;

const titleOf = (box) =>
  [box.kind === "layer" ? `${box.title} ${box.id}` : box.title, box.shape ? `output ${format.shape(box.shape)}` : ""]
    .filter(Boolean)
    .join(", ");

/** What stands in a box: type and name above, output and parameters below. */
function lines(box) {
  const end = BOX.width - 10;
  const isFold = box.kind === "fold";
  const note = isFold ? format.plural(box.numLayers, "layer") : box.note;
  const room = end - 14;
  const title = clipped(box.title, isFold ? room - note.length * 5.8 - 16 : room, 6.9);
  const shape = compactShape(box.shape);
  const parameters = box.numParameters ? `${format.short(box.numParameters)} par.` : "";
  const right = (name, y, text, x = end) => svg("text", { class: name, x, y, "text-anchor": "end" }, text);
  const y = shape || parameters ? 18 : 25;
  return [
    svg("text", { class: "graph-title", x: 14, y }, title),
    right("graph-name", y, clipped(note, room - title.length * 6.9 - (isFold ? 12 : 4), 5.8), isFold ? end - 14 : end),
    isFold ? right("graph-sign", y + 1, "+") : null,
    svg("text", { class: "graph-figures", x: 14, y: 33 }, clipped(shape, room - parameters.length * 5.8, 6)),
    right("graph-figures", 33, parameters),
  ];
}

/** As much of a text as has room, by the width of an ordinary letter. */
function clipped(text, room, letter) {
  const most = Math.floor(room / letter);
  if (text.length <= most) return text;
  return most < 2 ? "" : `${text.slice(0, most - 1)}…`;
}
