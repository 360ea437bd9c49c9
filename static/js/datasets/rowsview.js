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

  /** With `edits`, values can be typed over; `onAll(column, filter, value)` makes a version of all that match. */
  constructor(dataset, box, { edits = null, onAll = null } = {}) {
    this.#dataset = dataset;
    this.#box = box;
    this.#edits = edits;
    this.onAll = onAll;
    edits?.onChange((by) => by !== this && this.#isEditing && this.#draw(this.#found));
  }

  async load() {
    const turn = ++this.#turn;
    const query = { offset: this.#offset, limit: PAGE, filter: this.#filters, sort: this.#sort ?? undefined };
    try {
      const found = await api.get(`/datasets/${this.#dataset.id}/rows${api.query(query)}`);
      if (turn === this.#turn) this.#draw(found);
    } catch (error) {
      this.#filters = error.status === 422 ? this.#filters.slice(0, -1) : this.#filters;
      toastError(error);
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
    table.firstElementChild.after(this.#bar(), ...(this.#isEditing && this.#filters.length ? [this.#allBar(numMatching)] : []));
    table.append(this.#pager(rows.length, numMatching));
    replace(this.#box, table);
  }

  #goTo(offset) {
    this.#offset = offset;
    this.load();
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
    const chips = this.#filters.map((one, i) =>
      h(
        "button",
        {
          class: "button small",
          type: "button",
          title: "No longer ask for this",
          onclick: () => {
            this.#filters = this.#filters.filter((_, k) => k !== i);
            this.#goTo(0);
          },
        },
        `${one} ×`,
      ),
    );
    const add = (event) => {
      event.preventDefault();
      if (!value.value.trim()) return;
      this.#filters = [...this.#filters, `${name.value}:${value.value.trim()}`];
      this.#goTo(0);
    };
    return h(
      "form",
      { class: "row rows-bar", onsubmit: add },
      name,
      value,
      h("button", { class: "button", type: "submit" }, "Filter"),
      chips,
      this.#edits ? this.#toggle() : null,
    );
  }

  #toggle() {
    const turn = () => {
      this.#isEditing = !this.#isEditing;
      this.#draw(this.#found);
      this.#box.querySelector(".rows-edit").focus();
    };
    const properties = { class: "button rows-edit", type: "button", "aria-pressed": String(this.#isEditing), onclick: turn };
    return h("button", properties, "Edit values");
  }

  /** One value for all rows that are held to, however many pages they fill. */
  #allBar(numMatching) {
    const columns = this.#dataset.columns.filter(isEditable);
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
    const names = columns.map(({ name }) => ({ value: name, label: name }));
    return h(
      "form",
      { class: "row rows-bar", onsubmit: apply },
      h("span", {}, `In ${format.plural(numMatching, "row")}, set`),
      select(names, columns[0].name, choose, { "aria-label": "Column to set" }),
      "to",
      place,
      h("button", { class: "button", type: "submit", disabled: !numMatching }, "Save as a version"),
    );
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
