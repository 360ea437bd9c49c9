// A model's graph as a picture: boxes from the top to the bottom, blocks that open and close, zoom, the keyboard.

import { h, replace, setText, svg, uniqueId } from "./dom.js";
import * as format from "./format.js";
import { arrowHead, boxElement, frameElement } from "./modelboxes.js";
import { allFolds, boxesOf, inWords, MOST_OPEN, problemsByLayer } from "./modellayout.js";
import { placed } from "./modelplacing.js";

const LEAST_SCALE = 0.1;
const MOST_SCALE = 2;
const READABLE = 0.55; // the graph is not made smaller than this unless asked to
const MOST_AT_ONCE = 300; // layers that one button may open
const MOST_DRAWN = 400; // boxes, before another opens

/**
 * Draw `graph` into `container`: { input: {name, shape}, layers, definition?, open? }.
 *
 * `layers` as POST /models/inspect answers them, or `layersOf(definition)`; the definition tells what a block is called;
 * `open` is a set of what stands open, kept up to date. `onSelect(name, box)` is called for a box that was clicked or
 * entered, box.index being the model's own layer. `problems` as the API tells them, [{loc, msg}].
 * Returns { update(graph, {problems}), select(name), fit(), destroy() }.
 */
export function drawGraph(container, graph, { selected = null, onSelect = null, problems = [] } = {}) {
  const view = new GraphView(container, onSelect);
  view.update(graph, { problems });
  if (selected !== null) view.select(selected);
  return view;
}

class GraphView {
  #container;
  #onSelect;
  #graph = null;
  #open = new Set();
  #known = new Set(); // what could ever be opened
  #problems = [];
  #drawn = null; // boxes, frames, edges
  #picture = null; // their places
  #elements = new Map(); // by id of a box or a frame
  #selected = null;
  #current = null; // what the Tab key comes to
  #scale = null; // as someone chose it; null: fits the width
  #watcher;

