// The columns of a dataset: type, missing values, range, a small histogram; and its rows.

import { h, svg } from "./dom.js";
import * as format from "./format.js";
import { valueInWords } from "./quantiles.js";
import { quantileStrip, quantileTable } from "./quantileview.js";

const MAX_CARDS = 60;
const MAX_TABLE_COLUMNS = 40;

/** A table of columns, each with its figures. A picture's hundreds of pixels are told in one line. */
export function columnCards(columns, { target = null, numRows = null } = {}) {
  const shown =
    columns.length > MAX_CARDS ? columns.filter((column, i) => i < MAX_CARDS - 1 || column.name === target) : columns;
  const head = [
    ["Column", 0],
    ["Type", 0],
    ["Distribution", 0],
    ["Missing", 1],
    ["Distinct", 1],
    ["Lowest", 1],
    ["Mean", 1],
    ["Highest", 1],
  ];
  const hidden = columns.length - shown.length;
  return h(
    "section",
    { class: "card flush" },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, "Columns"),
      h("span", { class: "card-note figures" }, format.plural(columns.length, "column")),
    ),
    h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "group", aria: { label: "Columns" } },
      h(
        "table",
        { class: "table cards-when-narrow columns-table" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            head.map(([name, isRight]) => h("th", { scope: "col", class: isRight ? "right" : null }, name)),
          ),
        ),
        h(
          "tbody",
          {},
          shown.map((column) => columnRow(column, target, numRows)),
        ),
      ),
    ),
    quantileTable(shown),
    hidden
      ? h("p", { class: "table-more muted small" }, `and ${format.plural(hidden, "more column")} like these`)
      : null,
  );
}

function columnRow(column, target, numRows) {
  const number = (name, value, type = column.type) =>
    h("td", { class: "right", title: format.exact(value), data: { label: name } }, valueInWords(type, value));
  const missing = column.num_missing
    ? h("span", { class: "tag warn" }, missingInWords(column.num_missing, numRows))
    : "0";
  return h(
    "tr",
    { data: { column: column.name } },
    h(
      "th",
      { scope: "row" },
      column.name,
      column.name === target ? [" ", h("span", { class: "tag" }, "target")] : null,
    ),
    h("td", { data: { label: "Type" } }, column.type),
    h("td", { class: "histogram-cell", data: { label: "Distribution" } }, distribution(column)),
    h("td", { class: "right", data: { label: "Missing" } }, missing),
    number("Distinct", column.num_distinct, "integer"),
    number("Lowest", column.min),
    number("Mean", column.mean),
    number("Highest", column.max),
  );
}

function missingInWords(numMissing, numRows) {
  return numRows
    ? `${format.count(numMissing)} (${Math.max(1, Math.round((numMissing / numRows) * 100))}%)`
    : format.count(numMissing);
}

/** A histogram with its quantiles under it. */
function distribution(column) {
  const strip = quantileStrip(column);
  return strip ? h("div", { class: "distribution" }, histogram(column), strip) : histogram(column);
}

/** Counts as bars: of a number's range, or of the most frequent values. */
export function histogram(column) {
  const top = column.histogram ? null : column.top_values;
  const counts = top ? top.map(({ count }) => count) : (column.histogram?.counts ?? []);
  if (!counts.length) return "";
  const highest = Math.max(...counts, 1);
  const width = 120 / counts.length;
  const bars = counts.map((n, i) => {
    const height = n ? Math.max(1, (n / highest) * 28) : 0;
    return svg(
      "rect",
      {
        x: (i * width).toFixed(2),
        y: (28 - height).toFixed(2),
        width: Math.max(0.5, width - 1).toFixed(2),
        height: height.toFixed(2),
      },
      svg("title", {}, barTitle(column, top, i, n)),
    );
  });
  return svg(
    "svg",
    {
      class: "histogram",
      viewBox: "0 0 120 28",
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": histogramLabel(column, top, counts),
    },
    bars,
  );
}

function barTitle(column, top, i, n) {
  if (top) return `${top[i].value}: ${format.count(n)}`;
  const { edges } = column.histogram;
  return `${valueInWords(column.type, edges[i])} to ${valueInWords(column.type, edges[i + 1])}: ${format.count(n)}`;
}

function histogramLabel(column, top, counts) {
  const at = counts.indexOf(Math.max(...counts));
  return `Distribution of ${column.name}, most in ${barTitle(column, top, at, counts[at])}`;
}

/**
 * Rows as a table. `imageUrl(name, i)` is where the image of the i-th row is; with `onSort` headings are buttons, `sort`
 * is a column's name, with - before it for the greatest first. `cellOf(column, i, value, shown)` may put something else in
 * a cell than what is `shown` there.
 */
export function rowsTable(
  columns,
  rows,
  { title = "First rows", note: said = "", imageUrl, sort, onSort, cellOf: other = (column, i, value, shown) => shown } = {},
) {
  const shown = columns.slice(0, MAX_TABLE_COLUMNS);
  const isNumber = new Set(
    columns.filter(({ type }) => type === "integer" || type === "float").map(({ name }) => name),
  );
  const cell = (value, column, i) => {
    const isRight = isNumber.has(column.name);
    const shown = cellOf(value, column.name, isRight, imageUrl, i);
    return h("td", { class: isRight ? "right" : "text-cell" }, other(column, i, value, shown));
  };
  const some = columns.length > shown.length ? `first ${shown.length} of ${format.count(columns.length)} columns` : "";
  const note = [said, some].filter(Boolean).join("; ");
  return h(
    "section",
    { class: "card flush" },
    h("div", { class: "card-head" }, h("h2", {}, title), h("span", { class: "card-note" }, note)),
    h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "group", aria: { label: title } },
      h(
        "table",
        { class: "table" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            shown.map((column) => heading(column, isNumber.has(column.name), sort, onSort)),
          ),
        ),
        h(
          "tbody",
          {},
          rows.map((row, i) =>
            h(
              "tr",
              {},
              shown.map((column) => cell(row[column.name], column, i)),
            ),
          ),
        ),
      ),
    ),
  );
}

function heading({ name, type }, isRight, sort, onSort) {
  const order = sort === name ? "ascending" : sort === `-${name}` ? "descending" : null;
  const canSort = onSort && type !== "image" && type !== "array";
  const sign = { ascending: " ↑", descending: " ↓" }[order] ?? "";
  return h(
    "th",
    { scope: "col", class: isRight ? "right" : null, "aria-sort": order },
    canSort ? h("button", { class: "sort", type: "button", onclick: () => onSort(name) }, name + sign) : name,
  );
}

function cellOf(value, name, isNumber, imageUrl, i) {
  if (value === null || value === undefined) return h("span", { class: "muted" }, "missing");
  if (isNumber) return plain(value);
  if (value.format && imageUrl)
    return h("img", {
      class: "cell-image",
      src: imageUrl(name, i),
      alt: `${name}, ${value.width} × ${value.height}`,
      loading: "lazy",
    });
  return Array.isArray(value) ? JSON.stringify(value) : String(value);
}

const plain = (value) => (typeof value === "number" ? String(value).replace("-", "−") : String(value));
