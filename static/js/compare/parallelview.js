// Parallel coordinates: a line for each run through what was set and what came of it. A brush on an axis chooses runs,
// here and everywhere on the page; two numbers typed beside the axis do the same.

import { debounce, h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { toastError } from "../shell.js";
import { axisOption, pictureIn, themeColors } from "../statistical.js";
import { axisLabel, axisOf, roundAxisOf } from "./columns.js";
import { replaceControls } from "./controls.js";
import { colorsOf, columnSelect, rampLegend, replaceTable, valuesTable } from "./picture.js";

const MAX_AXES = 12;
const FIRST_SETTINGS = 5;
const NARROW_PX = 560;
const AFTER_DRAG_MS = 150;

export class ParallelView {
  constructor(store, element) {
    Object.assign(this, { store, element, ranges: new Map() });
    this.controls = h("div", { class: "toolbar compare-controls" });
    this.chips = h("ul", { class: "compare-axes", aria: { label: "Axes" } });
    this.legend = h("div", {});
    this.readout = h("p", { class: "compare-readout small figures", role: "status" });
    this.place = h("div", { class: "compare-picture tall", role: "img" });
    this.values = h("div", {});
    replace(
      element,
      this.controls,
      this.chips,
      h(
        "section",
        { class: "card", aria: { label: "Parallel coordinates" } },
        this.legend,
        this.readout,
        this.place,
        this.values,
      ),
    );
    store.addEventListener("highlight", () => this.#drawLines());
    addEventListener("themechange", () => requestAnimationFrame(() => this.#draw()));
  }

  async show(names = null) {
    if (names?.has("chosen") && names.size === 1) {
      if (!this.store.chosen && this.ranges.size) this.#forget();
      this.#drawLines();
      this.#showReadout();
      return;
    }
    this.#showControls();
    try {
      this.picture ??= await this.#start();
    } catch (error) {
      toastError(error);
      return;
    }
    this.#draw();
    replaceTable(this.values, valuesTable(this.store, this.#axes(), "Values of the parallel coordinates"));
  }

  async #start() {
    const picture = await pictureIn(this.place);
    const choose = debounce(60, () => this.#brushed());
    // Nothing is drawn anew under a brush that is being drawn: ECharts would drop it.
    this.place.addEventListener("pointerdown", () => (this.isDragging = true));
    addEventListener("pointerup", () => {
      if (this.isDragging) setTimeout(() => this.#drawLines(), AFTER_DRAG_MS);
      this.isDragging = false;
    });
    picture.on("axisareaselected", choose);
    picture.on("mouseover", ({ data }) => data?.id && this.store.highlight([data.id]));
    picture.on("mouseout", () => this.store.highlight([]));
    return picture;
  }

  /** The columns that were asked for; else the first settings that differ, and what is measured first. */
  #axes() {
    const { store } = this;
    const asked = store.state.axes.map((key) => store.column(key)).filter(Boolean);
    if (asked.length) return asked;
    const settings = store.columns.filter(({ kind }) => kind === "setting").slice(0, FIRST_SETTINGS);
    const results = store.columns.filter(({ kind, goal }) => kind === "result" && goal).slice(0, 2);
    return [...settings, ...results];
  }

  #showControls() {
    const { store } = this;
    const axes = this.#axes();
    const keys = axes.map(({ key }) => key);
    const change = (next) => {
      this.#forget();
      store.chosen = null;
      return store.set({ axes: next });
    };
    replaceControls(
      this.controls,
      columnSelect(store, "Add an axis", "", (key) => key && keys.length < MAX_AXES && change([...keys, key]), {
        none: "Add an axis…",
        filter: ({ key }) => !keys.includes(key),
      }),
      columnSelect(store, "Colour", store.state.sc, (sc) => store.set({ sc }), {
        none: "By run or group",
        filter: ({ kind }) => kind === "result",
      }),
      h("button", { class: "button small", type: "button", onclick: () => this.#clear() }, "Clear the choice"),
    );
    replaceControls(
      this.chips,
      axes.map((axis) => this.#chip(axis, () => change(keys.filter((key) => key !== axis.key)))),
    );
  }

  /** An axis: its name, what is chosen of it, and the way to take it off. */
  #chip(column, onRemove) {
    const { categories } = axisOf(column, this.store.runs);
    const bound = (word, at) => {
      const value = this.ranges.get(column.key)?.[at];
      const input = h("input", {
        class: "input",
        type: "number",
        step: "any",
        placeholder: word,
        value: value ?? "",
        aria: { label: `${column.label}, ${word}` },
      });
      input.addEventListener("change", () => this.#type(column.key, at, input.value));
      return input;
    };
    return h(
      "li",
      { class: "compare-axis" },
      h("span", { class: "small" }, axisLabel(column)),
      categories ? null : [bound("from", 0), bound("to", 1)],
      h(
        "button",
        {
          class: "button quiet small icon",
          type: "button",
          title: "Take this axis off",
          aria: { label: `Take the axis ${column.label} off` },
          onclick: onRemove,
        },
        "×",
      ),
    );
  }

  // choosing

  #type(key, at, text) {
    const range = this.ranges.get(key) ?? [null, null];
    range[at] = text === "" ? null : Number(text);
    if (range[0] === null && range[1] === null) this.ranges.delete(key);
    else this.ranges.set(key, range);
    this.#draw();
    this.#chooseTyped();
  }

  #chooseTyped() {
    if (!this.ranges.size) return this.store.choose(null);
    const isInside = (run) =>
      [...this.ranges].every(([key, [from, to]]) => {
        const value = this.store.column(key)?.values.get(run.id);
        return typeof value === "number" && (from === null || value >= from) && (to === null || value <= to);
      });
    return this.store.choose(this.store.shownRuns.filter(isInside).map((run) => run.id));
  }

  #brushed() {
    const found = this.picture.brushed();
    if (found) this.store.choose(found.map((i) => this.store.shownRuns[i]?.id).filter(Boolean));
    else if (!this.ranges.size) this.store.choose(null);
  }

  #clear() {
    this.#forget();
    this.store.choose(null);
  }

  #forget() {
    this.ranges.clear();
    for (const input of this.chips.querySelectorAll("input")) input.value = "";
    this.#draw();
  }

  // drawing

  #draw() {
    if (!this.picture || this.element.hidden) return;
    const columns = this.#axes();
    const theme = themeColors();
    const isNarrow = this.place.clientWidth < NARROW_PX;
    this.axes = columns.map((column) => roundAxisOf(column, this.store.runs));
    this.picture.draw({
      parallel: {
        layout: isNarrow ? "vertical" : "horizontal",
        ...(isNarrow ? { left: 12, right: 24, top: 34, bottom: 24 } : { left: 64, right: 72, top: 40, bottom: 20 }),
      },
      parallelAxis: columns.map((column, dim) => this.#axis(column, dim, theme, isNarrow)),
      series: [
        {
          type: "parallel",
          data: this.#lines(),
          emphasis: { disabled: true },
          inactiveOpacity: 0.12,
          activeOpacity: 1,
          smooth: 0,
        },
      ],
    });
    replace(this.legend, rampLegend(this.store));
    this.#showReadout();
  }

  #axis(column, dim, theme, isNarrow) {
    const option = axisOption(this.axes[dim], axisLabel(column), theme);
    return {
      ...option,
      dim,
      nameLocation: isNarrow ? "start" : "end",
      nameGap: isNarrow ? 6 : 14,
      nameTextStyle: {
        ...option.nameTextStyle,
        backgroundColor: theme.surface,
        ...(isNarrow ? { align: "left", verticalAlign: "bottom", padding: [0, 0, 12, 0] } : {}),
      },
      nameTruncate: { maxWidth: 130 },
      axisLine: { lineStyle: { color: theme.muted } },
      splitLine: { show: false },
      axisLabel: { ...option.axisLabel, backgroundColor: theme.surface, padding: [1, 3] },
      areaSelectStyle: { width: 18, color: theme.muted, borderColor: theme.text, opacity: 0.25 },
    };
  }

  #lines() {
    const { store } = this;
    const columns = this.#axes();
    // What a brush leaves out, ECharts itself puts back.
    const colors = colorsOf(store, { fade: store.highlighted.size > 0 || !this.picture.brushed() });
    return store.shownRuns.map((run) => ({
      id: run.id,
      value: columns.map((column, i) => this.axes[i].of(column.values.get(run.id) ?? null) ?? "-"),
      lineStyle: { color: colors.get(run.id), width: store.highlighted.has(run.id) ? 4 : 2, opacity: 1 },
    }));
  }

  #drawLines() {
    if (!this.picture || !this.axes || this.element.hidden || this.isDragging) return;
    this.picture.change({ series: [{ data: this.#lines() }] });
  }

  #showReadout() {
    const { chosen, runs } = this.store;
    const label = this.#axes().map(axisLabel).join(", ");
    this.place.setAttribute("aria-label", `Parallel coordinates of ${label}; the values stand in the table below`);
    const text = chosen
      ? `${format.count(chosen.size)} of ${format.plural(runs.length, "run")} chosen`
      : "Drag along an axis, or type two numbers above, to choose runs everywhere on this page.";
    setText(this.readout, text);
  }
}
