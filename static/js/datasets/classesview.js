// How many rows each class has, and what always saying the commonest would get.

import { emptyCard, h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { inlineField, select } from "../forms.js";
import { barList } from "./bars.js";
import { balanceInWords, classColumns, classesOf, likelyClass, shareInWords } from "./figures.js";

export class ClassesView {
  #numRows;
  #columns;
  #element;

  constructor(dataset, element) {
    this.#numRows = dataset.num_rows;
    this.#columns = classColumns(dataset.columns, dataset.num_rows);
    this.#element = element;
    this.words = h("p", { role: "status" });
    this.list = h("div");
    this.rest = h("p", { class: "muted small" });
  }

  show() {
    if (!this.#columns.length) {
      replace(this.#element, emptyCard("No column holds classes", "Classes are words that come again, truth values, or whole numbers of at most 50 different values. How numbers are spread stands under Table."));
      return;
    }
    const first = likelyClass(this.#columns);
    const choice = select(
      this.#columns.map(({ name }) => ({ value: name, label: name })),
      first,
      (name) => this.#draw(name),
    );
    replace(
      this.#element,
      h(
        "section",
        { class: "card", aria: { label: "Classes" } },
        h("div", { class: "card-head" }, h("h2", {}, "How many rows each class has")),
        h(
          "div",
          { class: "stack-s" },
          h("div", { class: "toolbar" }, inlineField("Of", choice)),
          this.words,
          this.list,
          this.rest,
        ),
      ),
    );
    this.#draw(first);
  }

  #draw(name) {
    const column = this.#columns.find((one) => one.name === name);
    const found = classesOf(column, this.#numRows);
    const total = this.#numRows - column.num_missing;
    const highest = found.classes[0].count;
    const items = found.classes.map(({ value, count }) => ({
      label: value,
      share: count / highest,
      figure: format.count(count),
      note: shareInWords(count / total),
    }));
    setText(this.words, balanceInWords(found));
    replace(this.list, barList(items, `Rows of each class of ${name}`));
    setText(this.rest, restInWords(found, column));
    this.rest.hidden = !this.rest.textContent;
  }
}

function restInWords({ numOthers, countOthers }, column) {
  const others = numOthers ? `And ${format.plural(numOthers, "other class", "other classes")} with ${format.plural(countOthers, "row")}.` : "";
  const missing = column.num_missing ? `${format.plural(column.num_missing, "row")} without a class ${column.num_missing === 1 ? "is" : "are"} not counted.` : "";
  return [others, missing].filter(Boolean).join(" ");
}
