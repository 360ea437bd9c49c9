// A picture of a few lines: what was predicted beside what came. Its figures stand in a table or a text near by.

import { h, svg } from "./dom.js";
import * as format from "./format.js";
import { HEIGHT, WIDTH, drawn } from "./lines.js";

/** `lines` are {name, kind, xs, ys}, the last one on top; `kind` is actual, near or far. `place(x)` says an x in words. */
export function linesPicture(lines, label, place) {
  const found = drawn(lines);
  if (!found) return h("p", { class: "muted" }, "There is no finite value to be shown.");
  const { paths, x, y } = found;
  const box = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label };
  const zero = y[0] < 0 && y[1] > 0 ? (HEIGHT * y[1]) / (y[1] - y[0]) : null;
  return h(
    "figure",
    { class: "lines" },
    h(
      "ul",
      { class: "lines-legend small" },
      lines.map(({ name, kind }) => h("li", { data: { kind } }, h("span", { class: "swatch" }), name)),
    ),
    h(
      "div",
      { class: "lines-body" },
      h(
        "div",
        { class: "lines-scale muted small figures", aria: { hidden: "true" } },
        h("span", {}, format.tick(y[1])),
        h("span", {}, format.tick(y[0])),
      ),
      svg(
        "svg",
        box,
        zero === null ? null : svg("path", { class: "lines-zero", d: `M0 ${zero}L${WIDTH} ${zero}` }),
        paths.map((d, i) => svg("path", { d, data: { kind: lines[i].kind } })),
      ),
    ),
    h(
      "figcaption",
      { class: "lines-places muted small figures" },
      h("span", {}, place(x[0])),
      h("span", {}, place(x[1])),
    ),
  );
}
