// The points of a run's series, in columns. Pure: appends, rewinds, resets, and what to draw of them.
//
// A series is either raw (each point as it was recorded) or, after a reset, begins with buckets of the server's
// roll-ups, each with the lowest and highest value it holds. Either way no spike is lost: drawing keeps the first,
// lowest, highest and last value of every pixel column.

import { toNumber } from "./format.js";

const FIRST_CAPACITY = 256;
const NOISY = 4; // the way a line goes, in multiples of its range
const WAY_BACK = 0.06; // the share of the way so far that smoothing looks back at most
const COLUMNS = ["steps", "values", "lows", "highs"];

export class Series {
  constructor(name) {
    this.name = name;
    this.length = 0;
    this.numPoints = 0; // recorded points, those inside buckets included
    this.isResampled = false;
    this.version = 0; // grows with every change
    this.rewrites = 0; // grows when points that were there changed
    this.ghosts = []; // branches that a resume superseded: {steps, values}
    this.numNonFinite = 0;
    this.bucketMarks = []; // buckets that hold a value that is not finite beside their finite ones
    for (const column of COLUMNS) this[column] = new Float64Array(FIRST_CAPACITY);
  }

  get lastStep() {
    return this.length ? this.steps[this.length - 1] : null;
  }

  get last() {
    return this.length ? this.values[this.length - 1] : null;
  }

  /** Add points. `values` may hold "NaN", "Infinity" and "-Infinity". A step that is there already is replaced. */
  append(steps, values) {
    for (let i = 0; i < steps.length; i += 1) {
      const value = toNumber(values[i]) ?? NaN;
      this.#put(steps[i], value, value, value);
    }
    this.numPoints += steps.length;
    this.version += 1;
  }

  /** Forget the points after `step`: training went back there. They stay as a ghost branch. */
  rewind(step) {
    const keep = upperBound(this.steps, this.length, step);
    if (keep === this.length) return;
    const from = Math.max(0, keep - 1);
    this.ghosts.push({ steps: this.steps.slice(from, this.length), values: this.values.slice(from, this.length) });
    this.numPoints -= this.length - keep;
    this.length = keep;
    this.bucketMarks = this.bucketMarks.filter((mark) => mark.step <= step);
    this.#changed();
  }

  /** Start again from the server's summary of everything so far: buckets, or single points where there are few. */
  reset(summary) {
    const { steps, values, min, max, num_points: numPoints } = summary;
    this.length = 0;
    this.numNonFinite = 0;
    this.ghosts = [];
    this.bucketMarks = [];
    for (let i = 0; i < steps.length; i += 1) {
      const value = toNumber(values[i]) ?? NaN;
      this.#put(steps[i], value, toNumber(min?.[i]) ?? value, toNumber(max?.[i]) ?? value);
      const kind = Number.isFinite(value) ? kindInBucket(summary, i) : null;
      if (kind) this.bucketMarks.push({ step: steps[i], kind });
    }
    this.numPoints = numPoints ?? steps.length;
    this.isResampled = this.numPoints > steps.length;
    this.#changed();
  }

  /** Whether it goes up and down much more than it gets anywhere: then a smoothed line says more than the raw one. */
  isNoisy() {
    if (this.way?.rewrites !== this.rewrites)
      this.way = { rewrites: this.rewrites, upTo: 1, length: 0, low: Infinity, high: -Infinity };
    const { way, values } = this;
    for (; way.upTo < this.length; way.upTo += 1) {
      const [before, value] = [values[way.upTo - 1], values[way.upTo]];
      if (!Number.isFinite(value) || !Number.isFinite(before)) continue;
      way.length += Math.abs(value - before);
      way.low = Math.min(way.low, value, before);
      way.high = Math.max(way.high, value, before);
    }
    return way.length > NOISY * (way.high - way.low);
  }

  /** The index of the point nearest to a step; −1 if there is none. */
  nearest(step) {
    if (!this.length) return -1;
    const after = Math.min(upperBound(this.steps, this.length, step), this.length - 1);
    const before = Math.max(0, after - 1);
    return step - this.steps[before] <= this.steps[after] - step ? before : after;
  }

  /** The lowest (or highest) finite value and its step; null if there is none. */
  best(goal = "min") {
    if (this.cachedBest?.goal !== goal || this.cachedBest.rewrites !== this.rewrites) {
      this.cachedBest = { goal, rewrites: this.rewrites, upTo: 0, found: null };
    }
    const cache = this.cachedBest;
    for (; cache.upTo < this.length; cache.upTo += 1) {
      const value = this.values[cache.upTo];
      if (!Number.isFinite(value)) continue;
      const better = !cache.found || (goal === "min" ? value < cache.found.value : value > cache.found.value);
      if (better) cache.found = { step: this.steps[cache.upTo], value };
    }
    return cache.found;
  }

