// Curves in small: fetched for the rows in view, a few at a time, again while a run goes on.

import * as api from "../api.js";
import { replace, svg } from "../dom.js";
import * as format from "../format.js";
import { sparkPath } from "../scale.js";

const POINTS = 60;
const AT_ONCE = 3;
const KEPT = 2000;

export class Sparks {
  #known = new Map(); // run id -> {points, last}
  #wanted = [];
  #numFetching = 0;

  /** `onCurve(id)` is called when the curve of a run has come; `find(id)` gives a run that is still in view. */
  constructor(find, onCurve) {
    Object.assign(this, { find, onCurve });
  }

  draw(cell, run) {
    const points = (this.#known.get(run.id)?.points ?? []).filter(Number.isFinite);
    if (points.length < 2) {
      if (cell.firstChild) replace(cell);
      return;
    }
    const isWhole = run.status !== "running" || !run.progress?.num_steps;
    const share = isWhole ? 1 : run.progress.step / run.progress.num_steps;
    const label = `loss from ${format.measure(points[0])} to ${format.measure(points.at(-1))}`;
    const box = { class: "spark", viewBox: "0 0 100 28", preserveAspectRatio: "none", role: "img" };
    const path = svg("path", { d: sparkPath(points, share) });
    replace(cell, svg("svg", { ...box, "aria-label": label, "data-status": run.status }, path));
  }

  want(id) {
    const name = nameOf(this.find(id));
    const last = name && this.find(id).metrics[name].last_step;
    if (last === undefined || this.#known.get(id)?.last === last || this.#wanted.includes(id)) return;
    this.#wanted.push(id);
    this.#fetch();
  }

  async #fetch() {
    if (this.#numFetching >= AT_ONCE || !this.#wanted.length) return;
    const id = this.#wanted.pop(); // the newest first: what was scrolled past can wait
    const run = this.find(id);
    const name = nameOf(run);
    if (!name) {
      this.#fetch();
      return;
    }
    this.#numFetching += 1;
    try {
      const { series } = await api.get(`/runs/${id}/metrics${api.query({ name, max_points: POINTS })}`);
      if (this.#known.size > KEPT) this.#known.clear();
      this.#known.set(id, { last: run.metrics[name].last_step, points: series[0].values.map(format.toNumber) });
      this.onCurve(id);
    } catch {
      // a row without its picture is still a row
    } finally {
      this.#numFetching -= 1;
      this.#fetch();
    }
  }
}

const nameOf = (run) =>
  ["train/loss", "validation/loss"].find((name) => run?.metrics[name]) ??
  Object.keys(run?.metrics ?? {}).find((name) => name.endsWith("loss"));
