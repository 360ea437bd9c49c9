// The images of a dataset on a wall, all or of one class; chosen by mouse or keys, they are given another class.

import * as api from "../api.js";
import { h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { toastError } from "../shell.js";
import { valueBox } from "./editing.js";
import { isEditable } from "./edits.js";
import { imageFacts } from "./imagefacts.js";
import { imageUrl } from "./rows.js";
import { Selection } from "./selection.js";

const NUM_SHOWN = 48;
const MAX_CLASSES = 50;

export class Wall {
  #dataset;
  #box;
  #image;
  #label;
  #chosen = null;
  #offset = 0;
  #edits;
  #selection = new Selection(0);
  #tiles = [];

  /** With `edits`, images can be chosen and given another class. */
  constructor(dataset, box, { edits = null } = {}) {
    this.#dataset = dataset;
    this.#box = box;
    this.#edits = edits;
    edits?.onChange(() => this.#tiles.length && this.#show());
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
    this.#selection = new Selection(rows.length);
    const isChosen = Boolean(this.#edits && this.#label && isEditable(this.#label));
    this.#tiles = rows.map((row, i) => this.#tile(row, numbers[i], i, isChosen));
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
        isChosen ? this.#chooser() : null,
        this.#wall(isChosen),
        h(
          "div",
          { class: "row rows-pager" },
          page("Previous images", Math.max(0, this.#offset - NUM_SHOWN), this.#offset > 0),
          page("Next images", this.#offset + NUM_SHOWN, this.#offset + NUM_SHOWN < numMatching),
        ),
        imageFacts(this.#image),
      ),
    );
    this.#show();
  }

  #tile(row, number, i, isChosen) {
    const { name } = this.#image;
    const size = { loading: "lazy", width: 96, height: 96 };
    const image = h("img", { src: imageUrl(this.#dataset, name, number), alt: `${name} of row ${number}`, ...size });
    const caption = h("figcaption");
    const pick = (event) => {
      this.#selection.click(i, { shift: event.shiftKey });
      this.#show();
    };
    const keys = {
      onkeydown: (event) => this.#onKey(event),
      onkeyup: (event) => event.key === " " && event.preventDefault(), // else it would be a click as well
    };
    const button = isChosen ? h("button", { class: "wall-pick", type: "button", onclick: pick, ...keys }, image) : null;
    return { figure: h("figure", { class: "wall-tile" }, button ?? image, caption), button, image, caption, row, number };
  }

  #wall(isChosen) {
    const label = isChosen ? "Images to choose: arrows move, space chooses, shift chooses all between" : null;
    const figures = this.#tiles.map(({ figure }) => figure);
    return h("div", { class: "wall", role: isChosen ? "group" : null, aria: label ? { label } : {} }, figures);
  }

  /** What gives the chosen images a class. */
  #chooser() {
    const box = valueBox(this.#label, `${this.#label.name} of the chosen images`);
    const give = (event) => {
      event.preventDefault();
      const value = box.read();
      if (value === undefined || !this.#selection.size) return;
      const { name } = this.#label;
      const cells = this.#selection.all().map((i) => ({ row: this.#tiles[i].number, before: this.#tiles[i].row[name] ?? null }));
      this.#selection.clear();
      box.input.value = "";
      this.#edits.set(name, cells, value);
    };
    const none = () => {
      this.#selection.clear();
      this.#show();
    };
    return h(
      "form",
      { class: "row wall-chooser", onsubmit: give },
      h("span", { class: "figures wall-count", role: "status" }),
      box.element,
      h("button", { class: "button wall-give", type: "submit" }, `Set ${this.#label.name}`),
      h("button", { class: "button quiet", type: "button", onclick: none }, "Choose none"),
    );
  }

  #onKey(event) {
    const columns = getComputedStyle(this.#box.querySelector(".wall")).gridTemplateColumns.split(" ").length;
    const { key, shiftKey: shift, ctrlKey, metaKey } = event;
    if (!this.#selection.key(key, { shift, control: ctrlKey || metaKey }, columns)) return;
    event.preventDefault();
    this.#show();
    this.#tiles[this.#selection.focus]?.button.focus();
  }

  /** Captions, and what is chosen. */
  #show() {
    const { size } = this.#selection;
    this.#tiles.forEach(({ figure, button, image, caption, row, number }, i) => {
      const stored = this.#label ? row[this.#label.name] : null;
      const edit = this.#label && this.#edits?.of(this.#label.name, number);
      const text = this.#label ? String((edit ? edit.value : stored) ?? "missing") : `row ${number}`;
      setText(caption, text);
      caption.title = edit ? `was ${stored ?? "missing"}` : "";
      caption.classList.toggle("is-edited", Boolean(edit));
      image.alt = `${this.#image.name} of row ${number}: ${text}`;
      figure.classList.toggle("is-chosen", this.#selection.has(i));
      button?.setAttribute("aria-pressed", String(this.#selection.has(i)));
      if (button) button.tabIndex = i === this.#selection.focus ? 0 : -1;
    });
    const count = this.#box.querySelector(".wall-count");
    if (!count) return;
    setText(count, size ? `${format.plural(size, "image")} chosen` : "Choose images to set their class");
    this.#box.querySelector(".wall-give").disabled = !size;
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
