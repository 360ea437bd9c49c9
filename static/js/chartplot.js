// Axes, crosshair and the choice of a window: the only module that knows uPlot. What stands between the axes is painted by
// whoever makes one, in the axes' own pixels.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import * as format from "./format.js";
import { decimalsFor } from "./scale.js";

const LEAST_PX = 8; // a drag shorter than this chooses no window
const EMPTY = [
  [0, 1],
  [0, 1],
]; // uPlot's own data: only the corners of the picture
const WHOLE = Array.from({ length: 14 }, (_, power) => [1, 2, 5].map((lead) => lead * 10 ** power)).flat();
const PARTS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const SECONDS = [...PARTS, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200];
const DAYS = [1, 2, 5, 10, 20, 50, 100, 200].map((days) => days * 86400);
// Steps of training are whole: so are the ticks of their axis.
const INCREMENTS = { step: WHOLE, epoch: [...PARTS, ...WHOLE], relative: [...SECONDS, ...DAYS] };

export class Plot {
  /**
   * asks: {unit, isLogX, isLogY, isLarge, name, words, colors(), xRange(), yRange(), onPaint(ctx, geometry), onCursor(x | null),
   * onSelect([from, to]), onPan(share), onReset()}; geometry: {box, x, y, scale} in device pixels.
   */
  constructor(element, asks) {
    this.asks = asks;
    const { isLogX, isLogY, unit } = asks;
    this.u = new uPlot(
      {
        width: element.clientWidth || 300,
        height: element.clientHeight || 120,
        padding: [8, 18, 0, 0], // half of a long word under the last line stands on the right
        legend: { show: false },
        scales: {
          x: { time: unit === "time", distr: isLogX ? 3 : 1, range: () => asks.xRange() },
          y: { distr: isLogY ? 3 : 1, range: () => asks.yRange() ?? [0.1, 1] },
        },
        axes: this.#axes(),
        series: [{}, { paths: () => null, points: { show: false } }],
        cursor: {
          y: false,
          points: { show: false },
          drag: { x: true, y: false, setScale: false },
          sync: { key: asks.name, scales: ["x", null] },
          bind: {
            mousedown: (u, target, act) => (event) => this.#press(event, act),
            dblclick: () => () => asks.onReset(),
          },
        },
        hooks: {
          draw: [(u) => asks.onPaint(u.ctx, this.geometry())],
          setCursor: [({ cursor: { left } }) => asks.onCursor(left === null || left < 0 ? null : this.posToVal(left, "x"))],
          setSelect: [() => this.#select()],
        },
      },
      EMPTY,
      element,
    );
  }

  get over() {
    return this.u.over;
  }

  get width() {
    return this.u.bbox.width / devicePixelRatio;
  }

  posToVal(px, axis) {
    return this.u.posToVal(px, axis);
  }

  valToPos(value, axis) {
    return this.u.valToPos(value, axis);
  }

  /** Put the crosshair at a place along x; null takes it away. */
  pointTo(x) {
    this.u.setCursor(x === null ? { left: -10, top: -10 } : { left: this.valToPos(x, "x"), top: 10 });
  }

  draw() {
    this.u.setData([this.asks.xRange(), this.asks.yRange() ?? [0, 1]]);
  }

  resize(width, height) {
    if (width !== this.u.width || height !== this.u.height) this.u.setSize({ width, height });
  }

  destroy() {
    this.u.destroy();
  }

  geometry() {
    const { bbox: box, scales } = this.u;
    const x = mapping(scales.x, box.left, box.left + box.width, this.asks.isLogX);
    const y = mapping(scales.y, box.top + box.height, box.top, this.asks.isLogY);
    return { box, x, y, scale: devicePixelRatio };
  }

  /** The ticks as they stand: {x: [{at, text}], y: [{at, text}]}. */
  ticks() {
    const [x, y] = this.u.axes.map(({ _splits: splits, _values: values }) =>
      (splits ?? []).map((at, i) => ({ at, text: values?.[i] ?? "" })).filter(({ at }) => at !== null),
    );
    return { x, y };
  }

  #select() {
    const { left, width } = this.u.select;
    this.u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    if (width >= LEAST_PX) this.asks.onSelect([this.posToVal(left, "x"), this.posToVal(left + width, "x")]);
  }

  /** With shift a drag moves the picture; without, it chooses a window. */
  #press(event, act) {
    if (!event.shiftKey) return act(event);
    let last = event.clientX;
    const { clientWidth: width } = this.over;
    const move = (moved) => {
      if (moved.clientX === last) return;
      this.asks.onPan((last - moved.clientX) / width);
      last = moved.clientX;
    };
    addEventListener("mousemove", move);
    addEventListener("mouseup", () => removeEventListener("mousemove", move), { once: true });
    return undefined;
  }

  // axes

  #axes() {
    const { asks } = this;
    const axis = { stroke: () => asks.colors().muted, ticks: { show: false }, font: "11px Inter, sans-serif" };
    const grid = { stroke: () => asks.colors().grid, width: 1, ...(asks.isLogY ? { filter: powersOfTen } : {}) };
    const x = { ...axis, grid: { show: false }, size: 22, gap: 4, space: asks.unit === "relative" ? 90 : 70 };
    if (asks.unit !== "time") x.values = (u, at) => this.#xTicks(at);
    if (INCREMENTS[asks.unit]) x.incrs = INCREMENTS[asks.unit];
    if (asks.isLogX) x.filter = powersOfTen;
    const values = (u, splits, i, space, step) => this.#yTicks(splits, step);
    return [x, { ...axis, grid, size: asks.words ? 66 : 44, gap: 6, space: asks.isLarge ? 44 : 26, values }];
  }

  #xTicks(at) {
    if (this.asks.unit === "relative") return at.map((x) => (x === null ? "" : x === 0 ? "0" : format.duration(x)));
    return this.asks.isLogX ? at.map((x) => (x === null ? "" : format.tick(x))) : format.ticks(at);
  }

  #yTicks(splits, step) {
    const { words } = this.asks;
    if (words) return splits.map((value) => (value === null ? "" : words(value)));
    if (this.asks.isLogY) return splits.map((value) => (value === null ? "" : format.tick(value)));
    const isPlain = Math.max(...splits.map(Math.abs)) < 1e4 && step >= 1e-4;
    return splits.map((value) => (isPlain ? value.toFixed(decimalsFor(step)).replace("-", "−") : format.tick(value)));
  }
}

const powersOfTen = (u, splits) => splits.map((at) => (Number.isInteger(Math.log10(at)) ? at : null));

function mapping({ min, max }, from, to, isLog = false) {
  if (!isLog) return (value) => from + ((value - min) / (max - min)) * (to - from);
  const [low, span] = [Math.log(min), Math.log(max) - Math.log(min)];
  return (value) => (value > 0 ? from + ((Math.log(value) - low) / span) * (to - from) : from);
}
