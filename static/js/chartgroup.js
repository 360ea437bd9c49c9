// Charts that stand together: one crosshair, one window, one x axis, one animation frame, one set of colours.

import { Chart } from "./chart.js";
import { h } from "./dom.js";
import { roomFor } from "./series.js";

const SMOOTHING = 0.95;
const COLORS = ["train", "validation", "test", "other", "best"];

/** Charts that share crosshair, window, x axis and one animation frame. */
export class ChartGroup {
  charts = [];
  window = null; // [from, to] in steps, or null for everything
  end = null; // the last step there will be, if known
  isFinal = false; // no point will come any more
  smoothing = SMOOTHING;
  onWindow = null;
  #frame = null;

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

  range() {
    if (this.window) return this.window;
    const last = Math.max(0, ...this.charts.map((chart) => chart.lastStep));
    if (this.isFinal && last > 0) return [0, last];
    return [0, this.end && this.end >= last ? this.end : roomFor(last)];
  }

  setWindow(window) {
    this.window = window;
    for (const chart of this.charts) chart.showWindow(Boolean(window));
    this.onWindow?.(window);
    this.draw();
  }

  setSmoothing(isOn) {
    this.smoothing = isOn ? SMOOTHING : 0;
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
    this.colors = Object.fromEntries(COLORS.map((role) => [role, resolve(`--curve-${role}`)]));
    Object.assign(this.colors, { grid: resolve("--grid"), muted: resolve("--muted"), bad: resolve("--bad") });
    probe.remove();
  }
}
