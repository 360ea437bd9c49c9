// Rows before and after: what a run with the present settings would feed its model.

import * as api from "../api.js";
import { imageUrl } from "../datasets/rows.js";
import { h, replace } from "../dom.js";
import * as format from "../format.js";

const NUM_ROWS = 6;
const MAX_COLUMNS = 24; // of features, and of inputs, side by side

/** A part of the form that asks the server when it is opened, and again when its button is pressed. */
export function previewPart(builder) {
  const body = h("div", { class: "stack-s" });
  const ask = async () => {
    replace(body, h("p", { class: "muted small", role: "status" }, "Making some rows ready…"));
    const { dataset, data } = builder.draft;
    try {
      show(body, dataset, await api.post(`/datasets/${dataset}/preview`, { data, num_rows: NUM_ROWS }), ask);
    } catch (error) {
      replace(body, h("p", { class: "small" }, `Not yet: ${error.message}`), again(ask));
    }
  };
  const element = h("details", { class: "more" }, h("summary", {}, "Rows before and after"), body);
  element.addEventListener("toggle", () => element.open && ask());
  return element;
}

const again = (ask) => h("button", { class: "button small", type: "button", onclick: ask }, "Look again");

function show(body, dataset, found, ask) {
  const { rows, numbers, parts, names, inputs, tokens, pictures } = found;
  const features = Object.keys(rows[0] ?? {}).slice(0, MAX_COLUMNS);
  const fed = names.slice(0, MAX_COLUMNS);
  const head = (name, isRight = true) => h("th", { scope: "col", class: isRight ? "right" : null }, name);
  const group = (words, span) => h("th", { scope: "colgroup", colspan: String(span) }, words);
  const textual = Object.keys(tokens);
  const drawn = Object.keys(pictures);
  const numFed = drawn.length + textual.length + fed.length;
  const after = (i) => [
    ...drawn.map((name) => h("td", {}, picture(pictures[name][i], `${name} as it is fed`))),
    ...textual.map((name) => h("td", { class: "text-cell" }, tokens[name][i].join(" · "))),
    ...fed.map((_, k) => h("td", { class: "right" }, format.number(Number(inputs[i][k])))),
  ];
  const table = h(
    "table",
    { class: "table" },
    h(
      "thead",
      {},
      h("tr", {}, group("row", 2), group("as it is", features.length), group("as it is fed", numFed)),
      h(
        "tr",
        {},
        head("number"),
        head("part", false),
        features.map((name) => head(name, false)),
        drawn.map((name) => head(name, false)),
        textual.map((name) => head(`${name}, cut`, false)),
        fed.map((name) => head(name)),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((row, i) =>
        h(
          "tr",
          {},
          h("td", { class: "right" }, format.count(numbers[i])),
          h("td", {}, parts[i]),
          features.map((name) => h("td", { class: "text-cell" }, cell(row[name], dataset, name, numbers[i]))),
          after(i),
        ),
      ),
    ),
  );
  const shape = found.input_shape.join(" × ");
  const hidden = found.num_inputs - fed.length;
  const more = hidden > 0 && fed.length ? `, of which ${format.count(fed.length)} are shown` : "";
  const words = `${format.plural(found.num_inputs, "number")} a row (a model is fed ${shape})${more}; fitted here on ${format.plural(found.num_fitted, "training row")}.`;
  const wrap = h("div", { class: "table-wrap", tabindex: "0", role: "group", aria: { label: "Rows before and after" } }, table);
  replace(body, h("p", { class: "muted small" }, words), wrap, again(ask));
}

const picture = (src, alt) => h("img", { class: "preview-picture", src, alt });

function cell(value, dataset, name, row) {
  if (value === null || value === undefined) return h("span", { class: "muted" }, "missing");
  if (value.format)
    return picture(imageUrl({ id: dataset }, name, row), `${value.width} × ${value.height} ${value.format}`);
  return Array.isArray(value) ? JSON.stringify(value).slice(0, 60) : String(value).slice(0, 80);
}
