// What a run's stream of events adds up to. Pure: the page shows this state and nothing else.

import { StepTimes } from "./axis.js";
import { Series } from "./series.js";

const MAX_LOG_LINES = 5000;

export const FINISHED = new Set(["succeeded", "failed", "cancelled"]);

export class RunState {
  constructor({ status = "queued", progress = null, findings = [], controls = [], preflight = null } = {}) {
    this.status = status;
    this.progress = progress;
    this.error = null;
    this.series = new Map();
    this.times = new StepTimes();
    this.marks = []; // checkpoints and resumes: {kind, step, isBest}
    this.logs = [];
    this.findings = [...findings];
    this.preflight = preflight; // what was seen before the first step
    this.controls = new Map(controls.map((one) => [one.number, one])); // what was asked of it; done: with its step
    this.numHistograms = 0; // that were told since the page is open
    this.isCutInside = false; // a bucket that stood for points on both sides of a rewind is gone, the good ones with it
    this.changed = new Set(); // what the page has to draw again: metrics log status progress findings …
    this.isTold = false; // whether the stream has said what there is
  }

  get isFinished() {
    return FINISHED.has(this.status);
  }

  seriesNamed(name) {
    let series = this.series.get(name);
    if (!series) {
      series = new Series(name);
      this.series.set(name, series);
      this.changed.add("names");
    }
    return series;
  }

  apply(events) {
    for (const event of events) HANDLERS[event.kind]?.(this, event.body ?? {}, event);
  }

  /** Start again from a snapshot: {status, progress, series, events, rewinds}. */
  reset(snapshot) {
    if (snapshot.status) this.status = snapshot.status;
    if (snapshot.progress) this.progress = snapshot.progress;
    if (snapshot.error) this.error = snapshot.error;
    this.logs = [];
    this.isCutInside = false;
    this.marks = (snapshot.rewinds ?? []).map(({ to_step: step }) => ({ kind: "resume", step }));
    if (this.marks.length) this.changed.add("ghosts");
    if (!this.isTold) this.changed.add("told");
    this.isTold = true;
    this.controls.clear();
    for (const series of this.series.values()) series.reset({ steps: [], values: [] });
    for (const [name, columns] of Object.entries(snapshot.series ?? {})) this.seriesNamed(name).reset(columns);
    for (const kind of ["metrics", "status", "progress", "log", "findings", "controls"]) this.changed.add(kind);
    this.apply((snapshot.events ?? []).filter((event) => event.kind !== "metrics" && event.kind !== "rewind"));
  }

  /** What changed since this was last asked. */
  takeChanges() {
    const changed = this.changed;
    this.changed = new Set();
    return changed;
  }
}

const HANDLERS = {
  status(state, body) {
    state.status = body.status ?? state.status;
    state.error = body.error ?? null;
    state.changed.add("status");
  },
  progress(state, body, event) {
    state.progress = { ...state.progress, ...body };
    state.times.add(body.step, event.time);
    state.changed.add("progress");
  },
  metrics(state, body, event) {
    let last = -Infinity;
    for (const { name, steps, values } of body.series ?? []) {
      state.seriesNamed(name).append(steps, values);
      last = Math.max(last, steps.at(-1) ?? -Infinity);
    }
    state.times.add(last, event.time);
    state.changed.add("metrics");
  },
  rewind(state, body) {
    for (const series of state.series.values()) {
      if (series.isResampled && body.to_step < series.lastStep) state.isCutInside = true;
      series.rewind(body.to_step);
    }
    state.times.rewind(body.to_step);
    state.findings = state.findings.filter((finding) => (finding.found_at ?? finding.step ?? 0) <= body.to_step);
    state.changed.add("findings");
    state.marks = state.marks.filter(({ kind, step }) => kind === "resume" || step <= body.to_step);
    state.marks.push({ kind: "resume", step: body.to_step });
    for (const [number, one] of state.controls) {
      if (one.step > body.to_step) state.controls.set(number, { ...one, step: null }); // it will be done again
    }
    state.changed.add("metrics");
  },
  log(state, body, event) {
    state.logs.push({ seq: event.seq, time: event.time, text: body.text ?? "", level: body.level ?? "info" });
    if (state.logs.length > MAX_LOG_LINES) state.logs.splice(0, state.logs.length - MAX_LOG_LINES);
    state.changed.add("log");
  },
  finding(state, body) {
    const same = state.findings.findIndex((finding) => finding.kind === body.kind);
    if (same >= 0) state.findings[same] = body;
    else state.findings.push(body);
    state.changed.add("findings");
  },
  preflight(state, body) {
    state.preflight = body;
    state.changed.add("preflight");
  },
  control(state, body) {
    state.controls.set(body.number, body);
    state.changed.add("controls");
  },
  histograms(state) {
    state.numHistograms += 1;
    state.changed.add("histograms");
  },
  evaluation(state) {
    state.changed.add("evaluation");
  },
  artifact(state) {
    state.changed.add("artifacts");
  },
  checkpoint(state, body) {
    if (Number.isFinite(body.step)) state.marks.push({ kind: "checkpoint", step: body.step, isBest: body.is_best });
    state.changed.add("checkpoints");
  },
};
