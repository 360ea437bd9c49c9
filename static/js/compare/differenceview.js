// Two runs' whole specifications against each other.

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import * as format from "../format.js";
import { toastError } from "../shell.js";
import { replaceControls } from "./controls.js";
import { difference, leafInWords } from "./difference.js";
import { tail } from "./link.js";

const WORDS = { same: "the same", changed: "differs", left: "only in the first", right: "only in the second" };

export class DifferenceView {
  constructor(store, element) {
    Object.assign(this, { store, element, specs: new Map(), showsAll: false });
  }

  async show(names = null) {
    if (names && !names.has("a") && !names.has("b")) return;
    const { runs } = this.store;
    if (runs.length < 2) {
      replace(this.element, h("p", { class: "note" }, "Two runs are needed: add another one."));
      return;
    }
    const [a, b] = this.#pair();
    try {
      const specs = await Promise.all([a, b].map((run) => this.#spec(run.id)));
      this.#build(a, b, difference(...specs));
    } catch (error) {
      toastError(error);
    }
  }

  #pair() {
    const { runs, state } = this.store;
    const named = (end) => runs.find((run) => tail(run.id) === end);
    const a = named(state.a) ?? runs[0];
    return [a, named(state.b) ?? runs.find((run) => run !== a)];
  }

  async #spec(id) {
    if (!this.specs.has(id)) {
      const { spec } = await api.get(`/runs/${id}`);
      this.specs.set(id, spec);
    }
    return this.specs.get(id);
  }

  #build(a, b, rows) {
    const differing = rows.filter(({ kind }) => kind !== "same");
    const shown = this.showsAll ? rows : differing;
    const all = h("input", { type: "checkbox", checked: this.showsAll });
    all.addEventListener("change", () => {
      this.showsAll = all.checked;
      this.#build(a, b, rows);
    });
    const swap = h(
      "button",
      { class: "button small", type: "button", onclick: () => this.store.set({ a: tail(b.id), b: tail(a.id) }) },
      "Swap",
    );
    replaceControls(
      this.element,
      h(
        "div",
        { class: "toolbar compare-controls" },
        this.#select("First run", "a", a),
        this.#select("Second run", "b", b),
        swap,
        h("label", { class: "check" }, all, "Show what is the same, too"),
      ),
      h(
        "p",
        { class: "muted small", role: "status" },
        `${format.count(differing.length)} of ${format.plural(rows.length, "setting")} differ.`,
      ),
      shown.length ? table(a, b, shown) : h("p", { class: "note good" }, "The two specifications are the same."),
    );
  }

  #select(label, name, chosen) {
    const options = this.store.runs.map((run) =>
      h("option", { value: tail(run.id), selected: run === chosen }, run.name),
    );
    const select = h("select", { class: "select compare-pick", aria: { label } }, options);
    select.addEventListener("change", () => this.store.set({ [name]: select.value }));
    return select;
  }
}

function table(a, b, rows) {
  return h(
    "div",
    { class: "card flush" },
    h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "region", aria: { label: "Difference of two runs" } },
      h(
        "table",
        { class: "table compare-difference" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["Setting", a.name, b.name].map((name) => h("th", { scope: "col" }, name)),
          ),
        ),
        h("tbody", {}, rows.map(row)),
      ),
    ),
  );
}

function row({ place, a, b, kind }) {
  return h(
    "tr",
    { data: { kind } },
    h("th", { scope: "row" }, h("code", {}, place), h("span", { class: "visually-hidden" }, `, ${WORDS[kind]}`)),
    [a, b].map((value) =>
      h("td", { class: value === undefined ? "muted" : null }, value === undefined ? "not there" : leafInWords(value)),
    ),
  );
}
