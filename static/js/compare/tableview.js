// The settings that differ beside what came of them: a row for each run, sortable by every column, the best marked.

import { $$, h, svg } from "../dom.js";
import * as format from "../format.js";
import { bestRuns, sortRuns } from "./columns.js";
import { replaceControls } from "./controls.js";
import { shortKey } from "./groups.js";
import { swatch } from "./runlist.js";

const MAX_COLUMNS = 40; // beyond, a table is no longer read; the difference of two runs has every setting

export class TableView {
  constructor(store, element) {
    Object.assign(this, { store, element });
    element.addEventListener("mouseleave", () => store.highlight([]));
    store.addEventListener("highlight", () => this.#showFading());
  }

  show(names = null) {
    const isOther = names === null || ["sort", "hide", "by", "figures"].some((name) => names.has(name));
    if (isOther) this.#build();
    this.#showFading();
  }

  #build() {
    const { store } = this;
    const { columns } = store;
    const settings = columns.filter(({ kind }) => kind === "setting").slice(0, MAX_COLUMNS);
    const results = columns.filter(({ kind }) => kind === "result").slice(0, MAX_COLUMNS);
    const shown = [...settings, ...results];
    const left = columns.length - shown.length;
    replaceControls(
      this.element,
      this.#table(settings, results),
      left ? h("p", { class: "muted small" }, `${format.plural(left, "more column")} not shown.`) : null,
      settings.length || store.runs.length < 2
        ? null
        : h(
            "p",
            { class: "note" },
            "These runs have the same settings: they differ by chance alone, or by what is not a setting.",
          ),
      store.data.layers.length ? this.#layers() : null,
    );
  }

  #table(settings, results) {
    const { store } = this;
    const shown = [...settings, ...results];
    const best = new Map(shown.map((column) => [column.key, bestRuns(column)]));
    const runs = sortRuns(store.runs, store.columns, store.state.sort);
    const styles = store.styles;
    const head = h(
      "thead",
      {},
      h(
        "tr",
        { class: "compare-kinds" },
        h("td", {}),
        settings.length ? h("th", { scope: "colgroup", colspan: settings.length }, "Settings that differ") : null,
        results.length ? h("th", { scope: "colgroup", colspan: results.length }, "Results") : null,
      ),
      h(
        "tr",
        {},
        this.#heading("name", "Run"),
        shown.map((column) => this.#heading(column.key, headOf(column), column.label, column.goal)),
      ),
    );
    const body = h(
      "tbody",
      {},
      runs.map((run) => this.#row(run, shown, best, styles.get(run.id))),
    );
    const caption = h("caption", { class: "visually-hidden" }, "Settings and results of the runs");
    return h(
      "div",
      { class: "card flush" },
      h(
        "div",
        { class: "table-wrap", tabindex: "0", role: "region", aria: { label: "Settings and results of the runs" } },
        h("table", { class: "table compare-table" }, caption, head, body),
      ),
    );
  }

  #heading(key, text, title = null, goal = null) {
    const { sort } = this.store.state;
    const isUp = sort === key;
    const isDown = sort === `-${key}`;
    const first = goal === "max" ? `-${key}` : key;
    const second = first === key ? `-${key}` : key;
    const next = sort === first ? second : first;
    const arrow = isUp ? "M4 1v6M1.5 3.5 4 1l2.5 2.5" : "M4 7V1M1.5 4.5 4 7l2.5-2.5";
    return h(
      "th",
      {
        scope: "col",
        class: key === "name" ? null : "right",
        aria: { sort: isUp ? "ascending" : isDown ? "descending" : "none" },
      },
      h(
        "button",
        { class: "compare-sort", type: "button", title, onclick: () => this.store.set({ sort: next }) },
        text,
        isUp || isDown
          ? svg("svg", { class: "compare-arrow", viewBox: "0 0 8 8", "aria-hidden": "true" }, svg("path", { d: arrow }))
          : null,
      ),
    );
  }

  #row(run, columns, best, style) {
    const point = () => this.store.highlight([run.id]);
    return h(
      "tr",
      { data: { run: run.id }, onmouseenter: point, onfocusin: point },
      h(
        "th",
        { scope: "row" },
        h(
          "span",
          { class: "compare-rowhead" },
          swatch(style),
          h("a", { class: "row-link", href: `/runs/${run.id}` }, run.name),
        ),
      ),
      columns.map((column) => cell(column, run, best.get(column.key).has(run.id))),
    );
  }

  #layers() {
    const { runs, data } = this.store;
    const rows = data.layers.flatMap(({ key, values }) => {
      const found = new Map();
      values.forEach((value, i) => found.set(value, [...(found.get(value) ?? []), runs[i]]));
      return [...found].map(([value, members], i) =>
        h(
          "tr",
          {},
          i ? null : h("th", { scope: "rowgroup", rowspan: found.size }, key),
          h("td", {}, value === null ? h("span", { class: "muted" }, "no such layer") : h("code", {}, value)),
          h(
            "td",
            { class: "compare-members", onmouseenter: () => this.store.highlight(members.map(({ id }) => id)) },
            membersInWords(members, runs.length),
          ),
        ),
      );
    });
    return h(
      "div",
      { class: "card flush" },
      h("div", { class: "card-head" }, h("h2", {}, "Layers that differ")),
      h(
        "div",
        { class: "table-wrap", tabindex: "0", role: "region", aria: { label: "Layers that differ" } },
        h(
          "table",
          { class: "table compare-layers" },
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              ["Layer", "As", "In"].map((name) => h("th", { scope: "col" }, name)),
            ),
          ),
          h("tbody", {}, rows),
        ),
      ),
    );
  }

  #showFading() {
    for (const row of $$("tr[data-run]", this.element)) {
      row.toggleAttribute("data-faded", this.store.isFaded(row.dataset.run));
      row.toggleAttribute("data-pointed", this.store.highlighted.has(row.dataset.run));
    }
  }
}

const headOf = ({ key, label, kind }) => (kind === "setting" ? shortKey(key) : label);

function cell(column, run, isBest) {
  const value = column.values.get(run.id) ?? null;
  const isNumber = typeof value === "number" || column.kind === "result";
  const text = valueInWords(value, column);
  const best = isBest ? h("span", { class: "visually-hidden" }, " (best)") : null;
  return h(
    "td",
    {
      class: isNumber ? "right" : "right compare-word",
      title: typeof value === "number" ? format.exact(value) : text,
      data: isBest ? { best: "" } : {},
    },
    text,
    best,
  );
}

/** A value as the table shows it. */
export function valueInWords(value, column) {
  if (value === null) return "–";
  if (column.key === "duration_s") return format.duration(value);
  if (column.kind === "result") return format.measure(value);
  if (typeof value === "number") return Number.isInteger(value) ? format.number(value) : format.tick(value);
  return String(value);
}

function membersInWords(members, numRuns) {
  if (members.length > 3) return `${members.length} of ${format.plural(numRuns, "run")}`;
  return members.map(({ name }) => name).join(", ");
}
