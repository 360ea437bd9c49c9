// A chart of series that grow while one looks: its elements, its words, and when they change. `picture.js` says what there is
// to draw and paints it, `chartplot.js` has the axes, `chartcontrols.js` what one can set.

import { Brush } from "./chartbrush.js";
import { addGestures, onKey, toolsOf } from "./chartcontrols.js";
import { Plot } from "./chartplot.js";
import { description, eventsNear, fillTable, pointsNote, valuesTable, whereInWords } from "./chartwords.js";
import { $, h, replace, setText } from "./dom.js";
import * as format from "./format.js";
import { paintScene, prepare, rangeOf } from "./picture.js";
import { Smoothing } from "./smoothing.js";

const LABELS_EVERY_MS = 1000;
const NEAR = "200px"; // so near the screen a chart is drawn
const NEAR_PX = 6; // so near an event its words show

export class Chart {
  /** The options and curves that chartgroup.js describes. */
  constructor(group, figure, { key = "", title, curves = [], goal = null, isLarge = false, isLog = false, isFromZero = false, menu = null, words = null }) {
    Object.assign(this, { group, figure, key, title, goal, isLog, isFromZero, menu, words: words ?? format.measure, tickWords: words, cursorX: null, labelsAt: 0, drawn: [] });
    this.plot = null; // until it is first seen
    this.isWide = isLarge; // as the page has it; enlarged it is large too
    this.#build();
    this.setCurves(curves);
    new ResizeObserver(() => this.#resize()).observe(this.plotElement);
    new IntersectionObserver((seen) => this.#seen(seen.at(-1).isIntersecting), { rootMargin: NEAR }).observe(figure);
  }

  get isLarge() {
    return this.isWide || this.isEnlarged;
  }

  get isEnlarged() {
    return this.figure.classList.contains("enlarged");
  }

  get firstStep() {
    return Math.min(...this.curves.map(({ series }) => series.firstStep ?? Infinity));
  }

  get lastStep() {
    return Math.max(0, ...this.curves.map(({ series }) => series.lastStep ?? 0));
  }

  get cursorStep() {
    return this.cursorX === null ? null : this.group.axis.toStep(this.cursorX);
  }

  setCurves(curves) {
    const smoothings = new Map(this.curves?.map((curve) => [curve.series, curve.smoothing]));
    this.curves = curves.map((curve) => ({
      ...curve,
      smoothing: smoothings.get(curve.series) ?? new Smoothing(curve.series),
    }));
    this.legendValues = this.curves.map(() => h("span", { class: "legend-value figures" }));
    replace(this.legend, this.curves.map((curve, i) => this.#legendItem(curve, i)));
    this.group.draw();
  }

  #legendItem({ role, label, color, isDashed }, i) {
    const swatch = h("span", { class: "swatch", aria: { hidden: "true" } });
    if (color) swatch.style.background = color;
    const properties = { data: { role: role ?? "other" }, class: isDashed ? "dashed" : null };
    return h("li", properties, swatch, h("span", {}, label), this.legendValues[i]);
  }

  // the picture

  draw() {
    if (!this.isNear || !this.plot || !this.plotElement.checkVisibility()) return;
    const { group } = this;
    const view = this.#view();
    this.drawn = this.curves.map((curve) => prepare(curve, view));
    this.yRange = rangeOf(this.drawn, this);
    this.plot.draw();
    if (this.isLarge) this.brush.draw();
    this.figure.dataset.paintedStep = this.lastStep;
    this.figure.dataset.paintedGhosts = this.curves.reduce((sum, { series }) => sum + series.ghosts.length, 0);
    this.figure.dataset.paintedWindow = group.range().map((x) => Number(x.toPrecision(8))).join(" ");
    this.#showLabels();
  }

  /** A chart that nobody can see is not drawn; it is when it comes near. */
  #seen(isNear) {
    this.isNear = isNear;
    if (!isNear) return;
    if (this.plot) this.group.draw();
    else this.group.start(this);
  }

  #view() {
    const { group, plot } = this;
    const [from, to] = group.windowInSteps();
    const numColumns = Math.max(50, Math.floor(plot.width));
    const [low, high] = group.range();
    const { toX } = group.axis;
    const into = group.isLogX ? (x) => (x > 0 ? Math.log(x) : -Infinity) : (x) => x;
    const perUnit = numColumns / (into(high) - into(low) || 1);
    return {
      from,
      to,
      numColumns,
      column: (step) => (into(toX(step)) - into(low)) * perUnit,
      smoothing: group.smoothing,
      isAsked: group.isSmoothingAsked,
      axisLength: group.axisLength(),
    };
  }

  /** What picture.js paints. */
  scene() {
    const { group, drawn, isLarge, cursorStep } = this;
    const [from, to] = group.windowInSteps();
    const events = isLarge ? group.events.filter(({ step }) => step >= from && step <= to) : [];
    return { drawn, colors: group.colors, isLarge, best: this.best(), events, cursorStep };
  }

  #paint(ctx, geometry) {
    const { toX } = this.group.axis;
    paintScene(ctx, this.scene(), { ...geometry, x: (step) => geometry.x(toX(step)) });
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
    this.#showNote();
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
    this.plotElement.setAttribute("aria-label", description(this));
    if (this.details.open) fillTable(this);
  }

