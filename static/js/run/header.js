// Name, status with its evidence, progress and what can be done.

import * as api from "../api.js";
import { $, h, replace, setText } from "../dom.js";
import { pendingInWords, stopOf } from "../controls.js";
import { Clock, ending, likelyStart, plus, silence } from "../evidence.js";
import * as format from "../format.js";
import { live } from "../live.js";
import { FINISHED } from "../runstate.js";
import { confirmed, toastError } from "../shell.js";
import { Control } from "./control.js";

const isFinished = (status) => FINISHED.has(status);

const ASKED = new Set(["paused", "withdrawn", "cancelled"]); // ends of attempts that give no cause for doubt

const waitsFor = ({ after, waits_for: jobId }) =>
  after ? `waits for the run ${after.name} to succeed` : jobId ? "waits for its dataset to be read" : "waits for a worker";

const LIMITS = { silentAfter: 12, lostAfter: 30 }; // until the worker's own are known

export class Header {
  constructor(run, state) {
    Object.assign(this, {
      run,
      state,
      clock: new Clock(),
      lastSeq: run.last_seq, // what came before this is in `run` already
      heardAt: null,
      steppedAt: null,
      limits: LIMITS,
      waiting: null, // as the queue has it
      isAsking: false, // this page has asked for the end of the run, and waits to be answered
    });
    this.control = new Control(this);
    $("#cancel").addEventListener("click", () => this.#cancel());
    $("#delete").addEventListener("click", () => this.#delete());
    setInterval(() => this.#tick(), 1000);
    live.follow("workers", { onItems: (workers) => this.#heardOf(workers) });
    live.follow("queue", { onItems: (parts) => this.#hearQueue(parts) });
    if (state.status === "queued") this.#askQueue();
    this.update(run);
  }

  /** The worker was heard of: it writes only while it has the lease. */
  heard(events) {
    for (const { seq, time, kind, body } of events) {
      if (seq <= this.lastSeq) continue; // replayed
      this.lastSeq = seq;
      if (kind === "status") this.#hearStatus(body ?? {});
      else this.#heardAt(this.clock.local(time));
      if (kind === "progress") this.steppedAt = this.clock.local(time);
    }
  }

  /** Each attempt tells who has it, and why the one before it ended. */
  #hearStatus({ status, attempt, cause }) {
    if (attempt) this.run = { ...this.run, attempt, worker: null };
    if (cause) this.run = { ...this.run, cause, worker: null };
    if (status === "queued") this.#askQueue();
  }

  #heardAt(at) {
    this.heardAt = Math.max(this.heardAt ?? 0, at);
  }

  /** What the server says of the run now; `isFresh` false: what it said at some moment before. */
  update(run, { isFresh = true } = {}) {
    this.run = run;
    const { heartbeat_at: at, heartbeat_age_s: age, lease_left_s: left } = run.worker ?? {};
    if (isFresh && at && typeof age === "number") this.clock.sync(plus(at, age));
    if (at && this.clock.isKnown) this.#heardAt(this.clock.local(at));
    if (typeof age === "number" && typeof left === "number")
      this.limits = { silentAfter: Math.min(this.limits.silentAfter, age + left), lostAfter: age + left };
    if (run.progress_at) this.steppedAt = Math.max(this.steppedAt ?? 0, this.clock.local(run.progress_at));
    this.show();
  }

  /** Its supervisor beats for all that it holds in one transaction: to hear of it is to hear of the run. */
  #heardOf(workers) {
    const worker = workers.find(({ id }) => id === this.run.worker?.id);
    if (!worker) return;
    this.limits = { silentAfter: worker.silent_after_s, lostAfter: worker.lost_after_s };
    this.#heardAt(this.clock.local(worker.heartbeat_at));
    this.#tick();
  }

  #hearQueue(parts) {
    const waiting = parts.find(({ part }) => part === "waiting")?.waiting;
    const found = waiting?.find(({ job_id: id }) => id === this.run.job_id);
    if (found) this.#setWaiting(found);
  }

  #setWaiting(waiting) {
    this.waiting = { ...waiting, at: this.clock.local(plus(this.run.created_at, waiting.waits_s)) };
    this.#tick();
  }

  async #askQueue() {
    try {
      const queue = await api.get("/queue");
      this.clock.sync(queue.at);
      this.#hearQueue([{ part: "waiting", ...queue }]);
    } catch {
      // the stream says it when the server is there again
    }
  }

  #tick() {
    this.#showFacts();
    this.#showNote();
  }

  show() {
    const { status } = this.state;
    if (isFinished(status)) this.isAsking = false; // it may be taken up again
    const badge = $("#run-status");
    const request = isFinished(status) ? null : this.isAsking ? "cancel" : this.run.request;
    badge.dataset.status = request ? "cancelling" : status;
    setText(badge.firstElementChild, request ? (request === "pause" ? "pausing" : "stopping") : status);
    this.control.show();
    $("#cancel").hidden = isFinished(status);
    $("#cancel").disabled = request === "cancel";
    $("#delete").hidden = !isFinished(status);
    $("#try-button").hidden = status !== "succeeded" || !this.run.dataset;
    this.#showProgress(status);
    this.#tick();
    this.#showFailure();
  }

