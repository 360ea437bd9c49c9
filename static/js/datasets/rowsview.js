// The rows of a dataset, a page at a time: sorted by a click on a heading, held to what a person asks for.

import * as api from "../api.js";
import { rowsTable } from "../columns.js";
import { h, replace } from "../dom.js";
import { select } from "../forms.js";
import * as format from "../format.js";
import { toastError } from "../shell.js";
import { isEditable } from "./edits.js";
import { cellEditor, valueBox } from "./editing.js";
import { imageUrl, nextSort } from "./rows.js";

const PAGE = 20;

export class RowsView {
  #dataset;
  #box;
  #offset = 0;
  #sort = null;
  #filters = [];
  #turn = 0;
  #edits;
  #isEditing = false;
  #found = null;
  #isCounted = false; // how many rows the filters hold to
  // The bar of filters and that for all rows stay where they are while rows come and go: somebody may be typing there.
  #asked;
  #forAll;
  #parts = { head: h("div"), rows: h("div"), pager: h("div") };

  /** With `edits`, values can be typed over; `onAll(column, filter, value)` makes a version of all that match. */
  constructor(dataset, box, { edits = null, onAll = null } = {}) {
    this.#dataset = dataset;
    this.#box = box;
    this.#edits = edits;
    this.onAll = onAll;
    this.#asked = this.#bar();
    this.#forAll = this.#allBar();
    edits?.onChange((by) => by !== this && this.#isEditing && this.#draw(this.#found));
  }

  async load() {
    const turn = ++this.#turn;
    this.#isCounted = false;
    this.#forAll.count(null);
    const query = { offset: this.#offset, limit: PAGE, filter: this.#filters, sort: this.#sort ?? undefined };
    try {
      const found = await api.get(`/datasets/${this.#dataset.id}/rows${api.query(query)}`);
      if (turn !== this.#turn) return;
      this.#isCounted = true;
      this.#draw(found);
    } catch (error) {
      toastError(error);
      if (turn !== this.#turn || error.status !== 422 || !this.#filters.length) return;
      this.#filters = this.#filters.slice(0, -1);
      await this.load();
    }
  }

  #draw(found) {
    const { rows, numbers, num_matching: numMatching } = found;
    this.#found = found;
    const table = rowsTable(this.#dataset.columns, rows, {
      title: "Rows",
      note: this.#where(rows.length, numMatching),
      imageUrl: (name, i) => imageUrl(this.#dataset, name, numbers[i]),
      sort: this.#sort,
      onSort: (name) => {
        this.#sort = nextSort(this.#sort, name);
        this.#goTo(0);
      },
      cellOf: (column, i, value, shown) =>
        this.#isEditing && isEditable(column) ? cellEditor(this.#edits, column, numbers[i], value, this) : shown,
    });
    const [head, shown] = table.children;
    this.#put({ head, rows: shown, pager: this.#pager(rows.length, numMatching) });
    this.#asked.draw();
    this.#forAll.count(this.#isCounted ? numMatching : null);
    this.#forAll.element.hidden = !this.#isEditing || !this.#filters.length;
  }

  #put(parts) {
    for (const [name, element] of Object.entries(parts)) this.#parts[name].replaceWith(element);
    this.#parts = parts;
    if (this.#box.contains(parts.head)) return;
    const bars = [this.#asked.element, this.#forAll.element];
    replace(this.#box, h("section", { class: "card flush" }, parts.head, bars, parts.rows, parts.pager));
  }

  #goTo(offset) {
    this.#offset = offset;
    return this.load();
  }

  #where(numShown, numMatching) {
    if (!numMatching) return "no row is like this";
    const range = `${format.count(this.#offset + 1)}–${format.count(this.#offset + numShown)}`;
    return `${range} of ${format.plural(numMatching, "row")}`;
  }

  #bar() {
    const columns = this.#dataset.columns.filter(({ type }) => type !== "image" && type !== "array");
    const name = select(
      columns.map((column) => ({ value: column.name, label: column.name })),
      columns[0]?.name,
      () => {},
      { "aria-label": "Column to look in" },
    );
    const value = h("input", {
      class: "input",
      placeholder: "cat, >=30, ~word, missing",
      "aria-label": "What its value must be",
      autocomplete: "off",
    });
    const chips = h("span", { class: "row" });
    const add = async (event) => {
      event.preventDefault();
      const said = value.value;
      const filter = `${name.value}:${said.trim()}`;
      if (!said.trim()) return;
      this.#filters = [...this.#filters, filter];
      await this.#goTo(0);
      if (this.#filters.includes(filter) && value.value === said) value.value = ""; // a refused one stays, to be mended
    };
    const toggle = this.#edits ? this.#toggle() : null;
    const element = h(
      "form",
      { class: "row rows-bar", onsubmit: add },
      name,
      value,
      h("button", { class: "button", type: "submit" }, "Filter"),
      chips,
      toggle,
    );
    element.hidden = !columns.length; // images and arrays alone: there is nothing to look for, nor to type over
    const draw = () => {
      replace(chips, this.#filters.map((one, i) => this.#chip(one, i)));
      toggle?.setAttribute("aria-pressed", String(this.#isEditing));
    };
    return { element, draw };
  }

  #chip(filter, i) {
    const drop = () => {
      this.#filters = this.#filters.filter((_, k) => k !== i);
      this.#goTo(0);
    };
    const properties = { class: "button small", type: "button", title: "No longer ask for this", onclick: drop };
    return h("button", properties, `${filter} ×`);
  }

  #toggle() {
    const turn = () => {
      this.#isEditing = !this.#isEditing;
      this.#draw(this.#found);
      button.focus();
    };
    const button = h("button", { class: "button", type: "button", onclick: turn }, "Edit values");
    return button;
  }

  /** One value for all rows that are held to, however many pages they fill. */
  #allBar() {
    const columns = this.#dataset.columns.filter(isEditable);
    if (!columns.length) return { element: h("span"), count: () => {} };
    const chosen = { column: columns[0] };
    const place = h("span");
    const draw = () => {
      chosen.box = valueBox(chosen.column, "What all these rows are to hold");
      replace(place, chosen.box.element);
    };
    const choose = (name) => {
      chosen.column = columns.find((column) => column.name === name);
      draw();
    };
    const apply = (event) => {
      event.preventDefault();
      const value = chosen.box.read();
      if (value !== undefined) this.onAll(chosen.column.name, this.#filters, value);
    };
    draw();
    const rows = h("span");
    const save = h("button", { class: "button", type: "submit" }, "Save as a version");
    const count = (numMatching) => {
      replace(rows, numMatching === null ? "In these rows, set" : `In ${format.plural(numMatching, "row")}, set`);
      save.disabled = !numMatching;
    };
    const names = columns.map(({ name }) => ({ value: name, label: name }));
    const element = h(
      "form",
      { class: "row rows-bar", onsubmit: apply },
      rows,
      select(names, columns[0].name, choose, { "aria-label": "Column to set" }),
      "to",
      place,
      save,
    );
    return { element, count };
  }

  #pager(numShown, numMatching) {
    const button = (label, offset, isOn) =>
      h("button", { class: "button small", type: "button", disabled: !isOn, onclick: () => this.#goTo(offset) }, label);
    return h(
      "div",
      { class: "row rows-pager" },
      button("Previous", Math.max(0, this.#offset - PAGE), this.#offset > 0),
      button("Next", this.#offset + PAGE, this.#offset + numShown < numMatching),
    );
  }
}
