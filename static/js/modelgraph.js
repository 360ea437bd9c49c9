// A model's graph as a picture: boxes from the top to the bottom, blocks that open and close, zoom, the keyboard.

import { h, replace, setText, svg, uniqueId } from "./dom.js";
import * as format from "./format.js";
import { allFolds, boxesOf, compactShape, inWords, openAtFirst, problemsByLayer } from "./modellayout.js";
import { BOX, placed } from "./modelplacing.js";

const LEAST_SCALE = 0.1;
const MOST_SCALE = 2;
const READABLE = 0.55; // the graph is not made smaller than this unless asked to
const MOST_AT_ONCE = 300; // layers that one button may open

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
  #open = null;
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
    else this.#open ??= openAtFirst(graph.layers);
    this.#graph = graph;
    this.#problems = problems;
    this.#draw();
  }

  /** Mark a layer, or the box that it is folded into; null for none. */
  select(name) {
    this.#selected = name;
    for (const [id, element] of this.#elements) element.classList.toggle("is-chosen", this.#isChosen(id));
    const box = this.#boxOf(name);
    if (box) this.#elements.get(box.id).scrollIntoView({ block: "nearest", inline: "nearest" });
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
    const frames = this.#drawn.frames.map((frame, i) => this.#frame(frame, this.#picture.frames[i]));
    const arrows = this.#picture.paths.map(({ d }) =>
      svg("path", { class: "graph-arrow", d, "marker-end": `url(#${this.marker})` }),
    );
    const boxes = this.#drawn.boxes.map((box) =>
      this.#box(box, this.#picture.places.get(box.id), messagesOf(box, wrong)),
    );
    replace(this.svg, this.#arrowHead(), frames, arrows, boxes);
    this.svg.setAttribute("aria-label", this.#summary());
    this.#setCurrent(this.#elements.has(this.#current) ? this.#current : this.#drawn.boxes[0].id, focused !== null);
    this.#showBar();
    this.#showWords();
    this.#size();
  }

  #summary() {
    const { layers } = this.#graph;
    return `Graph of ${format.plural(layers.length, "layer")}, from the input at the top to the output; arrow keys go along its arrows`;
  }

  #arrowHead() {
    const head = {
      id: this.marker,
      viewBox: "0 0 8 8",
      refX: 7,
      refY: 4,
      markerWidth: 7,
      markerHeight: 7,
      orient: "auto",
    };
    return svg("defs", {}, svg("marker", head, svg("path", { class: "graph-head", d: "M0,0.5 7.5,4 0,7.5z" })));
  }

  #box(box, { x, y }, messages) {
    const { width, height } = BOX;
    const isButton = box.kind === "fold" || (this.#onSelect && box.kind === "layer");
    const label = [inWords(box), ...messages].join(". ");
    const aria = { label, ...(box.kind === "fold" ? { expanded: "false" } : {}) };
    const classes = [
      "graph-box",
      `of-${box.family}`,
      messages.length ? "is-wrong" : "",
      this.#isChosen(box.id) ? "is-chosen" : "",
    ];
    const element = svg(
      "g",
      {
        class: classes.filter(Boolean).join(" "),
        transform: `translate(${round(x)},${round(y)})`,
        role: isButton ? "button" : "img",
        tabindex: -1,
        aria,
        data: { id: box.id },
        onclick: () => this.#act(box),
        onfocus: () => this.#setCurrent(box.id),
      },
      svg("title", {}, messages.join("\n") || titleOf(box)),
      box.kind === "fold" ? svg("rect", { class: "graph-behind", x: 4, y: 4, width, height, rx: 8 }) : null,
      svg("rect", { class: "graph-face", width, height, rx: 8 }),
      svg("rect", { class: "graph-family", x: 0.5, y: 6, width: 4, height: height - 12, rx: 2 }),
      lines(box),
    );
    this.#elements.set(box.id, element);
    return element;
  }

  #frame(frame, { x, y, width, height }) {
    const label = `${inWords(frame)}, open`;
    const element = svg(
      "g",
      {
        class: this.#isChosen(frame.id) ? "graph-frame is-chosen" : "graph-frame",
        transform: `translate(${round(x)},${round(y)})`,
        role: "button",
        tabindex: -1,
        aria: { label, expanded: "true" },
        data: { id: frame.id },
        onclick: () => this.#act(frame),
        onfocus: () => this.#setCurrent(frame.id),
      },
      svg("rect", { class: "graph-inside", width, height, rx: 10 }),
      svg("text", { class: "graph-frame-title", x: 10, y: 14 }, clipped(`− ${frame.title}`, width - 20, 5.8)),
    );
    this.#elements.set(frame.id, element);
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
    if (isOpen) this.#open.add(id);
    else this.#open.delete(id);
    this.#current = id;
    this.#draw();
    this.#elements.get(id)?.focus({ preventScroll: true });
    this.#elements.get(id)?.scrollIntoView({ block: "nearest", inline: "nearest" });
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
    if (isFocused) this.#elements.get(id)?.focus();
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

const round = (value) => Math.round(value * 10) / 10;

const messagesOf = (box, wrong) => box.indexes.flatMap((index) => wrong.get(index) ?? []);

const titleOf = (box) =>
  [box.kind === "layer" ? `${box.title} ${box.id}` : box.title, box.shape ? `output ${format.shape(box.shape)}` : ""]
    .filter(Boolean)
    .join(", ");

/** What stands in a box: type and name above, output and parameters below. */
function lines(box) {
  const end = BOX.width - 10;
  const isFold = box.kind === "fold";
  const note = isFold ? format.plural(box.numLayers, "layer") : box.note;
  const room = end - 14;
  const title = clipped(box.title, isFold ? room - note.length * 5.8 - 16 : room, 6.9);
  const shape = compactShape(box.shape);
  const parameters = box.numParameters ? `${format.short(box.numParameters)} par.` : "";
  const right = (name, y, text, x = end) => svg("text", { class: name, x, y, "text-anchor": "end" }, text);
  return [
    svg("text", { class: "graph-title", x: 14, y: 18 }, title),
    right("graph-name", 18, clipped(note, room - title.length * 6.9 - (isFold ? 12 : 4), 5.8), isFold ? end - 14 : end),
    isFold ? right("graph-sign", 19, "+") : null,
    svg("text", { class: "graph-figures", x: 14, y: 33 }, clipped(shape, room - parameters.length * 5.8, 6)),
    right("graph-figures", 33, parameters),
  ];
}

/** As much of a text as has room, by the width of an ordinary letter. */
function clipped(text, room, letter) {
  const most = Math.floor(room / letter);
  if (text.length <= most) return text;
  return most < 2 ? "" : `${text.slice(0, most - 1)}…`;
}
