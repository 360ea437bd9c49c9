// Small pictures for buttons that have no room for a word; the word is the button's label.

import { svg } from "./dom.js";

const PATHS = {
  up: "M8 13V3M4 7l4-4 4 4",
  down: "M8 3v10M4 9l4 4 4-4",
  copy: "M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3z",
  remove: "M4 4l8 8M12 4l-8 8",
  block: "M5.5 2.5H3v11h2.5M10.5 2.5H13v11h-2.5M6 6h4M6 10h4",
  first: "M4 3h8M8 13V6M4.5 9.5 8 6l3.5 3.5",
  last: "M4 13h8M8 3v7M4.5 6.5 8 10l3.5-3.5",
  grip: "M6 4h.01M10 4h.01M6 8h.01M10 8h.01M6 12h.01M10 12h.01",
  error: "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6",
  warning: "M8 2 14.5 13.5h-13zM8 6.5v3.2M8 11.7h.01",
  info: "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M8 7.3v3.9M8 4.7h.01",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
};

export function icon(name, size = 14) {
  return svg(
    "svg",
    {
      width: size,
      height: size,
      viewBox: "0 0 16 16",
      fill: "none",
      stroke: "currentColor",
      "stroke-width": name === "more" || name === "grip" ? 2 : 1.5,
      "stroke-linecap": "round",
      "stroke-linejoin": "round",
      "aria-hidden": "true",
    },
    svg("path", { d: PATHS[name] }),
  );
}
