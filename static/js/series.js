// The points of a run's series, in columns. Pure: appends, rewinds, resets. `sampling.js` says what to draw of them.
//
// A series is either raw (each point as it was recorded) or holds buckets, each with the first, lowest, highest, last and
// mean of what it stands for: those of the server's roll-ups after a reset, and those that old points are folded into when
// there are too many to hold. Either way no spike is lost, and what a page holds is bounded.

import { toNumber } from "./format.js";

const FIRST_CAPACITY = 256;
const MAX_HELD = 1 << 16; // points or buckets
const KEPT_RAW = 1 << 13; // of these the newest stay as they are when older ones are folded
const NOISY = 4; // the way a line goes, in multiples of its range
const COLUMNS = ["steps", "values", "firsts", "lows", "highs", "means", "counts"]; // counts: what a mean stands for

export class Series {
  constructor(name, maxHeld = MAX_HELD) {
    this.name = name;
    this.maxHeld = maxHeld;
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

  get firstStep() {
    return this.length ? this.steps[0] : null;
  }

  get lastStep() {
    return this.length ? this.steps[this.length - 1] : null;
  }

  get last() {
    return this.length ? this.values[this.length - 1] : null;
  }

  /** Add points. `values` may hold "NaN", "Infinity" and "-Infinity". A step that is there already is replaced. */
  append(steps, values) {
    this.numPoints += steps.length;
    for (let i = 0; i < steps.length; i += 1) {
      const value = toNumber(values[i]) ?? NaN;
      this.#put(steps[i], value, value, value, value, value, 1);
    }
    this.version += 1;
    this.#bound();
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

  /** Take over the branches that the server knows, oldest first: [{steps, values}]. */
  setGhosts(branches) {
    this.ghosts = branches;
    this.#changed();
  }

  /** Start again from the server's summary of everything so far: buckets, or single points where there are few. */
  reset(summary) {
    const { steps, values, first, min, max, mean, num_points: numPoints } = summary;
    this.length = 0;
    this.numNonFinite = 0;
    this.ghosts = [];
    this.bucketMarks = [];
    for (let i = 0; i < steps.length; i += 1) {
      const value = toNumber(values[i]) ?? NaN;
      const of = (column) => toNumber(column?.[i]) ?? value;
      this.#put(steps[i], value, of(first), of(min), of(max), of(mean), numFinite(summary, i));
      const kind = Number.isFinite(value) ? kindInBucket(summary, i) : null;
      if (kind) this.bucketMarks.push({ step: steps[i], kind });
    }
    this.numPoints = numPoints ?? steps.length;
    this.isResampled = this.numPoints > steps.length;
    this.#changed();
  }

  /** Take over from another series the points that lie after its own, as far as `upTo`. */
  follow(other, upTo = Infinity) {
    const begin = upperBound(other.steps, other.length, this.lastStep ?? -Infinity);
    const end = upperBound(other.steps, other.length, upTo);
    if (begin >= end) return;
    for (let i = begin; i < end; i += 1) this.#put(...COLUMNS.map((column) => other[column][i]));
    this.version += 1;
    this.#bound();
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
    const extremes = goal === "min" ? this.lows : this.highs;
    for (; cache.upTo < this.length; cache.upTo += 1) {
      const value = extremes[cache.upTo];
      if (!Number.isFinite(value)) continue;
      const better = !cache.found || (goal === "min" ? value < cache.found.value : value > cache.found.value);
      if (better) cache.found = { step: this.steps[cache.upTo], value };
    }
    return cache.found;
  }

  #put(step, value, first, low, high, mean, count) {
    let at = this.length;
    if (at && step <= this.steps[at - 1]) {
      at = lowerBound(this.steps, this.length, step);
      const isNew = this.steps[at] !== step;
      if (isNew) this.#insert(at);
      else this.#replace(at);
      this.#changed();
    } else {
      this.#grow();
      this.length += 1;
    }
    this.#set(at, [step, value, first, low, high, mean, count]);
    if (!Number.isFinite(value)) this.numNonFinite += 1;
  }

  #set(at, row) {
    for (let i = 0; i < COLUMNS.length; i += 1) this[COLUMNS[i]][at] = row[i];
  }

  #replace(at) {
    this.numPoints -= 1;
    if (!Number.isFinite(this.values[at])) this.numNonFinite -= 1;
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

  #bound() {
    while (this.length > this.maxHeld) this.#fold();
  }

  /** Fold neighbours into buckets, two by two, all but the newest: half the room, and every extreme stays. */
  #fold() {
    const upTo = (this.length - Math.min(KEPT_RAW, this.maxHeld >> 2)) & ~1;
    let kept = 0;
    for (let i = 0; i < upTo; i += 2, kept += 1) this.#set(kept, this.#merged(i, i + 1));
    for (const column of COLUMNS) this[column].copyWithin(kept, upTo, this.length);
    this.length -= upTo - kept;
    this.numNonFinite = 0;
    for (let i = 0; i < this.length; i += 1) if (!Number.isFinite(this.values[i])) this.numNonFinite += 1;
    this.isResampled = true;
    this.#changed();
  }

  #merged(a, b) {
    const isFinite = (i) => Number.isFinite(this.values[i]);
    if (isFinite(a) !== isFinite(b)) {
      const [good, bad] = isFinite(a) ? [a, b] : [b, a];
      this.bucketMarks.push({ step: this.steps[b], kind: kindOf(this.values[bad]) });
      return [this.steps[b], ...COLUMNS.slice(1).map((column) => this[column][good])];
    }
    const count = this.counts[a] + this.counts[b];
    const mean = this.means[a] * (this.counts[a] / count) + this.means[b] * (this.counts[b] / count);
    const [low, high] = [Math.min(this.lows[a], this.lows[b]), Math.max(this.highs[a], this.highs[b])];
    return [this.steps[b], this.values[b], this.firsts[a], low, high, mean, count];
  }

  #changed() {
    this.version += 1;
    this.rewrites += 1;
  }
}

/** How a value that is not finite is written: "NaN", "∞" or "−∞". */
export function kindOf(value) {
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "∞" : "−∞";
}

function kindInBucket({ num_nan: nan, num_pos_inf: plus, num_neg_inf: less }, i) {
  if (nan?.[i]) return "NaN";
  if (plus?.[i]) return "∞";
  return less?.[i] ? "−∞" : null;
}

/** How many finite points a bucket of a summary stands for. A summary that does not tell shares its points out evenly. */
function numFinite({ steps, num, num_points: numPoints, raw, num_nan: nan, num_pos_inf: plus, num_neg_inf: less }, i) {
  const all = num?.[i] ?? (raw ? 1 : (numPoints ?? steps.length) / steps.length);
  return Math.max(1, all - (nan?.[i] ?? 0) - (plus?.[i] ?? 0) - (less?.[i] ?? 0));
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
