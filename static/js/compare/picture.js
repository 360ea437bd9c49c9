// What the scatter plot and the parallel coordinates share: their colours, the choice of columns, and the table that says
// the same in words.

import { $, h, replace } from "../dom.js";
import * as format from "../format.js";
import { faded, resolved } from "../statistical.js";
import { axisLabel } from "./columns.js";
import { mix, sharesOf } from "../ramp.js";
import { swatch } from "./runlist.js";
import { valueInWords } from "./tableview.js";

const RAMP = ["--ramp-1", "--ramp-2", "--ramp-3"];

/** The colour of each run: of its group, or by the size of a result; faded where another is pointed at or chosen. */
export function colorsOf(store, { fade = true } = {}) {
  const column = store.column(store.state.sc);
  const solid = column ? byValue(column, store.runs) : byGroup(store);
  if (!fade) return solid;
  return new Map([...solid].map(([id, color]) => [id, store.isFaded(id) ? faded(color) : color]));
}

function byGroup(store) {
  const known = new Map();
  return new Map(
    [...store.styles].map(([id, { color }]) => {
      if (!known.has(color)) known.set(color, resolved(color));
      return [id, known.get(color)];
    }),
  );
}

function byValue(column, runs) {
  const ramp = RAMP.map(resolved);
  const none = resolved("--idle");
  const { shares } = sharesOf(column.values);
  return new Map(runs.map(({ id }) => [id, shares.has(id) ? mix(ramp, shares.get(id)) : none]));
}

/** Between which values the colours run. */
export function rampLegend(store) {
  const column = store.column(store.state.sc);
  if (!column) return null;
  const { low, high } = sharesOf(column.values);
  if (!Number.isFinite(low)) return null;
  return h(
    "p",
    { class: "compare-ramp small figures" },
    h("span", { class: "muted" }, axisLabel(column)),
    format.number(low),
    h("span", { class: "compare-ramp-bar", aria: { hidden: "true" } }),
    format.number(high),
  );
}

/** A choice of a column; `none` is the words for no column, where that is a choice. */
export function columnSelect(store, label, value, onChange, { none = null, filter = () => true } = {}) {
  const options = (kind) =>
    store.columns
      .filter((column) => column.kind === kind && filter(column))
      .map((column) => h("option", { value: column.key, selected: column.key === value }, column.label));
  const groups = [
    ["Results", options("result")],
    ["Settings", options("setting")],
  ].filter(([, found]) => found.length);
  const select = h(
    "select",
    { class: "select compare-pick", aria: { label } },
    none === null ? null : h("option", { value: "", selected: !value }, none),
    groups.map(([name, found]) => h("optgroup", { label: name }, found)),
  );
  select.addEventListener("change", () => onChange(select.value));
  return h("label", { class: "compare-labelled" }, h("span", { class: "muted small" }, label), select);
}

/** The same figures as a table, folded away. */
export function valuesTable(store, columns, title) {
  const styles = store.styles;
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, "Run"),
    columns.map((one) => h("th", { scope: "col", class: "right" }, one.label)),
  );
  const rows = store.runs.map((run) =>
    h(
      "tr",
      {
        data: { run: run.id },
        onmouseenter: () => store.highlight([run.id]),
        onfocusin: () => store.highlight([run.id]),
      },
      h(
        "th",
        { scope: "row" },
        h(
          "span",
          { class: "compare-rowhead" },
          swatch(styles.get(run.id)),
          h("a", { class: "row-link", href: `/runs/${run.id}` }, run.name),
        ),
      ),
      columns.map((one) => h("td", { class: "right" }, valueInWords(one.values.get(run.id) ?? null, one))),
    ),
  );
  const table = h(
    "table",
    { class: "table" },
    h("caption", { class: "visually-hidden" }, title),
    h("thead", {}, head),
    h("tbody", {}, rows),
  );
  return h(
    "details",
    { class: "chart-values" },
    h("summary", {}, "Values as a table"),
    h("div", { class: "table-wrap", tabindex: "0", role: "region", aria: { label: title } }, table),
  );
}

/** Replace a table of values and leave it as open as it was. */
export function replaceTable(place, details) {
  details.open = Boolean($("details", place)?.open);
  replace(place, details);
}
