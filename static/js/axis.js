// What stands along the horizontal axis: steps, epochs, the time of day or the time since the start. Pure.
//
// Series are kept by step; an axis maps steps to its unit and back. Both ways never fall, so windows and curves can be
// taken from one unit to another.

import { lowerBound, upperBound } from "./series.js";

const MAX_KNOTS = 4096;

export const UNITS = { step: "Step", epoch: "Epoch", time: "Time of day", relative: "Time since start" };

/** When steps were made: (step, time) knots, straight between them. Times are in seconds since the epoch. */
export class StepTimes {
  steps = [];
  times = [];

  get length() {
    return this.steps.length;
  }

  /** A step and when it was there. What lies before the last knot is known already. */
  add(step, time) {
    const last = this.length - 1;
    if (!Number.isFinite(step) || !Number.isFinite(time)) return;
    if (last >= 0 && (step <= this.steps[last] || time < this.times[last])) return;
    this.steps.push(step);
    this.times.push(time);
    if (this.length > MAX_KNOTS) this.#halve();
  }

  /** Training went back to a step: what came after it is made anew, later. */
  rewind(step) {
    const keep = upperBound(this.steps, this.length, step);
    this.steps.length = this.times.length = keep;
  }

  /** Knots from the server, for what lies before those known. */
  prepend(steps, times) {
    const [ownSteps, ownTimes] = [this.steps, this.times];
    [this.steps, this.times] = [[], []];
    for (let i = 0; i < steps.length; i += 1) this.add(steps[i], times[i]);
    for (let i = 0; i < ownSteps.length; i += 1) this.add(ownSteps[i], ownTimes[i]);
  }

  timeOf(step) {
    return between(this.steps, this.times, step);
  }

  stepAt(time) {
    return between(this.times, this.steps, time);
  }

  #halve() {
    const keep = (_, i) => i % 2 === 0 || i === MAX_KNOTS;
    this.steps = this.steps.filter(keep);
    this.times = this.times.filter(keep);
  }
}

/** The line through knots, on beyond its ends as it goes over the whole. */
function between(xs, ys, x) {
  const last = xs.length - 1;
  if (last < 0) return x;
  const slope = last && xs[last] > xs[0] ? (ys[last] - ys[0]) / (xs[last] - xs[0]) : 1;
  if (x <= xs[0]) return ys[0] + (x - xs[0]) * slope;
  if (x >= xs[last]) return ys[last] + (x - xs[last]) * slope;
  const i = Math.max(1, lowerBound(xs, xs.length, x));
  const width = xs[i] - xs[i - 1];
  return width > 0 ? ys[i - 1] + ((x - xs[i - 1]) / width) * (ys[i] - ys[i - 1]) : ys[i];
}

const same = (x) => x;
export const STEPS = { unit: "step", toX: same, toStep: same };

/** The axis of a unit; null when what it needs is not known (yet): {stepsPerEpoch, times, start}. */
export function axisOf(unit, { stepsPerEpoch = null, times = null, start = null } = {}) {
  if (unit === "epoch" && stepsPerEpoch > 0)
    return { unit, toX: (step) => step / stepsPerEpoch, toStep: (x) => x * stepsPerEpoch };
  if (unit === "time" && times?.length > 1)
    return { unit, toX: (step) => times.timeOf(step), toStep: (x) => times.stepAt(x) };
  if (unit === "relative" && times?.length > 1) {
    const begin = start ?? times.times[0];
    return { unit, toX: (step) => times.timeOf(step) - begin, toStep: (x) => times.stepAt(x + begin) };
  }
  return unit === "step" ? STEPS : null;
}
