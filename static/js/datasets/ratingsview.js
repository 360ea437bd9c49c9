// Who rated what: how many users and items there are, how unevenly they are rated, who was rated twice.

import * as api from "../api.js";
import { h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { inlineField, select } from "../forms.js";
import { ratingsOf } from "../lookupdraft.js";
import { barList } from "./bars.js";
import { shareInWords } from "./figures.js";

const ROLES = { user: "Who", item: "What", value: "How much" };
const NAMES = ["integer", "category", "text"];
const TYPES = { user: NAMES, item: NAMES, value: ["integer", "float"] };

export class RatingsView {
  #dataset;
  #element;
  #names;

  constructor(dataset, element) {
    this.#dataset = dataset;
    this.#element = element;
    this.#names = ratingsOf(dataset.columns);
    this.words = h("p", { role: "status" });
    this.cards = h("div", { class: "stack" });
  }

  show() {
    const choices = Object.entries(ROLES).map(([role, label]) => {
      const options = this.#dataset.columns.filter(({ type }) => TYPES[role].includes(type));
      const choice = select(
        options.map(({ name }) => ({ value: name, label: name })),
        this.#names[role],
        (name) => {
          this.#names[role] = name;
          this.#load();
        },
      );
      return inlineField(label, choice);
    });
    replace(
      this.#element,
      h(
        "section",
        { class: "card stack-s", aria: { label: "Ratings" } },
        h("div", { class: "card-head" }, h("h2", {}, "Who rated what")),
        h("div", { class: "toolbar" }, choices),
        this.words,
      ),
      this.cards,
    );
    this.#load();
  }

  async #load() {
    const asked = { ...this.#names };
    setText(this.words, "Counting…");
    try {
      const found = await api.get(`/datasets/${this.#dataset.id}/ratings?${new URLSearchParams(asked)}`);
      if (JSON.stringify(asked) !== JSON.stringify(this.#names)) return; // another choice was made meanwhile
      setText(this.words, ratingsInWords(found));
      replace(this.cards, sideCard(found.users, asked.user), sideCard(found.items, asked.item));
    } catch (error) {
      setText(this.words, error.errors?.[0]?.msg ?? error.message);
      replace(this.cards);
    }
  }
}

/** "20,000 ratings: 22.1% of 425 × 213 pairs. …" */
export function ratingsInWords({ num_ratings: num, num_left_out: left, density, users, items, ...twice }) {
  if (!num) return "No row says who rated what, and how.";
  const pairs = `${format.count(users.num)} × ${format.count(items.num)}`;
  const told = [`${format.plural(num, "rating")}: ${shareInWords(density)} of ${pairs} pairs.`];
  if (twice.num_repeated) {
    const contradicted = twice.num_contradicted
      ? `, and ${format.count(twice.num_contradicted)} contradict one another`
      : "";
    told.push(`${format.plural(twice.num_repeated, "rating")} of a pair that had one before${contradicted}.`);
  }
  if (left) told.push(`${format.plural(left, "row")} without one of the three left out.`);
  return told.join(" ");
}

function sideCard(side, name) {
  if (!side.num) return null;
  return h(
    "section",
    { class: "card", aria: { label: `Ratings by ${name}` } },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, `Ratings for each ${name}`),
      h("span", { class: "card-note figures" }, spreadInWords(side)),
    ),
    h(
      "div",
      { class: "two-columns" },
      h("div", { class: "stack-s" }, h("h3", {}, "How many have how many"), barList(doublings(side), `${name} by number of ratings`)),
      h(
        "div",
        { class: "stack-s" },
        h("h3", {}, "With the most ratings, and their mean"),
        barList(
          side.frequent.map(({ value, count, mean }) => ({
            label: value,
            share: count / side.most,
            figure: format.count(count),
            note: `mean ${mean.toFixed(2)}`,
          })),
          `With the most ratings: ${name}`,
        ),
      ),
    ),
    side.num_few
      ? h(
          "p",
          { class: "muted small" },
          `${format.count(side.num_few)} of ${format.count(side.num)} have fewer than five ratings: little is learned of them.`,
        )
      : null,
  );
}

const spreadInWords = ({ least, median, most }) =>
  `${format.count(least)} to ${format.count(most)}, half have ${format.number(median)} or fewer`;

/** A bar for 1, 2–3, 4–7, … ratings. */
function doublings({ num, doublings: found }) {
  const highest = Math.max(...Object.values(found));
  return Object.entries(found).map(([power, count]) => {
    const [low, high] = [2 ** power, 2 ** (Number(power) + 1) - 1];
    return {
      label: low === high ? format.count(low) : `${format.count(low)} – ${format.count(high)}`,
      share: count / highest,
      figure: format.count(count),
      note: shareInWords(count / num),
    };
  });
}