  #put(step, value, low, high) {
    let at = this.length;
    if (at && step <= this.steps[at - 1]) {
      at = lowerBound(this.steps, this.length, step);
      const isNew = this.steps[at] !== step;
      if (isNew) this.#insert(at);
      else this.numPoints -= 1;
      this.#changed();
    } else {
      this.#grow();
      this.length += 1;
    }
    this.steps[at] = step;
    this.values[at] = value;
    this.lows[at] = low;
    this.highs[at] = high;
    if (!Number.isFinite(value)) this.numNonFinite += 1;
  }

  #insert(at) {
    this.#grow();
    for (const column of COLUMNS) this[column].copyWithin(at + 1, at, this.length);
    this.length += 1;
  }

  #grow() {
    if (this.length < this.steps.length) return;
    for (const column of COLUMNS) {
      const larger = new Float64Array(this.steps.length * 2);
      larger.set(this[column]);
      this[column] = larger;
    }
  }

  #changed() {
    this.version += 1;
    this.rewrites += 1;
  }
}

function kindInBucket({ num_nan: nan, num_pos_inf: plus, num_neg_inf: less }, i) {
  if (nan?.[i]) return "NaN";
  if (plus?.[i]) return "∞";
  return less?.[i] ? "−∞" : null;
}

/** The first index whose step is above `step`. */
export function upperBound(steps, length, step) {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first index whose step is not below `step`. */
export function lowerBound(steps, length, step) {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] < step) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The indexes to look at for a window: one point more on either side, so that lines leave the window. */
export function windowOf(series, from, to) {
  const begin = Math.max(0, lowerBound(series.steps, series.length, from) - 1);
  const end = Math.min(series.length, upperBound(series.steps, series.length, to) + 1);
  return [begin, end];
}

/**
 * What to draw of a window that is `numColumns` pixels wide: first, lowest, highest and last of every column, so that
 * no spike hides, in steps that only grow. A value that is not finite becomes null: a gap in the line.
 */
export function decimate(series, from, to, numColumns) {
  const [begin, end] = windowOf(series, from, to);
  const width = (to - from) / Math.max(1, numColumns) || 1;
  const drawn = { steps: [], values: [] };
  for (let i = begin; i < end;) {
    const column = Math.floor((series.steps[i] - from) / width);
    let next = i + 1;
    while (next < end && Math.floor((series.steps[next] - from) / width) === column) next += 1;
    drawColumn(series, i, next, width, drawn);
    i = next;
  }
  return drawn;
}

function drawColumn(series, begin, end, width, drawn) {
  if (end - begin <= 4 && !hasSpread(series, begin, end)) {
    for (let i = begin; i < end; i += 1) push(drawn, series.steps[i], series.values[i]);
    return;
  }
  const { lowest, highest, lowAt, highAt } = extremes(series, begin, end);
  const start = series.steps[begin];
  // Where in its pixel an extreme stands cannot be seen: keep the order, take steps that lie apart.
  const span = Math.max(series.steps[end - 1] - start, width / 2);
  const [second, third] = lowAt <= highAt ? [lowest, highest] : [highest, lowest];
  push(drawn, start, series.values[begin]);
  push(drawn, start + span * 0.3, second);
  push(drawn, start + span * 0.6, third);
  push(drawn, start + span * 0.9, series.values[end - 1]);
}

function hasSpread(series, begin, end) {
  for (let i = begin; i < end; i += 1) if (series.lows[i] !== series.highs[i]) return !Number.isNaN(series.lows[i]);
  return false;
}

function extremes(series, begin, end) {
  let [lowest, highest, lowAt, highAt] = [NaN, NaN, begin, begin];
  for (let i = begin; i < end; i += 1) {
    const [low, high] = [series.lows[i], series.highs[i]];
    if (Number.isFinite(low) && !(low >= lowest)) [lowest, lowAt] = [low, i];
    if (Number.isFinite(high) && !(high <= highest)) [highest, highAt] = [high, i];
  }
  return { lowest, highest, lowAt, highAt };
}

function push(drawn, step, value) {
  drawn.steps.push(step);
  drawn.values.push(Number.isFinite(value) ? value : null);
}

