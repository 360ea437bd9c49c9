// The charts of a run, in sections that a person arranges: pinned, hidden, wide, in an order of their own. The arrangement is
// kept for them on the server, and goes with a link that they share.

import * as api from "../api.js";
import { $, h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { Kept } from "../kept.js";
import { isUntouched, layoutFrom, moved, sectionsOf, toggled } from "../layout.js";
import { toast, toastError } from "../shell.js";

const KEY = "run-charts";
const MAIN = "loss"; // stands above the sections, always

export class Workspace {
  /** panels: element of the sections; addChart(figure, chart) makes what stands in a figure. */
  constructor({ element, mainFigure, addChart, sharedId }) {
    Object.assign(this, { element, mainFigure, addChart, sharedId, panels: new Map(), charts: [], query: "" });
    this.layout = layoutFrom(null);
    this.kept = new Kept(KEY, toastError);
    this.sections = h("div", { class: "stack" });
    replace(element, this.#tools(), this.sections);
    this.#load();
  }

  #tools() {
    this.search = h("input", { type: "search", class: "input", placeholder: "Find a chart", aria: { label: "Find a chart" } });
    this.search.addEventListener("input", () => {
      this.query = this.search.value;
      this.#arrange();
    });
    const button = (name, act) => h("button", { class: "button quiet small", type: "button", onclick: act }, name);
    this.hiddenButton = button("", () => this.#change({ ...this.layout, hidden: [] }));
    this.resetButton = button("Reset layout", () => this.#change(layoutFrom(null)));
    const share = button("Share view", () => this.#share().catch(toastError));
    this.note = h("p", { class: "muted small", role: "status" });
    return h("div", { class: "toolbar workspace-tools" }, this.search, this.note, h("span", { class: "grow" }), this.hiddenButton, this.resetButton, share);
  }

  // what is kept

  async #load() {
    try {
      this.layout = layoutFrom(await this.#read());
      this.#arrange();
    } catch (error) {
      if (error.status !== 0) toastError(error);
    }
  }

  async #read() {
    if (!this.sharedId) return this.kept.read();
    return (await api.get(`/views/shared/${encodeURIComponent(this.sharedId)}`)).body;
  }

  #change(layout) {
    this.layout = layout;
    this.#arrange();
    this.kept.keep(this.layout);
  }

  /** A link to the very view: the arrangement goes by its id, everything else stands in the address already. */
  async #share() {
    const { id } = await api.post("/views/share", { key: KEY, body: this.layout });
    const address = new URL(location.href);
    address.searchParams.set("layout", id);
    try {
      await navigator.clipboard.writeText(address.href);
      toast("Copied a link to this view.");
    } catch {
      history.replaceState(null, "", address);
      toast("The address of this page is now a link to this view.");
    }
  }

  // panels

  /** Bring the panels in line with the charts there are (as curves.js lists them); those that stand keep their place. */
  show(charts) {
    this.charts = charts;
    this.#arrange();
  }

  #panel(chart) {
    if (!this.panels.has(chart.key)) {
      const figure = chart.key === MAIN ? this.mainFigure : h("figure", { class: "card chart", data: { chart: chart.key } });
      this.panels.set(chart.key, { figure, chart: null });
    }
    const panel = this.panels.get(chart.key);
    panel.chart = this.addChart(panel, chart, () => this.#itemsOf(chart.key));
    if (chart.key !== MAIN && !panel.isDraggable) this.#makeDraggable(panel, chart.key);
    return panel;
  }

  #arrange() {
    const main = this.charts.find(({ key }) => key === MAIN);
    if (main) this.#panel(main);
    const others = this.charts.filter(({ key }) => key !== MAIN);
    this.shown = sectionsOf(others, this.layout, this.query);
    for (const section of this.shown) for (const chart of section.charts) this.#panel(chart);
    const bySection = this.shown.map((section) => this.#section(section));
    if (!sameChildren(this.sections, bySection)) replace(this.sections, bySection);
    for (const key of this.panels.keys()) if (key !== MAIN) this.panels.get(key).chart?.setWide(this.layout.wide.includes(key));
    const numHidden = others.filter(({ key }) => this.layout.hidden.includes(key)).length;
    this.hiddenButton.hidden = !numHidden;
    setText(this.hiddenButton, `Show ${format.count(numHidden)} hidden`);
    this.resetButton.hidden = isUntouched(this.layout);
    setText(this.note, this.query && !this.shown.length ? `No chart is called “${this.query}”.` : "");
    for (const { chart } of this.panels.values()) chart?.group.draw();
  }

  #section({ key, title, charts }) {
    this.elements ??= new Map();
    if (!this.elements.has(key)) this.elements.set(key, this.#newSection(key, title));
    const { element, grid, count, heading } = this.elements.get(key);
    setText(heading, title);
    element.open = !this.layout.folded.includes(key);
    setText(count, String(charts.length));
    const figures = charts.map((chart) => this.panels.get(chart.key).figure);
    if (!sameChildren(grid, figures)) replace(grid, figures);
    return element;
  }

  #newSection(key, title) {
    const grid = h("div", { class: "small-charts" });
    const count = h("span", { class: "muted small figures" });
    const heading = h("h2", { class: "section-title" }, title);
    const summary = h("summary", {}, heading, count);
    const element = h("details", { class: "chart-section", open: true, data: { section: key } }, summary, grid);
    element.addEventListener("toggle", () => {
      if (element.open === !this.layout.folded.includes(key)) return;
      this.#change(toggled(this.layout, "folded", key));
    });
    return { element, grid, count, heading };
  }

  #itemsOf(key) {
    if (key === MAIN) return [];
    const { layout } = this;
    const section = this.#sectionWith(key);
    const at = section.findIndex((chart) => chart.key === key);
    const turn = (name) => () => this.#change(toggled(this.layout, name, key));
    const items = [
      { label: "Pinned to the top", isOn: layout.pinned.includes(key), act: turn("pinned") },
      { label: "Large", isOn: layout.wide.includes(key), act: turn("wide") },
    ];
    if (at > 0) items.push({ label: "Move before", act: () => this.#move(key, section[at - 1].key) });
    if (at >= 0 && at < section.length - 1) items.push({ label: "Move behind", act: () => this.#move(key, section[at + 1].key) });
    return [...items, { label: "Hide", act: turn("hidden") }];
  }

  #sectionWith(key) {
    return this.shown.find(({ charts }) => charts.some((chart) => chart.key === key))?.charts ?? [];
  }

  #move(key, target) {
    const focused = document.activeElement?.closest("figure") === this.panels.get(key).figure;
    this.#change(moved(this.layout, this.#sectionWith(key), key, target));
    if (focused) $(".chart-more", this.panels.get(key).figure).focus();
  }

  /** By its title a panel is dragged onto the place of another of its section. */
  #makeDraggable(panel, key) {
    panel.isDraggable = true;
    const { figure } = panel;
    const handle = $("h2, h3", figure);
    handle.draggable = true;
    handle.classList.add("chart-handle");
    handle.addEventListener("dragstart", (event) => {
      this.dragged = key;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", key);
      event.dataTransfer.setDragImage(figure, 20, 20);
    });
    const isWelcome = () => this.dragged && this.dragged !== key && this.#sectionWith(key) === this.#sectionWith(this.dragged);
    figure.addEventListener("dragover", (event) => {
      if (!isWelcome()) return;
      event.preventDefault();
      figure.classList.add("drop-here");
    });
    figure.addEventListener("dragleave", () => figure.classList.remove("drop-here"));
    figure.addEventListener("drop", (event) => {
      figure.classList.remove("drop-here");
      if (!isWelcome()) return;
      event.preventDefault();
      this.#move(this.dragged, key);
    });
    handle.addEventListener("dragend", () => (this.dragged = null));
  }
}

/** Whether an element has just these children: then nothing is moved, and nothing loses focus. */
const sameChildren = (element, children) =>
  element.children.length === children.length && children.every((child, i) => element.children[i] === child);
