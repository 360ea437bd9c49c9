// The quantiles of columns: a strip under a histogram, and all of them in figures.

import { h, svg } from "./dom.js";
import * as format from "./format.js";
import { QUANTILES, quantileShares, valueInWords } from "./quantiles.js";

const STRIP = { width: 120, height: 8 };

/** The middle half of the values as a box, nine tenths of them as a line, the median as a mark, 1 % and 99 % as dots. */
export function quantileStrip(column) {
  const shares = quantileShares(column);
  if (!shares) return null;
  const [p1, p5, p25, p50, p75, p95, p99] = shares.map((share) => 1 + share * (STRIP.width - 2));
  const middle = STRIP.height / 2;
  const dot = (x) => svg("rect", { class: "strip-dot", x: x - 0.75, y: middle - 1.5, width: 1.5, height: 3 });
  return svg(
    "svg",
    {
      class: "quantile-strip",
      viewBox: `0 0 ${STRIP.width} ${STRIP.height}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": quantilesInWords(column),
    },
    svg("title", {}, quantilesInWords(column)),
    svg("rect", { class: "strip-range", x: p5, y: middle - 0.5, width: Math.max(0.5, p95 - p5), height: 1 }),
    svg("rect", { class: "strip-box", x: p25, y: 1, width: Math.max(1, p75 - p25), height: STRIP.height - 2 }),
    svg("rect", { class: "strip-median", x: p50 - 0.75, y: 0, width: 1.5, height: STRIP.height }),
    dot(p1),
    dot(p99),
  );
}

function quantilesInWords({ type, quantiles }) {
  const [low, , first, median, third, , high] = quantiles.map((value) => valueInWords(type, value));
  return `Median ${median}, half of the values from ${first} to ${third}, 98% from ${low} to ${high}`;
}

/** Every quantile in figures, folded away. */
export function quantileTable(columns) {
  const counted = columns.filter(({ quantiles }) => quantiles?.length === QUANTILES.length);
  if (!counted.length) return null;
  const sampled = counted.filter(({ num_sampled: num }) => num);
  const name = "Quantiles";
  return h(
    "details",
    { class: "more quantiles" },
    h("summary", {}, "Quantiles as a table"),
    sampled.length ? h("p", { class: "muted small" }, sampledInWords(sampled)) : null,
    h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "region", aria: { label: name } },
      h(
        "table",
        { class: "table" },
        h(
          "thead",
          {},
          h("tr", {}, h("th", { scope: "col" }, "Column"), QUANTILES.map((share) => h("th", { scope: "col", class: "right" }, `${share}%`))),
        ),
        h(
          "tbody",
          {},
          counted.map(({ name: column, type, quantiles }) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, column),
              quantiles.map((value) => h("td", { class: "right", title: format.exact(value) }, valueInWords(type, value))),
            ),
          ),
        ),
      ),
    ),
  );
}

const sampledInWords = (columns) =>
  `Of ${columns.length === 1 ? columns[0].name : `${format.count(columns.length)} columns`} these are the quantiles of ${format.count(columns[0].num_sampled)} rows, chosen from all over the table.`;
