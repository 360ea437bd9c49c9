// The images of a dataset on a wall, all or of one class.

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import * as format from "../format.js";
import { toastError } from "../shell.js";
import { imageFacts } from "./imagefacts.js";
import { imageUrl } from "./rows.js";

const NUM_SHOWN = 48;
const MAX_CLASSES = 50;

export class Wall {
  #dataset;
  #box;
  #image;
  #label;
  #chosen = null;
  #offset = 0;

  constructor(dataset, box) {
    this.#dataset = dataset;
    this.#box = box;
    this.#image = dataset.columns.find(({ type }) => type === "image");
    const classes = dataset.columns.filter(({ values }) => values && values.length <= MAX_CLASSES);
    this.#label = classes.find(({ name }) => name === "label") ?? classes[0] ?? null;
  }

  /** Nothing happens where there are no images. */
  async load() {
    if (!this.#image) return;
    const filter = this.#chosen === null ? [] : [`${this.#label.name}:${this.#chosen}`];
    const query = { limit: NUM_SHOWN, offset: this.#offset, filter };
    try {
      this.#draw(await api.get(`/datasets/${this.#dataset.id}/rows${api.query(query)}`));
    } catch (error) {
      toastError(error);
    }
  }

  #draw({ rows, numbers, num_matching: numMatching }) {
    const { name } = this.#image;
    const tiles = rows.map((row, i) => {
      const caption = this.#label ? String(row[this.#label.name]) : `row ${numbers[i]}`;
      return h(
        "figure",
        { class: "wall-tile" },
        h("img", {
          src: imageUrl(this.#dataset, name, numbers[i]),
          alt: `${name} of row ${numbers[i]}: ${caption}`,
          loading: "lazy",
          width: 96,
          height: 96,
        }),
        h("figcaption", {}, caption),
      );
    });
    const to = (offset) => () => {
      this.#offset = offset;
      this.load();
    };
    const page = (label, offset, isOn) =>
      h("button", { class: "button small", type: "button", disabled: !isOn, onclick: to(offset) }, label);
    replace(
      this.#box,
      h(
        "section",
        { class: "card", aria: { label: "Images" } },
        h(
          "div",
          { class: "card-head" },
          h("h2", {}, "Images"),
          h("span", { class: "card-note figures" }, this.#inWords(numMatching)),
        ),
        this.#classes(),
        h("div", { class: "wall" }, tiles),
        h(
          "div",
          { class: "row rows-pager" },
          page("Previous images", Math.max(0, this.#offset - NUM_SHOWN), this.#offset > 0),
          page("Next images", this.#offset + NUM_SHOWN, this.#offset + NUM_SHOWN < numMatching),
        ),
        imageFacts(this.#image),
      ),
    );
  }

  #inWords(numMatching) {
    const { images } = this.#image;
    const size = (low, high) => (low === high ? format.count(low) : `${format.count(low)}–${format.count(high)}`);
    const sizes = images
      ? `${size(images.min_width, images.max_width)} × ${size(images.min_height, images.max_height)} pixels, ${images.channels}`
      : "";
    return `${format.plural(numMatching, "image")}${sizes ? `, ${sizes}` : ""}`;
  }

  #classes() {
    if (!this.#label) return null;
    const choose = (value) => () => {
      this.#chosen = value;
      this.#offset = 0;
      this.load();
    };
    const counts = new Map((this.#label.top_values ?? []).map(({ value, count }) => [value, count]));
    const chip = (value, label) =>
      h(
        "button",
        { class: "button small", type: "button", "aria-pressed": String(this.#chosen === value), onclick: choose(value) },
        label,
      );
    return h(
      "div",
      { class: "row wall-classes", role: "group", aria: { label: `Images by ${this.#label.name}` } },
      chip(null, "all"),
      this.#label.values.map((value) => {
        const count = counts.get(String(value));
        return chip(String(value), count === undefined ? String(value) : `${value} ${format.count(count)}`);
      }),
    );
  }
}
