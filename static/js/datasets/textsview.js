// The texts of a table: how long they are, and which words are frequent.

import { histogram } from "../columns.js";
import { h, replace } from "../dom.js";
import * as format from "../format.js";
import { barList } from "./bars.js";

const NUM_WORDS = 20;

/** Fill the panel with a card for each column of texts. */
export function showTexts(dataset, element) {
  replace(
    element,
    textColumns(dataset.columns).map((column) => card(column, dataset.num_rows)),
  );
}

export const textColumns = (columns) => columns.filter(({ type }) => type === "text");

function card(column, numRows) {
  const { num_words: numWords, num_distinct_words: numDistinct, top_words: topWords } = column;
  const numTexts = numRows - column.num_missing;
  const facts = [
    format.plural(numTexts, "text"),
    `${format.count(column.num_distinct)} of them different`,
    numWords === null ? "" : format.plural(numWords, "word"),
    numDistinct === null || numDistinct === undefined ? "" : `a vocabulary of ${format.count(numDistinct)}`,
  ];
  return h(
    "section",
    { class: "card", aria: { label: column.name } },
    h("div", { class: "card-head" }, h("h2", {}, column.name), h("span", { class: "card-note figures" }, facts.filter(Boolean).join(" · "))),
    h(
      "div",
      { class: "text-figures" },
      lengths(column, column.lengths, "Characters"),
      lengths(column, column.word_lengths, "Words"),
      words(column, topWords, numWords),
    ),
  );
}

function lengths(column, found, unit) {
  if (!found) return null;
  const [first, last] = [Math.ceil(found.edges[0]), Math.floor(found.edges.at(-1))];
  return h(
    "figure",
    { class: "length-figure" },
    h("figcaption", {}, h("h3", {}, `${unit} in a text`)),
    histogram({ name: `${unit.toLowerCase()} of ${column.name}`, histogram: found }),
    h("p", { class: "between muted small figures" }, h("span", {}, format.count(first)), h("span", {}, format.count(last))),
  );
}

function words(column, topWords, numWords) {
  if (!topWords)
    return h("p", { class: "muted small" }, "Words are counted when a file is read. This one was read before that: add it again to see them.");
  if (!topWords.length) return h("p", { class: "muted small" }, "There is no word in these texts.");
  const shown = topWords.slice(0, NUM_WORDS);
  const items = shown.map(({ value, count }) => ({
    label: value,
    share: count / shown[0].count,
    figure: format.count(count),
    note: numWords ? `${((count / numWords) * 100).toFixed(1)}%` : "",
  }));
  return h(
    "div",
    { class: "words-figure stack-s" },
    h("h3", {}, "Most frequent words"),
    barList(items, `Most frequent words of ${column.name}`),
    h("p", { class: "muted small" }, "In small letters, without the punctuation around them."),
  );
}