/** The lowest and highest value of each of `numBuckets` slices of a window; slices without points are left out. */
export function band(series, from, to, numBuckets) {
  const [begin, end] = windowOf(series, from, to);
  const width = (to - from) / Math.max(1, numBuckets) || 1;
  const drawn = { steps: [], lows: [], highs: [] };
  for (let i = begin; i < end;) {
    const bucket = Math.floor((series.steps[i] - from) / width);
    let next = i + 1;
    while (next < end && Math.floor((series.steps[next] - from) / width) === bucket) next += 1;
    const { lowest, highest } = extremes(series, i, next);
    drawn.steps.push((series.steps[i] + series.steps[next - 1]) / 2);
    drawn.lows.push(Number.isFinite(lowest) ? lowest : null);
    drawn.highs.push(Number.isFinite(highest) ? highest : null);
    i = next;
  }
  return drawn;
}

/** The steps in a window whose value is not finite, at most one a column: [{step, kind: "NaN" | "∞" | "−∞"}]. */
export function nonFinite(series, from, to, numColumns) {
  const width = (to - from) / Math.max(1, numColumns) || 1;
  const marks = series.bucketMarks.filter(({ step }) => step >= from && step <= to);
  if (!series.numNonFinite) return marks;
  let lastColumn = -Infinity;
  const [begin, end] = windowOf(series, from, to);
  for (let i = begin; i < end; i += 1) {
    const value = series.values[i];
    if (Number.isFinite(value)) continue;
    const column = Math.floor((series.steps[i] - from) / width);
    if (column === lastColumn) continue;
    lastColumn = column;
    const kind = Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
    marks.push({ step: series.steps[i], kind });
  }
  return marks;
}

/**
 * Exponential smoothing without the pull towards zero at the start. It reaches back a share of the axis rather than a
 * number of points, so it looks the same on 500 points and on 5 million; and never further than a share of the way so
 * far, so it keeps up with the steep beginning of a training. Points to come never change what is drawn.
 */
export class Smoothing {
  constructor(series) {
    this.series = series;
    this.values = new Float64Array(FIRST_CAPACITY);
    this.#restart(0, 1);
  }

  /** Bring `values` up to date. `weight` in [0, 1); `range` is the width of the whole axis, in steps. */
  update(weight, range) {
    const { series } = this;
    if (weight !== this.weight || range !== this.range || series.rewrites !== this.rewrites) {
      this.#restart(weight, range);
    }
    if (this.values.length < series.steps.length) {
      const larger = new Float64Array(series.steps.length);
      larger.set(this.values);
      this.values = larger;
    }
    for (; this.length < series.length; this.length += 1) this.#step(this.length);
    return this.values;
  }

  #step(i) {
    const { steps, values } = this.series;
    if (!Number.isFinite(values[i])) {
      this.values[i] = NaN;
      return;
    }
    const keep =
      this.lastStep === null || this.weight === 0 ? 0 : Math.exp((this.lastStep - steps[i]) / this.#reach(i));
    this.sum = this.sum * keep + values[i];
    this.mass = this.mass * keep + 1;
    this.lastStep = steps[i];
    this.values[i] = this.sum / this.mass;
  }

  /** How many steps it looks back at point i. */
  #reach(i) {
    const { steps } = this.series;
    const ofAxis = this.range / 1000 / (1 - this.weight);
    const ofWay = Math.max((steps[i] - steps[0]) * WAY_BACK, steps[i] - this.lastStep);
    return Math.min(ofAxis, ofWay) || 1;
  }

  #restart(weight, range) {
    Object.assign(this, { weight, range, rewrites: this.series.rewrites, length: 0, sum: 0, mass: 0, lastStep: null });
  }
}

/** One value a column of a smoothed line: its last. */
export function thin(series, values, from, to, numColumns) {
  const [begin, end] = windowOf(series, from, to);
  const width = (to - from) / Math.max(1, numColumns) || 1;
  const drawn = { steps: [], values: [] };
  let lastColumn = -Infinity;
  for (let i = begin; i < end; i += 1) {
    if (!Number.isFinite(values[i])) continue;
    const column = Math.floor((series.steps[i] - from) / width);
    if (column === lastColumn) {
      drawn.steps.pop();
      drawn.values.pop();
    }
    lastColumn = column;
    drawn.steps.push(series.steps[i]);
    drawn.values.push(values[i]);
  }
  return drawn;
}

/** The end of an axis that grows in leaps, so that a chart of unknown length does not creep. */
export function roomFor(lastStep) {
  if (!(lastStep > 0)) return 10;
  const leap = 10 ** Math.floor(Math.log10(lastStep)) / 2;
  return Math.ceil((lastStep * 1.02) / leap) * leap;
}
