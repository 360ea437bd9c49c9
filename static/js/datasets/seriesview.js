// Numbers of a table along its time, or its rows as they stand: a picture for each column, all with one window.

import * as api from "../api.js";
import { debounce, emptyCard, h, replace, setText } from "../dom.js";
import { likelyTarget } from "../draft.js";
import * as format from "../format.js";
import { inlineField, select } from "../forms.js";
import { valueInWords } from "../quantiles.js";
import { axisOption, faded, onTheme, pictureIn, resolved, themeColors } from "../statistical.js";
import { Drag } from "./drag.js";
import { classesOf, drawable, likelyPlace, placesFor } from "./figures.js";
import { GRID, MAX_COLUMNS, bucketsFor, likelyColumns, lineInWords, movedWindow, seriesOption } from "./tracing.js";

const NUM_COLORS = 8;

export class SeriesView {
  #dataset;
  #element;
  #numbers;
  #along = "";
  #by = "";
  #names = [];
  #window = null;
  #whole = null;
  #found = null;
  #pictures = new Map(); // of each column its element and what ECharts draws there
  #turn = 0;

  constructor(dataset, element) {
    this.#dataset = dataset;
    this.#element = element;
    this.#numbers = drawable(dataset.columns);
    this.controls = h("div", { class: "toolbar" });
    this.chips = h("div", { class: "row", role: "group", aria: { label: "Columns that are drawn" } });
    this.moves = h("div", { class: "row", role: "group", aria: { label: "Window" } });
    this.state = h("p", { class: "muted small", role: "status" });
    this.legend = h("ul", { class: "legend small" });
    this.charts = h("div", { class: "stack" });
    onTheme(() => this.#draw());
  }

  show() {
    if (!this.#numbers.length) {
      replace(this.#element, emptyCard("Nothing to draw", "Series are of columns of numbers; this table has none. A number that is read as text has something in it that is none: look at its rows under Table."));
      return;
    }
    this.#along = likelyPlace(this.#dataset.columns);
    this.#names = likelyColumns(this.#numbers, likelyTarget(this.#dataset.columns), this.#along);
    replace(
      this.#element,
      h(
        "section",
        { class: "card", aria: { label: "Series" } },
        h("div", { class: "card-head" }, h("h2", {}, "Numbers along time"), this.moves),
        h("div", { class: "stack-s" }, this.controls, this.chips, this.state, this.legend, this.charts),
      ),
    );
    this.#showControls();
    this.#load();
    const again = debounce(200, () => this.#load());
    new ResizeObserver(() => {
      if (this.#found && bucketsFor(this.charts.clientWidth) > 1.3 * this.#found.asked) again();
    }).observe(this.charts);
  }

  #showControls() {
    const rows = { value: "", label: "the rows as they stand" };
    const places = placesFor(this.#dataset.columns).map((name) => ({ value: name, label: name }));
    const along = select([rows, ...places], this.#along, (name) => {
      this.#along = name;
      this.#window = null;
      this.#load();
    });
    const groups = this.#dataset.columns.filter((column) => column.num_distinct > 1 && classesOf(column, this.#dataset.num_rows));
    const none = { value: "", label: "one line" };
    const by = select([none, ...groups.map(({ name }) => ({ value: name, label: `a line for each ${name}` }))], this.#by, (name) => {
      this.#by = name;
      this.#load();
    });
    const others = this.#numbers.filter(({ name }) => !this.#names.includes(name));
    const add = select(
      [{ value: "", label: "Add a column…" }, ...others.map(({ name }) => ({ value: name, label: name }))],
      "",
      (name) => this.#setNames([...this.#names, name]),
      { "aria-label": "Add a column" },
    );
    add.disabled = !others.length || this.#names.length >= MAX_COLUMNS;
    replace(this.controls, inlineField("Along", along), groups.length ? inlineField("With", by) : null, add);
    this.#showChips();
    this.#showMoves();
  }

  #showChips() {
    const chip = (name) =>
      h(
        "button",
        {
          class: "button small",
          type: "button",
          title: "Draw it no longer",
          disabled: this.#names.length === 1,
          onclick: () => this.#setNames(this.#names.filter((one) => one !== name)),
        },
        `${name} ×`,
      );
    replace(this.chips, this.#names.map(chip));
  }

  #setNames(names) {
    this.#names = names.filter(Boolean);
    this.#showControls();
    this.#load();
  }

  #showMoves() {
    const button = (text, label, act) =>
      h("button", { class: "button small icon", type: "button", aria: { label }, title: label, onclick: act }, text);
    const to = (step) => () => {
      if (this.#found && this.#whole) this.#zoom(movedWindow([this.#found.start, this.#found.end], step, this.#whole));
    };
    const all = h("button", { class: "button small", type: "button", onclick: () => this.#zoom(null) }, "All");
    replace(
      this.moves,
      button("+", "Zoom in", to("in")),
      button("−", "Zoom out", to("out")),
      button("←", "Earlier", to("left")),
      button("→", "Later", to("right")),
      all,
    );
  }

  #zoom(window) {
    this.#window = window;
    this.#load();
  }

  async #load() {
    const turn = ++this.#turn;
    const asked = bucketsFor(this.charts.clientWidth);
    const [from, to] = this.#window ?? [null, null];
    const query = { column: this.#names, along: this.#along, by: this.#by, from, to, num_buckets: asked };
    try {
      const found = await api.get(`/datasets/${this.#dataset.id}/series${api.query(query)}`);
      if (turn !== this.#turn) return;
      this.#found = { ...found, asked };
      if (!this.#window) this.#whole = [found.start, found.end];
      await this.#place();
      if (turn === this.#turn) this.#draw();
    } catch (error) {
      if (turn === this.#turn) setText(this.state, error.message);
    }
  }

  /** An element for each column, made once. */
  async #place() {
    const { lines } = this.#found;
    const names = [...new Set(lines.map(({ column }) => column))];
    for (const [name, { picture, figure }] of this.#pictures)
      if (!names.includes(name)) {
        picture.dispose();
        figure.remove();
        this.#pictures.delete(name);
      }
    for (const name of names) {
      if (this.#pictures.has(name)) continue;
      const one = this.#figure(name);
      this.#pictures.set(name, one);
      this.charts.append(one.figure);
      one.picture = await pictureIn(one.place);
    }
  }

  #figure(name) {
    const place = h("div", { class: "series-picture", role: "img", aria: { label: name } });
    const words = h("span", { class: "muted small figures" });
    const figure = h("figure", { class: "series-figure" }, h("figcaption", { class: "row" }, h("h3", {}, name), words), place);
    new Drag(place, GRID, (shares) => {
      const { start, end } = this.#found;
      this.#zoom(shares.map((share) => start + share * (end - start)));
    });
    return { figure, place, words };
  }

  #draw() {
    if (!this.#found || this.#element.hidden) return;
    const theme = themeColors();
    const axis = (spec, name) => axisOption(spec, name, theme);
    const color = (i) => resolved(this.#by ? `--run-${(i % NUM_COLORS) + 1}` : "--curve-train");
    const soft = (i) => faded(color(i), this.#by ? 0.25 : 0.35);
    for (const [name, { picture, place, words }] of this.#pictures) {
      const lines = this.#found.lines.filter(({ column }) => column === name);
      picture?.draw(seriesOption(lines, this.#found, axis, color, soft));
      const inWords = lineInWords(lines, this.#found);
      setText(words, inWords);
      place.setAttribute("aria-label", `${name}: ${inWords}`);
    }
    this.#showState();
  }

  #showState() {
    const { lines, num_rows: numRows, num_buckets: numBuckets, start, end, along, is_time: isTime } = this.#found;
    const type = isTime ? "timestamp" : "float";
    const window = along ? `from ${valueInWords(type, start)} to ${valueInWords(type, end)}` : `from ${format.count(Math.ceil(start))} to ${format.count(Math.floor(end))}`;
    const rows = `${format.plural(numRows, "row")} ${window}`;
    const isDense = lines.some(({ count }) => count.some((n) => n > 1));
    const buckets = isDense ? `; in ${format.count(numBuckets)} buckets, each with its whole range and its mean` : "";
    const lost = this.#found.num_without_place ? `; ${format.plural(this.#found.num_without_place, "row")} without ${along} left out` : "";
    const others = this.#found.num_other_groups ? `; the eight commonest of ${this.#by}, ${format.plural(this.#found.num_other_groups, "other")} left out` : "";
    setText(this.state, `${rows}${buckets}${lost}${others}.`);
    const groups = [...new Set(lines.map(({ group }) => group))].filter((group) => group !== null);
    replace(
      this.legend,
      groups.map((group, i) => {
        const dot = h("span", { class: "legend-dot", aria: { hidden: "true" } });
        dot.style.background = `var(--run-${(i % NUM_COLORS) + 1})`;
        return h("li", {}, dot, group);
      }),
    );
    this.legend.hidden = !groups.length;
  }
}
