// Exponential smoothing without the pull towards zero at the start, as TensorBoard has it. Pure.
//
// y = Σ wᵏ·v / Σ wᵏ over the points back from here, w the weight. TensorBoard reckons with the thousand points that it keeps
// of a run; here a long run is reckoned in thousandths of its axis, a short one point by point. So the same weight looks the
// same on 500 points and on 5 million, on raw points and on buckets, and points to come never change what is drawn.
// Source: https://github.com/tensorflow/tensorboard, vz_line_chart2, `resmoothDataset`.

const FIRST_CAPACITY = 256;
const RESOLUTION = 1000; // points that the weight is meant for

export class Smoothing {
  /** With `before`, the smoothing of a coarser series, it goes on from what that has where this series begins. */
  constructor(series, before = null) {
    Object.assign(this, { series, before });
    this.values = new Float64Array(FIRST_CAPACITY);
    this.masses = new Float64Array(FIRST_CAPACITY);
    this.#restart(0, 1);
  }

  /** Bring `values` up to date. `weight` in [0, 1); `range` is the width of the whole axis, in steps. */
  update(weight, range) {
    const { series } = this;
    if (weight !== this.weight || range !== this.range || series.rewrites !== this.rewrites) {
      this.#restart(weight, range);
    }
    if (this.values.length < series.steps.length) {
      for (const name of ["values", "masses"]) {
        const larger = new Float64Array(series.steps.length);
        larger.set(this[name]);
        this[name] = larger;
      }
    }
    if (!this.length && this.before && series.length) this.#continue(weight, range);
    for (; this.length < series.length; this.length += 1) this.#step(this.length);
    return this.values;
  }

  #step(i) {
    const { steps, means, values } = this.series;
    if (!Number.isFinite(values[i])) {
      this.values[i] = this.masses[i] = NaN;
      return;
    }
    const passed = this.lastStep === null ? 0 : (steps[i] - this.lastStep) * (RESOLUTION / this.range);
    const keep = this.lastStep === null || this.weight === 0 ? 0 : this.weight ** Math.min(1, passed);
    this.sum = this.sum * keep + means[i];
    this.mass = this.mass * keep + 1;
    this.lastStep = steps[i];
    this.values[i] = this.sum / this.mass;
    this.masses[i] = this.mass;
  }

  #continue(weight, range) {
    const { before } = this;
    const values = before.update(weight, range);
    let at = -1;
    while (at + 1 < before.series.length && before.series.steps[at + 1] < this.series.steps[0]) at += 1;
    while (at >= 0 && !Number.isFinite(values[at])) at -= 1;
    if (at < 0) return;
    // A point of the finer series weighs less than one that stood for many: bring its mass to what these will add up to.
    const finer = Math.min(1, (RESOLUTION / range) * spacing(this.series));
    this.mass = weight ? 1 / (1 - weight ** finer) : 0;
    this.sum = values[at] * this.mass;
    this.lastStep = before.series.steps[at];
  }

  #restart(weight, range) {
    Object.assign(this, { weight, range, rewrites: this.series.rewrites, length: 0, sum: 0, mass: 0, lastStep: null });
  }
}

/** The usual distance of two neighbours, in steps. */
function spacing({ steps, length }) {
  return length > 1 ? (steps[length - 1] - steps[0]) / (length - 1) : 1;
}