  #showNote() {
    const numPoints = this.curves.reduce((sum, { series }) => sum + series.numPoints, 0);
    const numDrawn = this.drawn.reduce((sum, one) => sum + one.numDrawn, 0);
    const isRaw = this.drawn.every((one) => one.isRaw);
    setText(this.note, numPoints ? pointsNote(numPoints, Math.min(numDrawn, numPoints), isRaw) : "");
  }

  #showLegend() {
    const { cursorStep } = this;
    this.curves.forEach((curve, i) => {
      const series = this.drawn[i]?.series ?? curve.series;
      const at = cursorStep === null ? curve.series.length - 1 : series.nearest(cursorStep);
      const values = cursorStep === null ? curve.series.values : series.values;
      setText(this.legendValues[i], at < 0 ? "" : this.words(values[at]));
    });
    setText(this.stepNote, cursorStep === null ? "" : whereInWords(this.group, this.cursorX));
    this.#showTip();
  }

  /** The words of the events under the crosshair. */
  #showTip() {
    const events = this.isPointedAt && this.isLarge ? eventsNear(this, NEAR_PX) : [];
    this.tip.hidden = !events.length;
    if (!events.length) return;
    setText(this.tip, events.map(({ text }) => text).join("\n"));
    const px = this.plot.over.offsetLeft + this.plot.valToPos(this.cursorX, "x");
    const isLeft = px > this.plotElement.clientWidth / 2;
    this.tip.style.left = isLeft ? "auto" : `${px + 8}px`;
    this.tip.style.right = isLeft ? `${this.plotElement.clientWidth - px + 8}px` : "auto";
  }

  // elements

  #build() {
    this.legend = h("ul", { class: "legend", aria: { label: "Curves" } });
    this.stepNote = h("span", { class: "chart-step muted small figures" });
    this.note = h("p", { class: "chart-note muted small figures" });
    this.tip = h("p", { class: "chart-tip small", hidden: true });
    const label = `${this.title}: no points yet`;
    this.plotElement = h("div", { class: "chart-plot", role: "img", tabindex: "0", aria: { label } }, this.tip);
    this.details = valuesTable(this.title, () => fillTable(this));
    this.brush = new Brush(this);
    this.figure.classList.add("chart");
    this.figure.classList.toggle("large", this.isWide);
    const heading = h(this.isWide ? "h2" : "h3", {}, this.title);
    const space = h("span", { class: "grow" });
    const tools = toolsOf(this);
    const head = h("figcaption", { class: "chart-head" }, heading, this.legend, this.stepNote, space, this.isWide ? tools : null);
    replace(
      this.figure,
      head,
      this.plotElement,
      this.brush.canvas,
      h("div", { class: "chart-foot" }, this.details, this.note, this.isWide ? null : tools),
    );
    this.plotElement.addEventListener("keydown", (event) => onKey(this, event));
    this.plotElement.addEventListener("pointerenter", () => (this.isPointedAt = true));
    this.plotElement.addEventListener("pointerleave", () => (this.isPointedAt = false));
    this.figure.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isEnlarged && !event.defaultPrevented) this.enlarge(false);
    });
  }

  /** Make the axes and draw: when the chart is first seen, and in its turn. */
  start() {
    if (!this.isNear || this.plot) return;
    this.#makePlot();
    addGestures(this);
    this.draw();
  }

  #makePlot() {
    const { group } = this;
    this.plot = new Plot(this.plotElement, {
      name: group.name,
      unit: group.unit,
      isLogX: group.isLogX,
      isLogY: this.isLog,
      isLarge: this.isLarge,
      words: this.tickWords,
      colors: () => group.colors,
      xRange: () => group.range(),
      yRange: () => this.yRange,
      onPaint: (ctx, geometry) => this.#paint(ctx, geometry),
      onCursor: (x) => {
        if (x === this.cursorX) return;
        this.cursorX = x;
        group.draw();
      },
      onSelect: (window) => group.setWindow(window),
      onPan: (share) => group.pan(share),
      onReset: () => group.setWindow(null),
    });
  }

  /** New axes: their kind has changed. */
  restart() {
    this.yRange = null;
    if (!this.plot) return;
    this.plot.destroy();
    this.#makePlot();
    this.group.draw();
  }

  setLog(isOn) {
    this.isLog = isOn;
    this.logButton.setAttribute("aria-pressed", String(isOn));
    this.restart();
    this.group.chartChanged();
  }

  /** As large as the window; another chart that was steps back. */
  enlarge(isOn) {
    for (const other of this.group.charts) if (other !== this && other.isEnlarged) other.enlarge(false);
    this.figure.classList.toggle("enlarged", isOn);
    this.enlargeButton.setAttribute("aria-pressed", String(isOn));
    document.body.classList.toggle("has-enlarged", isOn);
    this.restart();
    this.#resize();
    if (isOn) this.plotElement.focus({ preventScroll: true });
    this.group.chartChanged();
  }

  /** As large as the page has it. */
  setWide(isWide) {
    if (isWide === this.isWide) return;
    this.isWide = isWide;
    this.figure.classList.toggle("large", isWide);
    this.restart();
    this.#resize();
  }

  showWindow(isZoomed) {
    $(".chart-reset", this.figure).hidden = !isZoomed;
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.plotElement;
    if (!this.plot || !width || !height) return;
    this.plot.resize(width, height);
    this.group.draw();
  }
}
