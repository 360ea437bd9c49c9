// The runs that are compared: what each looks like, whether it is drawn, and the way to leave one out. The legend of
// every picture of the page.

import { $, h, replace, setText, svg } from "../dom.js";
import * as format from "../format.js";
import { columnOf } from "./columns.js";

export class RunList {
  constructor(store, element) {
    Object.assign(this, { store, element });
    store.addEventListener("data", () => this.show());
    store.addEventListener("change", ({ detail }) => this.#changed(detail));
    store.addEventListener("highlight", () => this.#showFading());
    element.addEventListener("mouseleave", () => store.highlight([]));
  }

  #changed(names) {
    if (names.has("by") || names.has("hide") || names.has("y")) this.show();
    else if (names.has("figures")) this.#showFigures();
    else if (names.has("chosen")) this.#showFading();
  }

  show() {
    const { store } = this;
    const focused = document.activeElement?.closest?.("[data-key]")?.dataset.key;
    const isGrouped = Boolean(store.state.by);
    replace(
      this.element,
      store.groups.map((group) => (isGrouped ? this.#group(group) : this.#run(group.runs[0], group.style))),
    );
    this.#showFigures();
    this.#showFading();
    if (focused) $(`[data-key="${CSS.escape(focused)}"] button`, this.element)?.focus();
  }

  #group({ key, label, runs, style }) {
    const ids = runs.map((run) => run.id);
    const isHidden = ids.every((id) => this.store.isHidden(id));
    return h(
      "li",
      { class: "compare-group", data: { key } },
      h(
        "div",
        { class: "compare-run", onmouseenter: () => this.store.highlight(ids) },
        this.#toggle(label, ids, isHidden, style),
        h("span", { class: "grow compare-name" }, label),
        h("span", { class: "muted small" }, format.plural(runs.length, "run")),
      ),
      h(
        "ul",
        { aria: { label } },
        runs.map((run) => this.#run(run, style, false)),
      ),
    );
  }

  #run(run, style, hasSwatch = true) {
    const { store } = this;
    const point = () => store.highlight([run.id]);
    const isHidden = store.isHidden(run.id);
    return h(
      "li",
      { class: "compare-run", data: { key: run.id, run: run.id }, onmouseenter: point, onfocusin: point },
      this.#toggle(run.name, [run.id], isHidden, hasSwatch ? style : null),
      h("a", { class: "row-link compare-name grow", href: `/runs/${run.id}`, title: run.name }, run.name),
      h("span", { class: "figures small compare-figure", data: { field: "figure" } }),
      h(
        "span",
        { class: "status compare-status", data: { status: run.status, field: "status" }, title: run.status },
        h("span", { class: "visually-hidden" }, run.status),
      ),
      h(
        "button",
        {
          class: "button quiet small icon",
          type: "button",
          title: "Leave out",
          aria: { label: `Leave out ${run.name}` },
          onclick: () => store.remove(run.id),
        },
        "×",
      ),
    );
  }

  #toggle(name, ids, isHidden, style) {
    return h(
      "button",
      {
        class: "compare-toggle",
        type: "button",
        title: isHidden ? "Draw" : "Do not draw",
        aria: { pressed: String(!isHidden), label: `Draw ${name}` },
        onclick: () => this.store.setHidden(ids, !isHidden),
      },
      style ? swatch(style) : h("span", { class: "compare-tick", aria: { hidden: "true" } }),
    );
  }

  #showFigures() {
    const { store } = this;
    const column = columnOf(store.columns, store.state.y[0] ?? "");
    for (const run of store.runs) {
      const row = $(`[data-run="${CSS.escape(run.id)}"]`, this.element);
      if (!row) continue;
      const value = column?.values.get(run.id) ?? null;
      setText($('[data-field="figure"]', row), value === null ? "" : format.measure(value));
      const status = $('[data-field="status"]', row);
      status.dataset.status = run.status;
      status.title = run.status;
      setText(status.firstElementChild, run.status);
    }
  }

  #showFading() {
    for (const row of this.element.querySelectorAll("[data-run]")) {
      row.toggleAttribute("data-faded", this.store.isFaded(row.dataset.run));
      row.toggleAttribute("data-pointed", this.store.highlighted.has(row.dataset.run));
    }
  }
}

/** A piece of a run's line, as the charts draw it. */
export function swatch({ color, dash }) {
  const line = svg("line", { x1: 1, x2: 23, y1: 5, y2: 5, "stroke-dasharray": dash.join(" "), "stroke-width": 3 });
  line.style.stroke = `var(${color})`;
  return svg("svg", { class: "compare-swatch", viewBox: "0 0 24 10", "aria-hidden": "true" }, line);
}
