// How closely each column goes together with one that is chosen, and a picture of any of them with it.

import * as api from "../api.js";
import { emptyCard, h, replace, setText } from "../dom.js";
import { likelyTarget } from "../draft.js";
import * as format from "../format.js";
import { inlineField, select } from "../forms.js";
import { onTheme } from "../statistical.js";
import { barList } from "./bars.js";
import { comparable } from "./figures.js";
import { PairView } from "./pairview.js";
import { relationInWords, unmeasured } from "./relations.js";

const SHOWN_AT_FIRST = 40;

export class RelationsView {
  #dataset;
  #element;
  #columns;
  #target;
  #readAs = "";
  #found = null;
  #showsAll = false;
  #turn = 0;
  #picked = null; // what a person chose while the relations were on their way: it stays

  /** `onColumn(name)` is called for a column that a person wants to see among the others. */
  constructor(dataset, element, onColumn) {
    this.#dataset = dataset;
    this.#element = element;
    this.#columns = comparable(dataset.columns);
    this.onColumn = onColumn;
    this.state = h("p", { class: "muted small", role: "status" });
    this.bar = h("div", { class: "toolbar" });
    this.list = h("div");
    this.rest = h("div", { class: "stack-s" });
    this.pair = new PairView(dataset, h("section", { class: "card", aria: { label: "Two columns" } }));
    onTheme(() => this.pair.draw());
  }

  show() {
    if (this.#columns.length < 2) {
      replace(this.#element, emptyCard("Nothing to compare", "A relation needs two columns of numbers or classes. Texts, images and arrays are not compared."));
      return;
    }
    const asked = new URLSearchParams(location.search);
    const names = this.#columns.map(({ name }) => name);
    this.#target = names.includes(asked.get("target")) ? asked.get("target") : likelyTarget(this.#columns);
    replace(
      this.#element,
      h(
        "div",
        { class: "two-columns" },
        h(
          "section",
          { class: "card", aria: { label: "Relations" } },
          h("div", { class: "card-head" }, h("h2", {}, "What goes together")),
          h("div", { class: "stack-s" }, this.bar, this.state, this.list, this.rest, explanation()),
        ),
        this.pair.element,
      ),
    );
    this.#load(asked.get("column"));
  }

  async #load(column = null) {
    const turn = ++this.#turn;
    this.#picked = null;
    this.#showControls();
    setText(this.state, "Comparing…");
    const query = { target: this.#target, read_as: this.#readAs };
    try {
      const found = await api.get(`/datasets/${this.#dataset.id}/relations${api.query(query)}`);
      if (turn !== this.#turn) return;
      this.#found = found;
    } catch (error) {
      if (turn === this.#turn) setText(this.state, error.message);
      return;
    }
    setText(this.state, this.#extent());
    const names = this.#measured().map((one) => one.column);
    const wanted = this.#picked ?? column;
    this.#choose(names.includes(wanted) ? wanted : names[0]);
  }

  #extent() {
    const { num_examined: numExamined, num_rows: numRows } = this.#found;
    const rows = format.plural(numRows, "row");
    return numExamined < numRows
      ? `In ${format.count(numExamined)} of ${rows}, evenly chosen.`
      : `In all ${rows}.`;
  }

  #showControls() {
    const target = select(
      this.#columns.map(({ name }) => ({ value: name, label: name })),
      this.#target,
      (name) => {
        this.#target = name;
        this.#readAs = "";
        this.#showsAll = false;
        this.#load();
      },
    );
    const column = this.#columns.find(({ name }) => name === this.#target);
    replace(this.bar, inlineField("With", target), this.#readAsSelect(column));
    if (this.#keepsFocus) target.focus();
    this.#keepsFocus = true;
  }

  #keepsFocus = false;

  /** Whole numbers of few values may be classes or a quantity; a person knows which. */
  #readAsSelect(column) {
    if (column.type !== "integer" || !column.values) return null;
    const options = [
      { value: "", label: "as it looks" },
      { value: "classes", label: "as classes" },
      { value: "number", label: "as a number" },
    ];
    const choice = select(options, this.#readAs, (readAs) => {
      this.#readAs = readAs;
      this.#load();
    });
    return inlineField("Read", choice);
  }

  #measured() {
    return this.#found.relations.filter(({ strength }) => strength !== null);
  }

  #choose(column) {
    this.#showList(column);
    if (!column) {
      this.pair.clear();
      return;
    }
    this.pair.show(this.#target, column, this.#readAs, this.#link(column));
    history.replaceState(null, "", `${this.#address(column)}${location.hash}`);
  }

  #address(column) {
    return `?${new URLSearchParams({ target: this.#target, column })}`;
  }

  /** To the column among the others. */
  #link(column) {
    const onclick = (event) => {
      event.preventDefault();
      this.onColumn(column);
    };
    return h("a", { class: "small", href: "#table", onclick }, `See ${column} among the columns`);
  }

  #showList(chosen) {
    const measured = this.#measured();
    const shown = this.#showsAll ? measured : measured.slice(0, SHOWN_AT_FIRST);
    const items = shown.map((relation) => {
      const { column, strength } = relation;
      const { figure, words } = relationInWords(relation);
      const onclick = (event) => {
        event.preventDefault();
        this.#picked = column;
        if (column !== this.#target) this.#choose(column);
        if (this.pair.isBelow(this.list)) this.pair.element.scrollIntoView({ block: "nearest" });
      };
      const href = `${this.#address(column)}#relations`;
      return { label: column, share: strength, figure, note: words, href, isChosen: column === chosen, onclick };
    });
    const focused = [...this.list.querySelectorAll("a")].indexOf(document.activeElement);
    replace(this.list, barList(items, `Columns by how closely they go together with ${this.#target}`));
    if (focused >= 0) this.list.querySelectorAll("a")[focused]?.focus();
    this.#showRest(measured.length - shown.length, chosen);
  }

  #showRest(numHidden, chosen) {
    const showAll = () => {
      this.#showsAll = true;
      this.#showList(chosen);
    };
    const more = numHidden
      ? h("button", { class: "button small", type: "button", onclick: showAll }, `Show ${format.count(numHidden)} more`)
      : null;
    const reasons = unmeasured(this.#found.relations).map(([reason, names]) =>
      h("p", { class: "muted small" }, `Not compared: ${someOf(names)}. ${format.capitalize(reason)}.`),
    );
    replace(this.rest, more, reasons);
  }
}

const someOf = (names) =>
  names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${format.count(names.length - 8)} more` : names.join(", ");

function explanation() {
  return h(
    "details",
    { class: "more small" },
    h("summary", {}, "How this is measured"),
    h(
      "div",
      { class: "stack-s muted" },
      h(
        "p",
        {},
        "Two numbers by Pearson’s correlation, which sees straight lines, and Spearman’s, which sees whatever only grows or only falls: the larger of the two is drawn. Classes and a number by the correlation ratio: the root of the share of the number’s variance that lies between the classes. Classes and classes by Cramér’s V, corrected for bias.",
      ),
      h(
        "p",
        {},
        "All three go from 0, nothing, to 1, one says the other. Rows where one of the two is missing are left out. What goes together need not follow from one another.",
      ),
    ),
  );
}