  #showProgress(status) {
    const { step = 0, num_steps: numSteps } = this.state.progress ?? {};
    const bar = $("#progress");
    bar.dataset.status = status;
    bar.value = status === "succeeded" ? 1 : numSteps ? step / numSteps : 0;
  }

  #showFacts() {
    const facts = this.#facts();
    const list = $("#facts");
    if (list.children.length !== facts.length)
      replace(
        list,
        facts.map((text) => h("li", {}, text)),
      );
    else facts.forEach((text, i) => setText(list.children[i], text));
  }

  #facts() {
    const { status, progress } = this.state;
    const pending = pendingInWords([...this.state.controls.values()], status);
    const asked = pending ? [pending] : [];
    if (status === "queued") return [...this.#reasons(), this.#age("submitted", this.run.created_at), ...asked];
    const facts = [];
    // A script that reports tells what it knows: its step at least, how many there are at best.
    for (const unit of ["epoch", "step"]) {
      const [at, all] = [progress?.[unit], progress?.[`num_${unit}s`]];
      if (at !== undefined && (all || !this.run.dataset))
        facts.push(all ? `${unit} ${format.count(at)} / ${format.count(all)}` : `${unit} ${format.count(at)}`);
    }
    if (progress?.samples_per_s && status !== "paused") facts.push(`${format.count(Math.round(progress.samples_per_s))} samples/s`);
    if (isFinished(status)) facts.push(...this.#ending());
    else if (status === "paused") facts.push(this.run.attempt ? "its state is saved" : "it has not begun");
    else {
      if (progress?.left_s !== undefined && progress?.left_s !== null)
        facts.push(`${format.duration(progress.left_s)} left`);
      facts.push(...this.#evidence());
    }
    return [...facts, ...asked];
  }

  /** Why it waits, and until when. */
  #reasons() {
    if (!this.waiting) return [waitsFor(this.run)];
    const { why, likely_start_s: start, at } = this.waiting;
    return why === "starts at once" ? [why] : [why, likelyStart(start, (Date.now() - at) / 1000)];
  }

  #ending() {
    const { run } = this;
    const device = this.state.progress?.device ?? run.worker?.device;
    const took = run.duration_s === null ? [] : [`took ${format.duration(run.duration_s)}`];
    // A script that reports counts its steps as it likes.
    const stop = stopOf([...this.state.controls.values()]);
    const isEarly = !stop && run.dataset && this.state.status === "succeeded" && this.state.progress?.step < this.state.progress?.num_steps;
    return [
      ...(isEarly ? ["stopped early"] : []),
      ...(stop ? [stop.type === "stop" ? "stopped, as was asked" : "stopped at its time limit"] : []),
      ...took,
      ...(device ? [`on ${device}`] : []),
      ...(run.attempt > 1 ? [`attempt ${run.attempt}`] : []),
      this.#age("finished", run.finished_at),
    ];
  }

  /** Why one may believe that it runs. */
  #evidence() {
    const { worker, attempt, origin } = this.run;
    const stepAge = this.steppedAt && this.state.progress?.step ? (Date.now() - this.steppedAt) / 1000 : null;
    const device = this.state.progress?.device ?? worker?.device;
    const holder = worker ? `${worker.name}${device ? `, ${device}` : ""}` : null;
    const process = worker?.pid ? `process ${worker.pid} on ${worker.host}` : null;
    return [
      stepAge === null ? null : `last step ${format.age(stepAge)}`,
      holder ?? (origin && origin !== "worker" ? "reported by its script" : "starting"),
      process,
      attempt > 1 ? `attempt ${format.count(attempt)}` : null,
      worker && this.heardAt ? `heartbeat ${format.age((Date.now() - this.heardAt) / 1000)}` : null,
    ].filter(Boolean);
  }

  /** What gives cause for doubt: a worker that is silent, an attempt that ended before this one. */
  #showNote() {
    const lines = this.#doubts();
    const box = $("#evidence-note");
    box.hidden = lines.length === 0;
    if (box.children.length !== lines.length)
      replace(
        box,
        lines.map((_, i) => h("p", { class: i ? "" : "note-title" })),
      );
    lines.forEach((text, i) => setText(box.children[i], text));
  }

  #doubts() {
    const { status } = this.state;
    if (isFinished(status)) return [];
    const { worker, attempt, cause } = this.run;
    const isKnown = status === "running" && worker && this.heardAt && live.state === "live";
    const quiet = isKnown ? silence((Date.now() - this.heardAt) / 1000, this.limits) : null;
    if (quiet) return [`${worker.name} on ${worker.host}: ${quiet}.`];
    if (ASKED.has(cause?.kind)) return [];
    return ending(status === "running" ? attempt - 1 : attempt, cause)?.filter(Boolean) ?? [];
  }

  #age(word, time) {
    return time ? `${word} ${format.age((Date.now() - new Date(time)) / 1000)}` : word;
  }

  #showFailure() {
    const error = this.state.error ?? this.run.error;
    const box = $("#failure");
    box.hidden = !error || this.state.status !== "failed";
    if (box.hidden) return;
    const [message, hint, kind] = box.children;
    setText(message, error.message);
    setText(hint, error.hint ?? "");
    setText(kind, (error.kind ?? "").replaceAll("_", " "));
  }

  async #cancel() {
    const text = "It saves a checkpoint first; its curves and its log are kept, too.";
    if (!(await confirmed({ title: `Cancel ${this.run.name}?`, text, action: "Cancel the run" }))) return;
    this.isAsking = true;
    this.show();
    try {
      const run = await api.post(`/runs/${this.run.id}/cancel`);
      this.isAsking = isFinished(run.status); // then its stream is about to say so
      this.update(run);
    } catch (error) {
      this.isAsking = false;
      this.show();
      toastError(error);
    }
  }

  async #delete() {
    const text = "Its curves, checkpoints and files go too. This cannot be undone.";
    if (!(await confirmed({ title: `Delete ${this.run.name}?`, text, action: "Delete the run" }))) return;
    try {
      await api.remove(`/runs/${this.run.id}`);
      location.assign("/runs");
    } catch (error) {
      toastError(error);
    }
  }
}
