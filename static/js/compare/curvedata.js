// The curves of the compared runs: fetched together, then kept up to date by the streams of those that still run.

import * as api from "../api.js";
import { live } from "../live.js";
import { FINISHED } from "../runstate.js";
import { Series } from "../series.js";

const MAX_POINTS = 600;
const MAX_FOLLOWED = 50; // streams of one page; other running runs are fetched again from time to time
const REFETCH_MS = 10_000;
const REFETCH_SOON_MS = 1000;
const DETAIL_POINTS = 1000;

export class CurveData extends EventTarget {
  names = [];
  #store;
  #series = new Map(); // name -> run id -> Series
  #followed = new Map(); // run id -> a way to stop
  #asked = 0;
  #answered = new Map(); // run id -> the number of the question that its series answer

  constructor(store) {
    super();
    this.#store = store;
    setInterval(() => this.#refetch(), REFETCH_MS);
  }

  /** How many running runs are not followed point by point. */
  get numUnfollowed() {
    return Math.max(0, this.#running().length - MAX_FOLLOWED);
  }

  seriesOf(runId, name) {
    return this.#series.get(name)?.get(runId) ?? null;
  }

  /** Have the series of these names for all runs of the comparison. */
  async show(names) {
    this.names = names;
    const unit = this.#store.state.x;
    if (unit !== this.unit) this.#series.clear();
    this.unit = unit;
    for (const name of this.#series.keys()) if (!names.includes(name)) this.#series.delete(name); // nobody keeps it up
    const known = new Set(this.#store.runs.map((run) => run.id));
    for (const id of [...this.#followed.keys()].filter((one) => !known.has(one))) this.#leave(id);
    for (const byRun of this.#series.values()) for (const id of byRun.keys()) if (!known.has(id)) byRun.delete(id);
    const missing = this.#store.runs.filter((run) => names.some((name) => !this.#series.get(name)?.has(run.id)));
    await this.#fetch(missing.map((run) => run.id));
  }

  async #fetch(ids) {
    const { names, unit } = this;
    if (!ids.length || !names.length) return;
    this.#asked += 1;
    const asked = this.#asked;
    const answer = await api.get(`/compare/curves?${this.#query(ids, { max_points: MAX_POINTS })}`);
    if (unit !== this.unit) return;
    for (const run of answer.runs) this.#take(run, { asked, names });
    this.dispatchEvent(new Event("curves"));
  }

  #query(ids, more) {
    const query = new URLSearchParams({ ids: ids.join(","), ...more });
    for (const name of this.names) query.append("name", name);
    if (this.unit !== "step") query.set("x", this.unit);
    return query;
  }

  /** An answer counts for the names it was asked for, where they are still shown; a later question's has precedence. */
  #take({ run_id: id, job_id: jobId, last_seq: lastSeq, series }, { asked, names }) {
    const run = this.#store.run(id);
    if (!run || asked < (this.#answered.get(id) ?? 0)) return;
    this.#answered.set(id, asked);
    const found = new Map(series.map((one) => [one.name, one]));
    for (const name of names)
      if (this.names.includes(name)) this.#seriesFor(name, id).reset(placed(found.get(name)));
    this.#leave(id);
    if (!FINISHED.has(run.status) && this.#followed.size < MAX_FOLLOWED) this.#follow(id, jobId, lastSeq);
  }

  #seriesFor(name, id) {
    if (!this.#series.has(name)) this.#series.set(name, new Map());
    const byRun = this.#series.get(name);
    if (!byRun.has(id)) byRun.set(id, new Series(name));
    return byRun.get(id);
  }

  // growing

  #follow(id, jobId, lastSeq) {
    const handlers = {
      onEvents: (events) => this.#heard(id, events),
      onReset: () => this.#fetchSoon(id),
      onError: () => this.#leave(id),
    };
    this.#followed.set(id, live.follow(jobId, handlers, lastSeq));
  }

  #leave(id) {
    this.#followed.get(id)?.();
    this.#followed.delete(id);
  }

  #heard(id, events) {
    for (const { kind, body } of events) {
      if (kind === "metrics" && this.unit === "step") this.#append(id, body.series ?? []);
      else if (kind === "metrics" || (kind === "rewind" && this.unit !== "step")) this.#fetchSoon(id);
      else if (kind === "rewind") for (const name of this.names) this.#seriesFor(name, id).rewind(body.to_step);
    }
    this.dispatchEvent(new Event("curves"));
  }

  #append(id, batch) {
    for (const { name, steps, values } of batch) {
      if (this.names.includes(name)) this.#seriesFor(name, id).append(steps, values);
    }
  }

  #waiting = new Set();
  #timer = null;

  /** Once a second at most, however much there is to hear. */
  #fetchSoon(id) {
    this.#waiting.add(id);
    this.#timer ??= setTimeout(() => {
      const ids = [...this.#waiting];
      this.#timer = null;
      this.#waiting.clear();
      this.#fetch(ids).catch(() => {}); // tried again with the next news
    }, REFETCH_SOON_MS);
  }

  #running() {
    return this.#store.runs.filter((run) => !FINISHED.has(run.status));
  }

  #refetch() {
    if (document.hidden) return;
    const behind = this.#running().filter((run) => !this.#followed.has(run.id));
    this.#fetch(behind.map((run) => run.id)).catch(() => {}); // the next time will do
  }

  // detail

  /** The part of resampled series between two steps, in more detail: name -> run id -> {from, to, series}. */
  async detail(ids, [from, to]) {
    const found = new Map(this.names.map((name) => [name, new Map()]));
    if (this.unit !== "step") return found;
    const [first, last] = [Math.max(0, Math.floor(from)), Math.ceil(to)];
    const wanted = ids.filter((id) => this.names.some((name) => this.seriesOf(id, name)?.isResampled));
    if (!wanted.length) return found;
    const range = { from_step: first, to_step: last, max_points: DETAIL_POINTS };
    const answer = await api.get(`/compare/curves?${this.#query(wanted, range)}`);
    for (const { run_id: id, series } of answer.runs) {
      for (const one of series) {
        const detailed = new Series(one.name);
        detailed.reset(placed(one));
        found.get(one.name)?.set(id, { from: first, to: last, series: detailed });
      }
    }
    return found;
  }
}

/** A series as it stands along the axis that was asked for. */
function placed(series) {
  if (!series) return { steps: [], values: [] };
  return series.x ? { ...series, steps: series.x } : series;
}
