// A picture of two columns: points, boxes by class, or shares of classes.

import * as api from "../api.js";
import { h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { axisOption, faded, pictureIn, resolved, themeColors } from "../statistical.js";
import { boxesOption, pairInWords, partsOf, pictureInWords, scatterOption, sharesOption, tableOf } from "./relations.js";

const BAR_PX = 26;
const AROUND_PX = 72;
const MIN_PX = 180;

export class PairView {
  #dataset;
  #found = null;
  #names = null;
  #turn = 0;
  #picture = null;

  constructor(dataset, element) {
    this.#dataset = dataset;
    this.element = element;
    this.title = h("h2", {}, "Two columns");
    this.link = h("span", { class: "card-note" });
    this.words = h("p", { class: "small", role: "status" });
    this.legend = h("ul", { class: "legend small" });
    this.place = h("div", { class: "pair-picture", role: "img", aria: { label: "Two columns" } });
    this.more = h("div", { class: "stack-s" });
    replace(
      element,
      h("div", { class: "card-head" }, this.title, this.link),
      h("div", { class: "stack-s" }, this.words, this.legend, this.place, this.more),
    );
  }

  clear() {
    this.element.hidden = true;
  }

  /** Whether it stands under the list rather than beside it. */
  isBelow(list) {
    return this.element.getBoundingClientRect().left < list.getBoundingClientRect().right;
  }

  async show(target, column, readAs, link) {
    const turn = ++this.#turn;
    this.element.hidden = false;
    setText(this.title, `${column} and ${target}`);
    replace(this.link, link);
    const query = { target, column, read_as: readAs };
    let found;
    try {
      found = await api.get(`/datasets/${this.#dataset.id}/relations/pair${api.query(query)}`);
      if (turn !== this.#turn) return;
      this.#picture ??= await pictureIn(this.place);
      if (turn !== this.#turn) return;
    } catch (error) {
      if (turn === this.#turn) setText(this.words, error.message);
      return;
    }
    this.#found = found;
    this.#names = { column, target };
    setText(this.words, pairInWords(found.relation));
    this.#showMore(found);
    this.draw();
  }

  draw() {
    const picture = this.#found?.picture;
    this.place.hidden = !picture;
    if (!picture) return;
    const numBars = picture.boxes?.length ?? picture.values?.length;
    this.place.style.height = numBars ? `${Math.max(MIN_PX, numBars * BAR_PX + AROUND_PX)}px` : "";
    this.#picture.chart.resize();
    this.#picture.draw(this.#option(picture));
    const { column, target } = this.#names;
    this.place.setAttribute("aria-label", pictureInWords(this.#found, column, target));
  }

  #option(picture) {
    const theme = themeColors();
    const axis = (spec, name) => axisOption(spec, name, theme);
    const color = resolved("--curve-train");
    const [column, target] = [this.#names.column, this.#names.target].map((name) => this.#column(name));
    if (picture.type === "scatter") return scatterOption(picture, column, target, axis, color);
    if (picture.type === "shares") return sharesOption(picture, column, axis, resolved);
    return boxesOption(picture, this.#column(picture.number).type, axis, { color, soft: faded(color, 0.18) });
  }

  #column(name) {
    return this.#dataset.columns.find((column) => column.name === name);
  }

  #showMore({ picture, num_examined: numExamined, num_rows: numRows }) {
    const notes = [];
    if (picture?.type === "scatter" && picture.x.length < this.#found.relation.num_rows)
      notes.push(`${format.count(picture.x.length)} of the rows are drawn, evenly chosen.`);
    if (picture?.num_others) notes.push(`The ${format.count(picture.values?.length ?? picture.boxes.length)} most frequent values are drawn, ${format.plural(picture.num_others, "rarer one")} left out.`);
    if (picture?.type === "boxes") notes.push("Whiskers reach to the last value within one and a half times the length of the box.");
    if (numExamined < numRows) notes.push(`In ${format.count(numExamined)} of ${format.plural(numRows, "row")}, evenly chosen.`);
    const table = tableOf(picture, this.#names.column, picture?.number ? this.#column(picture.number).type : null);
    replace(
      this.legend,
      picture?.type === "shares"
        ? partsOf(picture).map(({ name, color }) => h("li", {}, dot(color), name))
        : null,
    );
    this.legend.hidden = picture?.type !== "shares";
    replace(this.more, notes.length ? h("p", { class: "muted small" }, notes.join(" ")) : null, table && valuesTable(table));
  }
}

function dot(color) {
  const found = h("span", { class: "legend-dot", aria: { hidden: "true" } });
  found.style.background = `var(${color})`;
  return found;
}

function valuesTable({ head, rows }) {
  return h(
    "details",
    { class: "more" },
    h("summary", {}, "Values as a table"),
    h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "region", aria: { label: "Values of the picture" } },
      h(
        "table",
        { class: "table" },
        h("thead", {}, h("tr", {}, head.map((name, i) => h("th", { scope: "col", class: i ? "right" : null }, name)))),
        h(
          "tbody",
          {},
          rows.map(([first, ...others]) =>
            h("tr", {}, h("th", { scope: "row" }, first), others.map((text) => h("td", { class: "right" }, text))),
          ),
        ),
      ),
    ),
  );
}