  constructor(container, onSelect) {
    this.#container = container;
    this.#onSelect = onSelect;
    this.marker = uniqueId("arrow");
    this.svg = svg("svg", { class: "graph-picture", role: "group", onkeydown: (event) => this.#key(event) });
    this.view = h("div", { class: "graph-view" }, this.svg);
    this.note = h("span", { class: "muted small graph-note" });
    this.scaleText = h("span", { class: "muted small figures graph-scale", aria: { live: "polite" } });
    this.folding = h("span", { class: "row" });
    this.words = h(
      "details",
      { class: "more small graph-words", ontoggle: () => this.#showWords() },
      h("summary", {}, "In words"),
    );
    replace(container, this.#bar(), this.view, this.words);
    container.classList.add("graph");
    this.view.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.view.addEventListener("pointerdown", (event) => this.#drag(event));
    this.#watcher = new ResizeObserver(() => this.#scale === null && this.#size());
    this.#watcher.observe(this.view);
  }

  #bar() {
    const button = (words, label, onclick) =>
      h("button", { class: "button quiet small", type: "button", aria: { label }, title: label, onclick }, words);
    return h(
      "div",
      { class: "graph-bar" },
      this.note,
      this.folding,
      h(
        "span",
        { class: "graph-zoom", role: "group", aria: { label: "Zoom" } },
        button("−", "Smaller", () => this.#zoom(1 / 1.25)),
        this.scaleText,
        button("+", "Larger", () => this.#zoom(1.25)),
        button("Fit", "Fit the whole graph", () => this.fit()),
      ),
    );
  }

  /** Show another graph, or the same with other problems; what was open, chosen and focused stays so. */
  update(graph, { problems = this.#problems } = {}) {
    if (graph.open) this.#open = graph.open;
    else this.#openNew(graph.layers);
    this.#graph = graph;
    this.#problems = problems;
    this.#draw();
  }

  /** What was not there before stands open where all is little; what somebody closed stays closed. */
  #openNew(layers) {
    const fresh = allFolds(layers).filter((id) => !this.#known.has(id));
    for (const id of fresh) {
      this.#known.add(id);
      if (layers.length <= MOST_OPEN) this.#open.add(id);
    }
  }

  /** Mark a layer, or the box that it is folded into; null for none. */
  select(name) {
    this.#selected = name;
    for (const [id, element] of this.#elements) element.classList.toggle("is-chosen", this.#isChosen(id));
    const box = this.#boxOf(name);
    if (box) this.#reveal(this.#elements.get(box.id));
  }

  /** Scroll the picture alone: the page stays where it is. */
  #reveal(element) {
    if (!element) return;
    const [box, view] = [element, this.view].map((one) => one.getBoundingClientRect());
    const past = (low, high, from, to) => (low < from ? low - from : Math.max(0, Math.min(high - to, low - from)));
    this.view.scrollTop += past(box.top, box.bottom, view.top, view.bottom);
    this.view.scrollLeft += past(box.left, box.right, view.left, view.right);
  }

  fit() {
    const { width, height } = this.#picture;
    this.#setScale(Math.min(this.view.clientWidth / width, this.#mostHeight() / height, 1));
  }

  destroy() {
    this.#watcher.disconnect();
    this.#container.classList.remove("graph");
    replace(this.#container);
  }

  #boxOf(name) {
    return name === null ? null : this.#drawn.boxes.find((box) => box.id === name || box.names.includes(name));
  }

  #isChosen(id) {
    return this.#selected !== null && (id === this.#selected || this.#boxOf(this.#selected)?.id === id);
  }

  // drawing

  #draw() {
    const focused = this.svg.contains(document.activeElement) ? this.#current : null;
    this.#drawn = boxesOf(this.#graph, this.#open);
    this.#picture = placed(this.#drawn);
    const wrong = problemsByLayer(this.#problems, this.#graph.definition);
    this.#elements.clear();
    const frames = this.#drawn.frames.map((frame, i) =>
      this.#added(frameElement(frame, this.#picture.frames[i]), frame),
    );
    const arrows = this.#picture.paths.map(({ d }) =>
      svg("path", { class: "graph-arrow", d, "marker-end": `url(#${this.marker})` }),
    );
    const boxes = this.#drawn.boxes.map((box) => {
      const messages = box.indexes.flatMap((index) => wrong.get(index) ?? []);
      const isButton = box.kind === "fold" || (this.#onSelect !== null && box.kind === "layer");
      return this.#added(boxElement(box, this.#picture.places.get(box.id), { messages, isButton }), box);
    });
    replace(this.svg, arrowHead(this.marker), frames, arrows, boxes);
    this.svg.setAttribute("aria-label", this.#summary());
    this.#setCurrent(this.#elements.has(this.#current) ? this.#current : this.#drawn.boxes[0].id, focused !== null);
    this.#showBar();
    this.#showWords();
    this.#size();
  }

  #summary() {
    const { layers } = this.#graph;
    const what = `Graph of ${format.plural(layers.length, "layer")}, from the input at the top to the output`;
    return `${what}; arrow keys go along its arrows`;
  }

  #added(element, { id }) {
    element.addEventListener("click", () => this.#act(this.#at(id)));
    element.addEventListener("focus", () => this.#setCurrent(id));
    element.classList.toggle("is-chosen", this.#isChosen(id));
    this.#elements.set(id, element);
    return element;
  }

  #showBar() {
    const { layers } = this.#graph;
    const { boxes, frames } = this.#drawn;
    const hidden = boxes.reduce((sum, box) => sum + (box.numLayers ?? 0), 0);
    setText(
      this.note,
      hidden
        ? `${format.plural(layers.length, "layer")}, ${format.count(hidden)} of them folded`
        : format.plural(layers.length, "layer"),
    );
    const button = (words, ids) =>
      h("button", { class: "button quiet small", type: "button", onclick: () => this.#setOpen(ids) }, words);
    replace(
      this.folding,
      hidden && layers.length <= MOST_AT_ONCE ? button("Open all", allFolds(layers)) : null,
      frames.length ? button("Fold all", []) : null,
    );
  }

  #showWords() {
    if (!this.words.open) return;
    const items = this.#drawn.boxes.map((box) => h("li", {}, inWords(box)));
    replace(this.words, this.words.firstChild, h("ol", { class: "graph-list" }, items));
  }

  // opening, closing, choosing

  #act(box) {
    if (this.#dragged) return;
    if (box.kind === "fold") this.#toggle(box.id, true);
    else if (this.#open.has(box.id)) this.#toggle(box.id, false);
    if (!this.#onSelect || box.kind === "input") return;
    this.select(box.id);
    this.#onSelect(box.id, box);
  }

  #toggle(id, isOpen) {
    if (isOpen) this.#makeRoom(id);
    if (isOpen) this.#open.add(id);
    else this.#open.delete(id);
    this.#current = id;
    this.#draw();
    this.#elements.get(id)?.focus({ preventScroll: true });
    this.#reveal(this.#elements.get(id));
  }

  /** Where very much stands open, all is folded but what `id` lies in: more boxes would take seconds to place. */
  #makeRoom(id) {
    if (this.#drawn.boxes.length <= MOST_DRAWN) return;
    const around = new Set();
    for (let at = this.#at(id); at; at = at.frame === null ? null : this.#at(at.frame)) around.add(at.id);
    for (const one of [...this.#open]) if (!around.has(one)) this.#open.delete(one);
  }

  #setOpen(ids) {
    this.#open.clear();
    for (const id of ids) this.#open.add(id);
    this.#draw();
  }

  // the keyboard: one box is in the Tab order, arrow keys go from there

  #setCurrent(id, isFocused = false) {
    this.#elements.get(this.#current)?.setAttribute("tabindex", "-1");
    this.#current = id;
    this.#elements.get(id)?.setAttribute("tabindex", "0");
    if (isFocused) this.#elements.get(id)?.focus({ preventScroll: true });
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") this.#act(this.#at(this.#current));
    else {
      const next = this.#next(event.key);
      if (next === undefined) return;
      if (next) this.#elements.get(next).focus();
    }
    event.preventDefault();
  }

  #at(id) {
    return this.#drawn.boxes.find((box) => box.id === id) ?? this.#drawn.frames.find((frame) => frame.id === id);
  }

  /** The box that a key leads to; null where there is none, undefined for a key that means nothing here. */
  #next(key) {
    const { boxes } = this.#drawn;
    const here = this.#at(this.#current);
    const isFrame = this.#open.has(here.id);
    if (key === "Home") return boxes[0].id;
    if (key === "End") return boxes.at(-1).id;
    if (key === "ArrowDown")
      return isFrame ? (boxes.find((box) => here.names.includes(box.names[0]))?.id ?? null) : (here.outputs[0] ?? null);
    if (key === "ArrowUp") return isFrame ? null : (here.inputs[0] ?? null);
    if (key === "ArrowLeft" || key === "ArrowRight") return this.#beside(here, key === "ArrowLeft" ? -1 : 1);
    if (key === "Escape") return here.frame ?? undefined;
    return undefined;
  }

  /** Of the boxes that take from the same or give to the same, the next to one side. */
  #beside(here, side) {
    const { places } = this.#picture;
    const x = places.get(here.id)?.x;
    const near = this.#drawn.boxes
      .filter(
        (box) =>
          box.inputs.some((one) => here.inputs.includes(one)) || box.outputs.some((one) => here.outputs.includes(one)),
      )
      .map((box) => ({ id: box.id, away: (places.get(box.id).x - x) * side }))
      .filter(({ away }) => away > 1)
      .toSorted((a, b) => a.away - b.away);
    return near[0]?.id ?? (side < 0 ? here.frame : null);
  }

  // size and place

  #mostHeight() {
    return Math.max(240, Math.min(window.innerHeight * 0.7, 720));
  }

  #size() {
    const { width, height } = this.#picture;
    const room = this.view.clientWidth || width;
    const scale = this.#scale ?? Math.min(1, Math.max(READABLE, room / width));
    this.svg.setAttribute("viewBox", `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`);
    this.svg.setAttribute("width", Math.ceil(width * scale));
    this.svg.setAttribute("height", Math.ceil(height * scale));
    this.view.style.maxHeight = `${this.#mostHeight()}px`;
    setText(this.scaleText, format.percent(scale));
    this.shownScale = scale;
  }

  /** What lies at `point` of the view stays there. */
  #setScale(scale, point = { x: this.view.clientWidth / 2, y: this.view.clientHeight / 2 }) {
    const before = this.shownScale;
    const [left, top] = [this.view.scrollLeft + point.x, this.view.scrollTop + point.y];
    this.#scale = Math.min(MOST_SCALE, Math.max(LEAST_SCALE, scale));
    this.#size();
    this.view.scrollTo(left * (this.#scale / before) - point.x, top * (this.#scale / before) - point.y);
  }

  #zoom(factor, point) {
    this.#setScale(this.shownScale * factor, point);
  }

  #wheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const { left, top } = this.view.getBoundingClientRect();
    this.#zoom(Math.exp(-event.deltaY / 300), { x: event.clientX - left, y: event.clientY - top });
  }

  #dragged = false;

  /** A mouse pulls the picture along; a finger scrolls it anyway. */
  #drag(event) {
    this.#dragged = false;
    if (event.pointerType !== "mouse" || event.button !== 0) return;
    const start = { x: event.clientX + this.view.scrollLeft, y: event.clientY + this.view.scrollTop };
    const from = { x: event.clientX, y: event.clientY };
    const move = ({ clientX, clientY }) => {
      this.#dragged ||= Math.hypot(clientX - from.x, clientY - from.y) > 4;
      if (this.#dragged) this.view.scrollTo(start.x - clientX, start.y - clientY);
      this.view.classList.toggle("is-dragged", this.#dragged);
    };
    const stop = () => {
      window.removeEventListener("pointermove", move);
      this.view.classList.remove("is-dragged");
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", stop, { once: true });
  }
}
