// Charts of series that grow while one looks. The only module that knows uPlot: it has the axes, the crosshair and the
// choice of a window; the curves are painted here, from what series.js says is worth a pixel.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { description, fillTable, pointsNote, valuesTable } from "./chartwords.js";
import { $, h, replace, setText } from "./dom.js";
import * as format from "./format.js";
import * as paint from "./paint.js";
import { decimalsFor, linearRange, logRange } from "./scale.js";
import { Smoothing, band, decimate, nonFinite, roomFor, thin } from "./series.js";

const BAND_PX = 6;
const MIN_SMOOTHED = 24; // fewer points than this are a line already
const LABELS_EVERY_MS = 1000;
const EMPTY = [
  [0, 1],
  [0, 1],
]; // uPlot's own data: only the corners of the picture
// Steps of training are whole: so are the ticks of their axis.
const WHOLE_STEPS = Array.from({ length: 14 }, (_, power) => [1, 2, 5].map((lead) => lead * 10 ** power)).flat();

export class Chart {
  /** curves: [{series, role, label, isSmoothed, isDashed}]; goal: "min", "max" or null for no best value. */
  constructor(group, figure, { title, curves = [], goal = null, isLarge = false, isLog = false }) {
    Object.assign(this, { group, figure, title, goal, isLarge, isLog, labelsAt: 0, cursorStep: null });
    this.#build();
    this.setCurves(curves);
    new ResizeObserver(() => this.#resize()).observe(this.plotElement);
  }

  get lastStep() {
    return Math.max(0, ...this.curves.map(({ series }) => series.lastStep ?? 0));
  }

  setCurves(curves) {
    const smoothings = new Map(this.curves?.map((curve) => [curve.series, curve.smoothing]));
    this.curves = curves.map((curve) => ({
      ...curve,
      smoothing: smoothings.get(curve.series) ?? new Smoothing(curve.series),
    }));
    this.legendValues = this.curves.map(() => h("span", { class: "legend-value figures" }));
    replace(
      this.legend,
      this.curves.map(({ role, label, isDashed }, i) =>
        h(
          "li",
          { data: { role }, class: isDashed ? "dashed" : null },
          h("span", { class: "swatch", aria: { hidden: "true" } }),
          h("span", {}, label),
          this.legendValues[i],
        ),
      ),
    );
    this.group.draw();
  }

  draw() {
    if (!this.plot || this.figure.offsetParent === null) return;
    const [from, to] = this.group.range();
    const columns = Math.max(50, Math.floor(this.plot.bbox.width / devicePixelRatio));
    this.drawn = this.curves.map((curve) => this.#prepare(curve, from, to, columns));
    this.yRange = this.#yRange();
    this.plot.setData([[from, to], this.yRange]);
    this.figure.dataset.paintedStep = this.lastStep;
    this.#showLabels();
  }

  showWindow(isZoomed) {
    const button = $(".chart-reset", this.figure);
    if (button) button.hidden = !isZoomed;
  }

  // what there is to draw

  #prepare(curve, from, to, columns) {
    const { detail } = curve;
    const covers = detail && detail.from <= from && detail.to >= to;
    const series = covers ? detail.series : curve.series;
    const smoothing = covers ? (detail.smoothing ??= new Smoothing(series)) : curve.smoothing;
    const isSmoothed = Boolean(
      curve.isSmoothed && this.group.smoothing > 0 && series.length >= MIN_SMOOTHED && series.isNoisy(),
    );
    const raw = decimate(series, from, to, columns);
    const hasBand = isSmoothed && raw.steps.length > columns;
    return {
      curve,
      raw,
      isSmoothed,
      smooth: isSmoothed
        ? thin(series, smoothing.update(this.group.smoothing, this.#axisLength()), from, to, columns)
        : null,
      band: hasBand ? band(series, from, to, Math.floor(columns / BAND_PX)) : null,
      marks: nonFinite(series, from, to, columns),
    };
  }

  #axisLength() {
    return this.group.isFinal ? this.lastStep || 1 : (this.group.end ?? roomFor(this.lastStep));
  }

  #yRange() {
    let [low, high] = [Infinity, -Infinity];
    for (const { raw } of this.drawn) {
      for (const value of raw.values) {
        if (value === null || (this.isLog && value <= 0)) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    return this.isLog ? logRange(low, high) : linearRange(low, high, this.isLarge ? 5 : 3);
  }

  // the picture

  #paint(u) {
    if (!this.drawn) return;
    const { ctx, bbox } = u;
    const { colors } = this.group;
    const scale = devicePixelRatio;
    const x = mapping(u.scales.x, bbox.left, bbox.left + bbox.width);
    const y = mapping(u.scales.y, bbox.top + bbox.height, bbox.top, this.isLog);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top - scale, bbox.width + 2 * scale, bbox.height + 2 * scale);
    ctx.clip();
    for (const { curve } of this.drawn) this.#paintGhosts(ctx, curve, x, y, scale);
    for (const { band: spread, curve } of this.drawn)
      if (spread) paint.area(ctx, spread, x, y, { color: colors[curve.role], alpha: 0.16 });
    for (const drawn of this.drawn) this.#paintCurve(ctx, drawn, x, y, scale);
    this.#paintBest(ctx, x, y, bbox, scale);
    const marks = this.drawn.flatMap((drawn) => drawn.marks);
    if (marks.length) paint.warnings(ctx, marks, x, bbox, { color: colors.bad, font: font(scale), scale });
    if (this.cursorStep !== null) this.#paintCursor(ctx, x, y, scale);
    ctx.restore();
  }

  #paintGhosts(ctx, { series }, x, y, scale) {
    const style = { color: this.group.colors.muted, width: scale, alpha: 0.5, dash: [4 * scale, 3 * scale] };
    for (const ghost of series.ghosts) {
      const branch = {
        steps: ghost.steps,
        values: Array.from(ghost.values, (value) => (Number.isFinite(value) ? value : null)),
      };
      paint.line(ctx, branch, x, y, style);
    }
  }

