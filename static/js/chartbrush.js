// The strip under a large chart: the whole run, and in it the window, to be moved and stretched with the pointer. Keys do the
// same on the chart itself, so the strip is for the pointer only.

import { h } from "./dom.js";
import * as paint from "./paint.js";
import { edges } from "./sampling.js";
import { linearRange, logRange } from "./scale.js";

const EDGE_PX = 8; // so near its end a window is stretched rather than moved
const ROOM = 3; // device-independent pixels above and below the curve

export class Brush {
  constructor(chart) {
    this.chart = chart;
    this.canvas = h("canvas", { class: "chart-brush", aria: { hidden: "true" } });
    this.canvas.addEventListener("pointerdown", (event) => this.#press(event));
    this.canvas.addEventListener("dblclick", () => chart.group.setWindow(null));
    this.canvas.addEventListener("pointermove", (event) => {
      this.canvas.style.cursor = { move: "grab", from: "ew-resize", to: "ew-resize", none: "crosshair" }[this.#partAt(event)];
    });
  }

  get #whole() {
    return this.chart.group.whole();
  }

  #shareOf(x) {
    const [from, to] = this.#whole;
    if (!this.chart.group.isLogX) return (x - from) / (to - from);
    return Math.log(x / from) / Math.log(to / from);
  }

  #valueAt(share) {
    const [from, to] = this.#whole;
    return this.chart.group.isLogX ? from * (to / from) ** share : from + share * (to - from);
  }

  draw() {
    const { canvas } = this;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width || !height) return;
    const scale = devicePixelRatio;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const ctx = canvas.getContext("2d");
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    this.#paintCurves(ctx, width, scale);
    this.#paintWindow(ctx, scale);
  }

  #paintCurves(ctx, width, scale) {
    const { group, curves, isLog } = this.chart;
    const [from, to] = this.#whole.map((x) => group.axis.toStep(x));
    const column = (step) => this.#shareOf(group.axis.toX(step)) * width;
    const key = [from, to, width, isLog, ...curves.map(({ series }) => series.version)].join();
    if (key !== this.key) {
      this.key = key;
      this.lines = curves.map((curve) => ({ curve, line: edges(curve.series, from, to, width, column) }));
      this.range = rangeOf(this.lines, isLog);
    }
    const [low, high] = this.range;
    const into = isLog ? Math.log : (value) => value;
    const room = ROOM * scale;
    const y = (value) =>
      ctx.canvas.height - room - ((into(value) - into(low)) / (into(high) - into(low))) * (ctx.canvas.height - 2 * room);
    for (const { curve, line } of this.lines) {
      const color = curve.color ?? group.colors[curve.role];
      paint.line(ctx, line, (step) => column(step) * scale, (value) => (isLog && value <= 0 ? ctx.canvas.height : y(value)), {
        color,
        width: scale,
        alpha: 0.7,
      });
    }
  }

  #paintWindow(ctx, scale) {
    const { group } = this.chart;
    if (!group.window) return;
    const { width, height } = ctx.canvas;
    const [from, to] = group.window.map((x) => this.#shareOf(x) * width);
    ctx.fillStyle = group.colors.surface;
    ctx.globalAlpha = 0.6;
    ctx.fillRect(0, 0, from, height);
    ctx.fillRect(to, 0, width - to, height);
    ctx.globalAlpha = 1;
    ctx.strokeStyle = group.colors.accent;
    ctx.lineWidth = scale;
    ctx.strokeRect(from + scale / 2, scale / 2, Math.max(scale, to - from - scale), height - scale);
  }

  #partAt({ clientX }) {
    const { group } = this.chart;
    if (!group.window) return "none";
    const box = this.canvas.getBoundingClientRect();
    const [from, to] = group.window.map((x) => box.left + this.#shareOf(x) * box.width);
    if (Math.abs(clientX - from) < EDGE_PX) return "from";
    if (Math.abs(clientX - to) < EDGE_PX) return "to";
    return clientX > from && clientX < to ? "move" : "none";
  }

  #press(event) {
    event.preventDefault();
    const { group } = this.chart;
    const part = this.#partAt(event);
    const box = this.canvas.getBoundingClientRect();
    const share = ({ clientX }) => Math.min(1, Math.max(0, (clientX - box.left) / box.width));
    const begin = share(event);
    const at = group.window?.map((x) => this.#shareOf(x));
    const windowAt = (now) => {
      if (part === "from") return [now, at[1]];
      if (part === "to") return [at[0], now];
      if (part === "none") return [begin, now];
      const by = Math.max(-at[0], Math.min(now - begin, 1 - at[1]));
      return [at[0] + by, at[1] + by];
    };
    const move = (moved) => {
      const [from, to] = windowAt(share(moved)).sort((a, b) => a - b);
      if (to - from > 1e-6) group.setWindow([this.#valueAt(from), this.#valueAt(to)]);
    };
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"])
      this.canvas.addEventListener(name, () => this.canvas.removeEventListener("pointermove", move), { once: true });
  }
}

function rangeOf(lines, isLog) {
  let [low, high] = [Infinity, -Infinity];
  for (const { line } of lines) {
    for (const value of line.values) {
      if (value === null || (isLog && !(value > 0))) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return isLog ? logRange(low, high) : linearRange(low, high, 2);
}
