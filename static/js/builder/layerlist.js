// The layers one below the other: a list whose rows are selected, moved, copied and removed by mouse and by keys.

import { h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { keyed } from "../keyed.js";
import { layerInWords } from "../layerwords.js";
import * as edits from "./edits.js";
import { DRAGGED } from "./palette.js";
import { figuresOf, toldAtLayer } from "./places.js";

const ROW = "application/x-traindeck-row";

export class LayerList {
  constructor(studio, container, { onEnter, onChosen, onEmpty, onGather }) {
    Object.assign(this, { studio, container, onEnter, onChosen, onEmpty, onGather });
    this.list = h("ol", { class: "build-list", role: "listbox", "aria-label": "Layers", "aria-multiselectable": "true", "aria-describedby": "list-hint" });
    this.input = h("p", { class: "build-input muted small figures" });
    this.empty = h("div", { class: "build-empty" });
    this.output = h("p", { class: "build-input muted small figures", role: "status" });
    replace(
      container,
      h(
        "p",
        { class: "visually-hidden", id: "list-hint" },
        "Arrow keys go from layer to layer, with Shift they select several, with Alt they move them. Enter goes to the settings, Delete removes, Ctrl and D copies, Ctrl and G makes a block.",
      ),
      this.input,
      this.list,
      this.empty,
      this.output,
    );
    this.list.addEventListener("keydown", (event) => this.#onKey(event));
    this.list.addEventListener("click", (event) => this.#onClick(event));
    this.#listenToDrops(container);
    for (const name of ["model", "edit", "select", "answer", "data"]) studio.addEventListener(name, () => this.draw());
  }

  draw() {
    const { studio } = this;
    const figures = figuresOf(studio.model, studio.scope, studio.reports);
    const problems = studio.problems();
    const shape = studio.scope === null ? studio.inputShape : null;
    const inputs = studio.scope === null && studio.answer.inspection?.inputs;
    if (inputs) setText(this.input, Object.entries(inputs).map(([name, sizes]) => `${name} ${format.shape(sizes)}`).join(" · "));
    else setText(this.input, shape ? `input ${format.shape(shape)}` : `takes ${edits.inputsOf(studio.model, studio.scope).join(", ")}`);
    keyed(this.list, [...studio.layers.entries()], {
      key: ([i]) => i,
      make: () => row(),
      fill: (element, [i, layer]) => this.#fill(element, layer, i, figures[i], problems.get(i) ?? []),
    });
    this.list.hidden = studio.layers.length === 0;
    setText(this.output, this.#totals());
  }

  #fill(element, layer, i, figures, problems) {
    const [first, last] = this.studio.range;
    const isSelected = i >= first && i <= last;
    element.id = `layer-${i}`;
    element.tabIndex = i === this.studio.at ? 0 : -1;
    element.setAttribute("aria-selected", String(isSelected));
    element.toggleAttribute("data-bad", problems.length > 0);
    element.className = `build-row of-${this.studio.groupOf(layer)}`;
    const [number, type, words, shape, parameters, error] = element.children;
    setText(number, String(i));
    setText(type.firstElementChild, layer.type === "block" ? layer.block : layer.type);
    setText(type.lastElementChild, layer.name ?? "");
    setText(words, layerInWords(layer.type === "block" ? { ...layer, block: "" } : layer));
    setText(shape, figures ? format.shape(figures.shape) : "");
    setText(parameters, figures?.numParameters ? parametersInWords(figures.numParameters) : "");
    setText(error, toldAtLayer(problems));
  }

  #totals() {
    const { inspection } = this.studio.answer;
    if (!inspection || this.studio.scope !== null) return "";
    const parts = [
      `output ${format.shape(inspection.output_shape)}`,
      format.plural(inspection.num_parameters, "parameter"),
      inspection.num_frozen ? `${format.count(inspection.num_frozen)} of them frozen` : null,
      inspection.num_multiply_adds ? `${format.short(inspection.num_multiply_adds)} multiply-adds a row` : null,
    ];
    return parts.filter(Boolean).join(" · ");
  }

  /** The selected row, for keys to go on from; where there is none, what fills the list. */
  focus() {
    const { at } = this.studio;
    const element = this.list.children[Math.max(at, 0)];
    if (!element) return this.onEmpty();
    element.focus();
    element.scrollIntoView({ block: "nearest" });
  }

  #select(at, isFurther = false) {
    const to = Math.min(Math.max(at, 0), this.studio.layers.length - 1);
    if (isFurther) this.studio.selectTo(to);
    else this.studio.select(to);
    this.focus();
  }

  #apply(change, more = 0) {
    this.studio.apply(change, more);
    this.focus();
  }

  // what is done to the selected layers

  move(by) {
    const { model, scope, at, layers, range: [from, to] } = this.studio;
    if (at >= 0 && from + by >= 0 && to + by < layers.length) this.#apply(edits.moved(model, scope, from, from + by, to - from + 1), to - from);
  }

  copy() {
    const { model, scope, at, range: [from, to] } = this.studio;
    if (at >= 0) this.#apply(edits.duplicated(model, scope, from, to), to - from);
  }

  remove() {
    const { model, scope, at, range: [from, to] } = this.studio;
    if (at >= 0) this.#apply(edits.removed(model, scope, from, to));
  }

  #onClick(event) {
    const element = event.target.closest("[role=option]");
    if (!element) return;
    this.onChosen();
    this.#select([...this.list.children].indexOf(element), event.shiftKey);
  }

  #onKey(event) {
    const action = this.#actionOf(event);
    if (!action) return;
    event.preventDefault();
    action();
  }

  #actionOf({ key, altKey, ctrlKey, metaKey, shiftKey }) {
    const { at, layers } = this.studio;
    if (altKey) return { ArrowUp: () => this.move(-1), ArrowDown: () => this.move(1) }[key];
    if (ctrlKey || metaKey) return { d: () => this.copy(), g: () => this.onGather() }[key.toLowerCase()];
    const places = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: layers.length - 1 };
    if (key in places) return () => this.#select(places[key], shiftKey);
    if (shiftKey) return undefined;
    return {
      Delete: () => this.remove(),
      Backspace: () => this.remove(),
      Enter: () => this.onEnter(),
      " ": () => this.onEnter(),
    }[key];
  }

  // by mouse: rows are dragged to another place, layers of the palette in between

  #listenToDrops(container) {
    container.addEventListener("dragstart", (event) => {
      const element = event.target.closest?.("[role=option]");
      if (!element) return;
      event.dataTransfer.setData(ROW, String([...this.list.children].indexOf(element)));
      event.dataTransfer.effectAllowed = "move";
    });
    container.addEventListener("dragover", (event) => {
      if (!event.dataTransfer.types.some((type) => type === ROW || type === DRAGGED)) return;
      event.preventDefault();
      this.#mark(this.#gapAt(event.clientY));
    });
    container.addEventListener("dragleave", (event) => {
      if (!container.contains(event.relatedTarget)) this.#mark(-1);
    });
    container.addEventListener("dragend", () => this.#mark(-1));
    container.addEventListener("drop", (event) => {
      event.preventDefault();
      this.#mark(-1);
      this.#drop(event.dataTransfer, this.#gapAt(event.clientY));
    });
  }

  #drop(carried, gap) {
    const { studio } = this;
    if (carried.types.includes(ROW)) {
      const [from, last] = this.#carriedWith(Number(carried.getData(ROW)));
      const to = gap > last ? gap - (last - from + 1) : Math.min(gap, from);
      if (to !== from) this.#apply(edits.moved(studio.model, studio.scope, from, to, last - from + 1), last - from);
    } else if (carried.types.includes(DRAGGED)) {
      const { type, block } = JSON.parse(carried.getData(DRAGGED));
      if (block) studio.addUse(block, gap);
      else studio.add(type, gap);
      this.focus();
    }
  }

  /** A row that is dragged takes along what is selected with it. */
  #carriedWith(at) {
    const [first, last] = this.studio.range;
    return at >= first && at <= last ? [first, last] : [at, at];
  }

  /** Between which rows a height lies: 0 is above the first. */
  #gapAt(y) {
    const rows = [...this.list.children];
    const below = rows.findIndex((element) => {
      const { top, height } = element.getBoundingClientRect();
      return y < top + height / 2;
    });
    return below < 0 ? rows.length : below;
  }

  #mark(gap) {
    [...this.list.children].forEach((element, i, { length }) => {
      element.toggleAttribute("data-drop-above", i === gap);
      element.toggleAttribute("data-drop-below", i === length - 1 && gap === length);
    });
  }
}

const MANY = 1_000_000;
const parametersInWords = (num) => (num < MANY ? format.plural(num, "parameter") : `${format.short(num)} parameters`);

function row() {
  return h(
    "li",
    { class: "build-row", role: "option", draggable: "true" },
    h("span", { class: "build-number muted small figures" }),
    h("span", { class: "build-type" }, h("strong", {}), h("span", { class: "build-name" })),
    h("span", { class: "build-words muted small" }),
    h("span", { class: "build-shape figures" }),
    h("span", { class: "build-parameters muted small figures" }),
    h("span", { class: "build-error" }),
  );
}
