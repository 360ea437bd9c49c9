// Charts that stand together: one crosshair, one window, one x axis, one animation frame, one set of colours.
//
//   const group = new ChartGroup("compare");              // the name keeps crosshairs of two groups apart
//   const chart = group.add(figure, { title, curves, goal, isLarge, isLog, isFromZero, key, menu, words });
//   chart.setCurves(curves); group.draw();
//
// figure   an empty <figure class="card chart">; css/chart.css and vendor/uplot/uPlot.min.css belong to the page
// goal     "min", "max" or null: which value of the validation curve is marked as the best
// menu     () => [{label, act, isOn}]: what a page adds to the chart's own menu
// isFromZero  its axis begins at zero, as that of an amount
// words    (value) => text, with the unit of what is drawn; without, a number is said as it is
// curves   [{series, label, role | color, name, isSmoothed, isDashed, dash, width, spread, detail}]
//   series      a Series (series.js): append, reset, rewind it at any time, then group.draw()
//   role        "train", "validation", "test" or "other": the colour of the tokens; color (any CSS colour) comes first
//   isSmoothed  true: smoothed when it is noisy, and whenever a person asks; false: never
//   isDashed    or dash, [4, 2] in pixels; width in pixels
//   spread      {steps, lows, highs}: an area around the curve, as of a mean of several runs; null is a gap
//   detail      {from, to, series}: finer data of a part, in steps; drawn while it covers the window
//
// group.smoothing (weight in [0, 1)), .window ([from, to] in units of x, or null), .end (the last step there will be),
// .isFinal, .events ([{step, kind: "checkpoint" | "finding" | "resume" | "control" | "rate", text}]) may be set before draw().
// Where series hold something else than steps, set group.unit ("step", "epoch", "relative", "time") before charts are added;
// where they hold steps, group.setAxis(axisOf(unit, …)) of axis.js maps them.
// Listeners: onWindow(window) after each change of the window, onView() after anything that belongs into the address.

import { STEPS } from "./axis.js";
import { Chart } from "./chart.js";
import { clamped, panned, zoomed } from "./chartview.js";
import { h } from "./dom.js";
import { roomFor } from "./scale.js";

const SMOOTHING = 0.9;
const ROLES = ["train", "validation", "test", "other", "best"];
const TOKENS = ["grid", "muted", "bad", "warn", "accent", "surface", "text"];

export class ChartGroup {
  charts = [];
  window = null;
  end = null;
  isFinal = false;
  smoothing = SMOOTHING;
  isSmoothingAsked = false; // by a person: then every curve is smoothed, not only what is noisy
  isLogX = false;
  axis = STEPS;
  unit = "step";
  events = [];
  onWindow = null;
  onView = null;
  #frame = null;
  #waiting = new Set();
  #starting = null;

  constructor(name) {
    this.name = name;
    this.readColors();
    addEventListener("themechange", () => this.recolor());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolor());
    document.fonts?.ready.then(() => this.draw());
  }

  add(figure, options) {
    const chart = new Chart(this, figure, options);
    this.charts.push(chart);
    return chart;
  }

  /** Draw in the next frame, all charts together, however often it is asked for. */
  draw() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      for (const chart of this.charts) chart.draw();
    });
  }

  /** Let a chart make its axes: one chart a frame, for many at once would hold up the page that opens. */
  start(chart) {
    this.#waiting.add(chart);
    this.#starting ??= requestAnimationFrame(() => {
      this.#starting = null;
      const [first, ...others] = this.#waiting;
      this.#waiting.clear();
      first.start();
      for (const other of others) this.start(other);
    });
  }

  // the x axis

  get firstStep() {
    return Math.min(...this.charts.map((chart) => chart.firstStep ?? Infinity));
  }

  get lastStep() {
    return Math.max(0, ...this.charts.map((chart) => chart.lastStep));
  }

  /** What is shown, in units of x. */
  range() {
    return this.window ?? this.whole();
  }

  whole() {
    const [from, to] = this.#wholeInSteps();
    const { toX } = this.axis;
    const begin = toX(from);
    if (this.isLogX && !(begin > 0)) return [toX(to) / 1e6, toX(to)];
    return [begin, toX(to)];
  }

  #wholeInSteps() {
    const last = this.lastStep;
    const first = this.isLogX ? Math.max(this.firstStep, 1e-3) : 0;
    const begin = Number.isFinite(first) ? first : 1;
    if (this.isFinal && last > begin) return [begin, last];
    // It grows in leaps with what has come, up to the end that is planned: an early curve is no line at the left edge.
    const end = this.end && this.end >= last ? Math.min(this.end, roomFor(last)) : roomFor(last);
    // How long the steps to come will take is not known: an axis of time leaves room, and no more.
    const isTime = this.unit === "time" || this.axis.unit === "relative";
    return [begin, isTime && last > begin ? last * 1.05 : end];
  }

  windowInSteps() {
    return this.range().map((x) => this.axis.toStep(x));
  }

  /** How many steps the whole axis has: what smoothing reckons with. It does not change as points arrive. */
  axisLength() {
    if (this.isFinal) return this.lastStep || 1;
    return this.end ?? roomFor(this.lastStep);
  }

  setAxis(axis, isLogX = this.isLogX) {
    const steps = this.window && this.windowInSteps();
    Object.assign(this, { axis, isLogX, unit: axis.unit });
    this.window = steps && steps.map((step) => axis.toX(step));
    if (isLogX && this.window && !(this.window[0] > 0)) this.window = [this.whole()[0], this.window[1]];
    for (const chart of this.charts) chart.restart();
    this.#viewChanged();
  }

  // the window

  setWindow(window) {
    this.window = window && clamped(window, this.whole());
    for (const chart of this.charts) chart.showWindow(Boolean(this.window));
    this.onWindow?.(this.window);
    this.#viewChanged();
  }

  zoom(at, factor) {
    this.setWindow(zoomed(this.range(), at, factor, this.isLogX));
  }

  pan(share) {
    if (this.window) this.setWindow(panned(this.window, share, this.whole(), this.isLogX));
  }

  // the rest of the view

  setSmoothing(weight) {
    Object.assign(this, { smoothing: weight, isSmoothingAsked: true });
    this.#viewChanged();
  }

  chartChanged() {
    this.#viewChanged();
  }

  #viewChanged() {
    this.onView?.();
    this.draw();
  }

  recolor() {
    this.readColors();
    this.draw();
  }

  /** Colours as the canvas takes them: a probe resolves what the tokens say for the theme of the moment. */
  readColors() {
    const probe = document.body.appendChild(h("span", { hidden: true }));
    const resolve = (name) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    this.colors = Object.fromEntries(ROLES.map((role) => [role, resolve(`--curve-${role}`)]));
    for (const name of TOKENS) this.colors[name] = resolve(`--${name}`);
    probe.remove();
  }
}
