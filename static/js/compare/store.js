// What a comparison knows and shows: the runs, the state that its address keeps, what is pointed at. Views listen.
//
// Events: "data" (other runs, or news of them), "change" (detail: the names of the fields that changed), "highlight".

import * as api from "../api.js";
import { columnOf, columnsOf } from "./columns.js";
import { groupRuns, groupValue, styleOf } from "./groups.js";
import { readLink, tail, writeLink } from "./link.js";

const RELOAD_MS = 1000;
const NOTHING = { runs: [], missing: [], num_matching: 0, settings: [], layers: [], results: [], series: [] };

export class Store extends EventTarget {
  state = readLink(location.search);
  data = NOTHING;
  columns = [];
  highlighted = new Set(); // ids of runs that the pointer or the keyboard is on, wherever it is
  #loads = 0;
  chosen = null; // ids of the runs inside a brush, or null where none is drawn

  get isAsked() {
    return this.state.ids.length > 0 || Boolean(this.state.filter);
  }

  /** Change what is shown; the address follows. Other runs are fetched. */
  async set(changes) {
    const names = Object.keys(changes).filter(
      (name) => JSON.stringify(changes[name]) !== JSON.stringify(this.state[name]),
    );
    if (!names.length) return;
    this.state = { ...this.state, ...changes };
    this.keepLink();
    if (names.includes("ids") || names.includes("filter")) await this.load();
    else this.dispatchEvent(new CustomEvent("change", { detail: new Set(names) }));
  }

  keepLink() {
    history.replaceState(null, "", `/compare${writeLink(this.state)}`);
  }

  async load() {
    const { ids, filter } = this.state;
    const asked = ids.length ? { ids: ids.join(",") } : { filter };
    this.#loads += 1;
    const mine = this.#loads;
    const isLatest = () => mine === this.#loads; // other runs may be asked for meanwhile
    const told = (error) => isLatest() && Promise.reject(error);
    const data = this.isAsked ? await api.get(`/compare${api.query(asked)}`).catch(told) : NOTHING;
    if (!isLatest()) return;
    this.#take(data);
    const known = new Set(this.data.runs.map((run) => run.id));
    if (this.chosen) this.chosen = new Set([...this.chosen].filter((id) => known.has(id)));
    if (!this.chosen?.size) this.chosen = null;
    this.dispatchEvent(new Event("data"));
  }

  #take(data) {
    this.data = data;
    this.columns = columnsOf(data);
  }

  /** News of runs that are compared: their state and their figures. */
  update(items) {
    const news = new Map(items.map((run) => [run.id, run]));
    const { runs, results } = this.data;
    if (!runs.some((run) => news.has(run.id))) return;
    if (items.some((run) => this.#hasNewSeries(run))) this.#loadSoon();
    const merged = runs.map((run) => (news.has(run.id) ? { ...run, ...news.get(run.id) } : run));
    const figures = results.map((row) => ({
      ...row,
      values: row.values.map((value, i) => (news.has(runs[i].id) ? figureOf(merged[i], row.key, value) : value)),
    }));
    this.#take({ ...this.data, runs: merged, results: figures });
    this.dispatchEvent(new CustomEvent("change", { detail: new Set(["figures"]) }));
  }

  #hasNewSeries(run) {
    const known = new Set(this.data.series.map(({ name }) => name));
    return Boolean(this.run(run.id)) && Object.keys(run.metrics).some((name) => !known.has(name));
  }

  #timer = null;

  /** Series that none of the runs had before bring columns of their own. */
  #loadSoon() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.load().catch(() => {}); // the next news will bring it
    }, RELOAD_MS);
  }

  // runs

  get runs() {
    return this.data.runs;
  }

  run(id) {
    return this.runs.find((run) => run.id === id);
  }

  column(key) {
    return columnOf(this.columns, key);
  }

  isHidden(id) {
    return this.state.hide.includes(tail(id));
  }

  /** Runs that are drawn: not hidden one by one. */
  get shownRuns() {
    return this.runs.filter((run) => !this.isHidden(run.id));
  }

  setHidden(ids, isHidden) {
    const tails = new Set(ids.map(tail));
    const others = this.state.hide.filter((one) => !tails.has(one));
    return this.set({ hide: isHidden ? [...others, ...tails] : others });
  }

  remove(id) {
    const ids = this.runs.map((run) => run.id).filter((one) => one !== id);
    return this.set({ ids, filter: "" });
  }

  add(ids) {
    const all = [...new Set([...this.runs.map((run) => run.id), ...ids])];
    return this.set({ ids: all, filter: "" });
  }

  // groups and looks

  /** All groups, each with its colour; hiding a run changes no colour. */
  get groups() {
    const { by } = this.state;
    const rowOf = (key) => this.column(key)?.values;
    return groupRuns(this.runs, by, (run) => groupValue(run, by, rowOf)).map((group) => ({
      ...group,
      style: styleOf(group.index),
    }));
  }

  /** How each run is drawn, by id. */
  get styles() {
    return new Map(this.groups.flatMap((group) => group.runs.map((run) => [run.id, group.style])));
  }

  // pointing and choosing

  highlight(ids) {
    const next = new Set(ids);
    if (next.size === this.highlighted.size && [...next].every((id) => this.highlighted.has(id))) return;
    this.highlighted = next;
    this.dispatchEvent(new Event("highlight"));
  }

  choose(ids) {
    this.chosen = ids ? new Set(ids) : null;
    this.dispatchEvent(new CustomEvent("change", { detail: new Set(["chosen"]) }));
  }

  /** Whether a run stands back: another one is pointed at, or a brush leaves it out. */
  isFaded(id) {
    if (this.highlighted.size) return !this.highlighted.has(id);
    return Boolean(this.chosen && !this.chosen.has(id));
  }
}

/** A figure of a run as the list tells it; what it does not tell stays as it was. */
function figureOf(run, key, before) {
  if (key === "duration_s") return run.duration_s;
  const [name, suffix] = /\.(min|max)$/.test(key) ? [key.slice(0, -4), key.slice(-3)] : [key, "last"];
  return run.metrics[name]?.[suffix] ?? before;
}