  #paintCurve(ctx, { curve, raw, smooth, isSmoothed }, x, y, scale) {
    const color = this.group.colors[curve.role];
    const mainWidth = this.isLarge ? 1.75 : 1.5;
    const isDense = raw.steps.length > (2 * this.plot.bbox.width) / scale;
    const dash = curve.isDashed ? [5 * scale, 3 * scale] : [];
    paint.line(ctx, raw, x, y, {
      color,
      width: isSmoothed ? scale : mainWidth * scale,
      alpha: !isSmoothed ? 1 : isDense ? 0.28 : 0.5,
      dash,
    });
    if (smooth) paint.line(ctx, smooth, x, y, { color, width: 2 * scale });
    if (raw.steps.length < 16) {
      for (let i = 0; i < raw.steps.length; i += 1) {
        if (raw.values[i] !== null) paint.dot(ctx, x(raw.steps[i]), y(raw.values[i]), 2.5 * scale, color);
      }
    }
  }

  #paintBest(ctx, x, y, bbox, scale) {
    const best = this.best();
    if (!best || !this.isLarge) return;
    const color = this.group.colors.best;
    paint.upright(ctx, x(best.step), bbox, `best ${format.measure(best.value)}`, { color, font: font(scale), scale });
    paint.dot(ctx, x(best.step), y(best.value), 3.5 * scale, color);
  }

  #paintCursor(ctx, x, y, scale) {
    for (const { series, role } of this.curves) {
      const i = series.nearest(this.cursorStep);
      if (i < 0 || !Number.isFinite(series.values[i])) continue;
      paint.dot(ctx, x(series.steps[i]), y(series.values[i]), 3 * scale, this.group.colors[role]);
    }
  }

  /** The best value on rows that were not trained on. */
  best() {
    if (!this.goal) return null;
    const curve = this.curves.find(({ role }) => role === "validation");
    return curve && curve.series.length > 2 ? curve.series.best(this.goal) : null;
  }

  // words

  #showLabels() {
    this.#showLegend();
    const now = performance.now();
    if (now - this.labelsAt < LABELS_EVERY_MS) {
      this.labelTimer ??= setTimeout(() => this.#showSummary(), LABELS_EVERY_MS);
      return;
    }
    this.#showSummary();
  }

  #showSummary() {
    clearTimeout(this.labelTimer);
    this.labelTimer = null;
    this.labelsAt = performance.now();
    const numPoints = this.curves.reduce((sum, { series }) => sum + series.numPoints, 0);
    const numDrawn = (this.drawn ?? []).reduce((sum, { raw }) => sum + raw.steps.length, 0);
    setText(this.note, numPoints ? pointsNote(numPoints, Math.min(numDrawn, numPoints)) : "");
    this.plotElement.setAttribute("aria-label", description(this));
    if (this.details.open) fillTable(this);
  }

  #showLegend() {
    this.curves.forEach(({ series }, i) => {
      const at = this.cursorStep === null ? series.length - 1 : series.nearest(this.cursorStep);
      setText(this.legendValues[i], at < 0 ? "" : format.measure(series.values[at]));
    });
    setText(this.stepNote, this.cursorStep === null ? "" : `step ${format.count(Math.round(this.cursorStep))}`);
  }

  // elements

  #build() {
    this.legend = h("ul", { class: "legend", aria: { label: "Curves" } });
    this.stepNote = h("span", { class: "chart-step muted small figures" });
    this.note = h("p", { class: "chart-note muted small figures" });
    this.plotElement = h("div", {
      class: "chart-plot",
      role: "img",
      tabindex: "0",
      aria: { label: `${this.title}: no points yet` },
    });
    this.details = valuesTable(this.title, () => fillTable(this));
    this.figure.classList.add("chart", ...(this.isLarge ? ["large"] : []));
    const heading = h(this.isLarge ? "h2" : "h3", {}, this.title);
    replace(
      this.figure,
      h(
        "figcaption",
        { class: "chart-head" },
        heading,
        this.legend,
        this.stepNote,
        h("span", { class: "grow" }),
        this.#tools(),
      ),
      this.plotElement,
      h("div", { class: "chart-foot" }, this.details, this.isLarge ? this.note : null),
    );
    this.plotElement.addEventListener("keydown", (event) => this.#onKey(event));
    this.#start();
  }

  #tools() {
    const { group } = this;
    const log = this.#toggle("log y", this.isLog, (isOn) => this.#setLog(isOn));
    const reset = h(
      "button",
      { class: "button quiet small chart-reset", type: "button", hidden: true, onclick: () => group.setWindow(null) },
      "Whole run",
    );
    if (!this.isLarge) return h("div", { class: "chart-tools" }, log);
    const smooth = this.#toggle("smooth", group.smoothing > 0, (isOn) => group.setSmoothing(isOn));
    const expand = this.#toggle("enlarge", false, (isOn) => this.#enlarge(isOn));
    return h("div", { class: "chart-tools" }, reset, smooth, log, expand);
  }

  #toggle(name, isOn, onChange) {
    const button = h("button", { class: "button quiet small", type: "button", aria: { pressed: String(isOn) } }, name);
    button.addEventListener("click", () => {
      const pressed = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(pressed));
      onChange(pressed);
    });
    return button;
  }

  #setLog(isOn) {
    this.isLog = isOn;
    this.yRange = null;
    this.plot.destroy();
    this.#start();
    this.group.draw();
  }

  #enlarge(isOn) {
    this.figure.classList.toggle("enlarged", isOn);
    document.body.classList.toggle("has-enlarged", isOn);
    this.#resize();
  }

  #start() {
    const { group } = this;
    const options = {
      width: this.plotElement.clientWidth || 300,
      height: this.plotElement.clientHeight || 120,
      padding: [8, 10, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: false, range: () => group.range() },
        y: { distr: this.isLog ? 3 : 1, range: () => this.yRange ?? [0.1, 1] },
      },
      axes: this.#axes(),
      series: [{}, { paths: () => null, points: { show: false } }],
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
        sync: { key: group.name, scales: ["x", null] },
        bind: { dblclick: () => () => group.setWindow(null) },
      },
      hooks: {
        draw: [(u) => this.#paint(u)],
        setCursor: [(u) => this.#onCursor(u)],
        setSelect: [(u) => this.#onSelect(u)],
      },
    };
    this.plot = new uPlot(options, EMPTY, this.plotElement);
  }

  #axes() {
    const axis = { stroke: () => this.group.colors.muted, ticks: { show: false }, font: "11px Inter" };
    const grid = { stroke: () => this.group.colors.grid, width: 1, ...(this.isLog ? { filter: powersOfTen } : {}) };
    const yTicks = (u, splits, i, space, step) => this.#yTicks(splits, step);
    return [
      {
        ...axis,
        grid: { show: false },
        size: 22,
        gap: 4,
        space: 70,
        incrs: WHOLE_STEPS,
        values: (u, at) => format.ticks(at),
      },
      { ...axis, grid, size: 44, gap: 6, space: this.isLarge ? 44 : 26, values: yTicks },
    ];
  }

  #yTicks(splits, step) {
    if (this.isLog) return splits.map((value) => (value === null ? "" : format.tick(value)));
    const isPlain = Math.max(...splits.map(Math.abs)) < 1e4 && step >= 1e-4;
    return splits.map((value) => (isPlain ? value.toFixed(decimalsFor(step)).replace("-", "−") : format.tick(value)));
  }

  #onCursor(u) {
    const { left } = u.cursor;
    const step = left === null || left < 0 ? null : u.posToVal(left, "x");
    if (step === this.cursorStep) return;
    this.cursorStep = step;
    this.group.draw();
  }

  #onSelect(u) {
    const { left, width } = u.select;
    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    if (width < 8) return;
    this.group.setWindow([u.posToVal(left, "x"), u.posToVal(left + width, "x")]);
  }

  /** Arrows move the crosshair, + and − change the window, 0 shows everything. */
  #onKey(event) {
    const { plot, group } = this;
    const [from, to] = group.range();
    const at = this.cursorStep ?? (from + to) / 2;
    const move = (step) => plot.setCursor({ left: plot.valToPos(Math.min(to, Math.max(from, step)), "x"), top: 10 });
    const keys = {
      ArrowLeft: () => move(at - (to - from) / 100),
      ArrowRight: () => move(at + (to - from) / 100),
      "+": () => group.setWindow([at - (at - from) / 2, at + (to - at) / 2]),
      "-": () => group.setWindow([Math.max(0, from - (to - from) / 2), to + (to - from) / 2]),
      0: () => group.setWindow(null),
      Escape: () => plot.setCursor({ left: -10, top: -10 }),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.plotElement;
    if (!width || !height) return;
    if (width !== this.plot.width || height !== this.plot.height) this.plot.setSize({ width, height });
    this.group.draw();
  }
}

const powersOfTen = (u, splits) => splits.map((at) => (Number.isInteger(Math.log10(at)) ? at : null));

const font = (scale) => `500 ${11 * scale}px Inter, sans-serif`;

function mapping({ min, max }, from, to, isLog = false) {
  if (!isLog) return (value) => from + ((value - min) / (max - min)) * (to - from);
  const [low, span] = [Math.log(min), Math.log(max) - Math.log(min)];
  return (value) => (value > 0 ? from + ((Math.log(value) - low) / span) * (to - from) : from);
}
