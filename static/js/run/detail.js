// The finer data of a window: asked for when what the page holds of it is too coarse, and kept with the curve.

import * as api from "../api.js";
import { debounce } from "../dom.js";
import { covers } from "../picture.js";
import { Series } from "../series.js";

const MAX_POINTS = 4000;
const AROUND = 0.5; // of the window, on either side: a little panning needs no answer from the server
const FINER = 3; // a window so many times narrower than the one that was asked for deserves an answer of its own

export class Detail {
  #asked = null;
  #pending = new Map();

  constructor(run, group) {
    Object.assign(this, { run, group });
    this.ask = debounce(120, () => this.#ask());
  }

  #ask() {
    if (!this.group.window) return;
    const [from, to] = this.group.windowInSteps();
    for (const chart of this.group.charts) {
      if (!chart.plotElement.checkVisibility()) continue;
      for (const curve of chart.curves) if (needsDetail(curve, from, to)) this.#load(curve, from, to);
    }
  }

  async #load(curve, from, to) {
    this.#pending.get(curve.series)?.abort();
    const asking = new AbortController();
    this.#pending.set(curve.series, asking);
    const around = (to - from) * AROUND;
    const [first, last] = [Math.max(0, Math.floor(from - around)), Math.ceil(to + around)];
    const asked = { name: curve.name, from_step: first, to_step: last, max_points: MAX_POINTS };
    const { numPoints, lastStep, ghosts } = curve.series;
    try {
      const answer = await api.get(`/runs/${this.run.id}/metrics${api.query(asked)}`, { signal: asking.signal });
      const series = new Series(curve.name);
      series.reset(answer.series[0]);
      series.isResampled = !answer.series[0].raw;
      series.numPoints = numPoints;
      curve.detail = { from: first, to: last, width: to - from, series, isUpToEnd: last >= lastStep, numGhosts: ghosts.length };
      this.group.draw();
    } catch (error) {
      if (error.name !== "AbortError" && error.status !== 0) throw error;
    } finally {
      if (this.#pending.get(curve.series) === asking) this.#pending.delete(curve.series);
    }
  }
}

/** Whether a window of a curve is only known in summary, or too coarsely. */
function needsDetail(curve, from, to) {
  const { series, detail } = curve;
  if (!series.isResampled || !series.length || from > series.lastStep) return false;
  return !covers(curve, from, to) || (detail.series.isResampled && to - from < detail.width / FINER);
}
