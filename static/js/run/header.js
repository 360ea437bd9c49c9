// Name, status with its evidence, progress and what can be done.

import * as api from "../api.js";
import { $, h, replace, setText } from "../dom.js";
import { ending, likelyStart, silence } from "../evidence.js";
import * as format from "../format.js";
import { live } from "../live.js";
import { FINISHED } from "../runstate.js";
import { confirmed, toastError } from "../shell.js";

const isFinished = (status) => FINISHED.has(status);

const LIMITS = { silentAfter: 12, lostAfter: 30 }; // until the worker's own are known

export class Header {
  constructor(run, state) {
    Object.assign(this, {
      run,
      state,
      lastSeq: run.last_seq, // what came before this is in `run` already
      heardAt: heardAt(run),
      steppedAt: run.progress_at ? Date.parse(run.progress_at) : null,
      limits: limitsOf(run),
      waiting: null, // as the queue has it, and since when this page has
      isAsked: Boolean(run.request),
    });
    $("#cancel").addEventListener("click", () => this.#cancel());
    $("#delete").addEventListener("click", () => this.#delete());
    setInterval(() => this.#tick(), 1000);
    live.follow("workers", { onItems: (workers) => this.#heardOf(workers) });
    live.follow("queue", { onItems: (parts) => this.#hearQueue(parts) });
    if (state.status === "queued") this.#askQueue();
    this.show();
  }

  /** The worker was heard of: it writes only while it has the lease. What is replayed is no news. */
  heard(events) {
    const news = events.filter(({ seq }) => seq > this.lastSeq);
    if (!news.length) return;
    this.lastSeq = news.at(-1).seq;
    this.heardAt = Date.now();
    if (news.some(({ kind }) => kind === "progress")) this.steppedAt = Date.now();
    for (const { kind, body } of news) if (kind === "status") this.#hearStatus(body);
  }

  /** Each attempt tells who has it, and why the one before it ended. */
  #hearStatus(body) {
    const { status, attempt, cause } = body ?? {};
    if (attempt) this.run = { ...this.run, attempt, worker: null };
    if (cause) this.run = { ...this.run, cause, worker: null };
    if (status === "queued") this.#askQueue();
  }

  update(run) {
    this.run = run;
    this.limits = limitsOf(run, this.limits);
    const at = heardAt(run);
    if (at !== null) this.heardAt = Math.max(this.heardAt ?? 0, at);
    this.show();
  }

  /** Its supervisor beats for all that it holds in one transaction: to hear of it is to hear of the run. */
  #heardOf(workers) {
    const worker = workers.find(({ id }) => id === this.run.worker?.id);
    if (!worker) return;
    this.limits = { silentAfter: worker.silent_after_s, lostAfter: worker.lost_after_s };
    this.heardAt = Math.max(this.heardAt ?? 0, Date.now() - worker.heartbeat_age_s * 1000);
    this.#tick();
  }

  #hearQueue(parts) {
    const waiting = parts.find(({ part }) => part === "waiting")?.waiting;
    const found = waiting?.find(({ run_id: id, job_id: job }) => id === this.run.id && job === this.run.job_id);
    if (found) this.waiting = { ...found, at: Date.now() };
    this.#tick();
  }

  async #askQueue() {
    try {
      this.waiting = { ...(await api.get(`/queue/${this.run.job_id}`)), at: Date.now() };
      this.#tick();
    } catch {
      // it has been taken meanwhile: its stream says so
    }
  }

  #tick() {
    this.#showFacts();
    this.#showNote();
  }

  show() {
    const { status } = this.state;
    const badge = $("#run-status");
    const isStopping = this.isAsked && !isFinished(status);
    badge.dataset.status = isStopping ? "cancelling" : status;
    setText(badge.firstElementChild, isStopping ? "stopping" : status);
    $("#cancel").hidden = isFinished(status);
    $("#cancel").disabled = isStopping;
    $("#delete").hidden = !isFinished(status);
    $("#try-button").hidden = status !== "succeeded";
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
    if (status === "queued") return [...this.#reasons(), this.#age("submitted", this.run.created_at)];
    const facts = [];
    if (progress?.num_steps)
      facts.push(
        `epoch ${format.count(progress.epoch)} / ${format.count(progress.num_epochs)}`,
        `step ${format.count(progress.step)} / ${format.count(progress.num_steps)}`,
      );
    if (progress?.samples_per_s) facts.push(`${format.count(Math.round(progress.samples_per_s))} samples/s`);
    if (isFinished(status)) facts.push(...this.#ending());
    else {
      if (progress?.left_s !== undefined && progress?.left_s !== null)
        facts.push(`${format.duration(progress.left_s)} left`);
      facts.push(...this.#evidence());
    }
    return facts;
  }

  /** Why it waits, and until when. */
  #reasons() {
    if (!this.waiting) return [this.run.waits_for ? "waits for its dataset to be read" : "waits for a worker"];
    const { why, likely_start_s: start, at } = this.waiting;
    return why === "starts at once" ? [why] : [why, likelyStart(start, (Date.now() - at) / 1000)];
  }

  #ending() {
    const { run } = this;
    const device = this.state.progress?.device ?? run.worker?.device;
    const took = run.duration_s === null ? [] : [`took ${format.duration(run.duration_s)}`];
    const isEarly = this.state.status === "succeeded" && this.state.progress?.step < this.state.progress?.num_steps;
    return [
      ...(isEarly ? ["stopped early"] : []),
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
    return ending(status === "queued" ? attempt : attempt - 1, cause)?.filter(Boolean) ?? [];
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
    try {
      this.isAsked = true;
      this.show();
      this.update(await api.post(`/runs/${this.run.id}/cancel`));
    } catch (error) {
      this.isAsked = false;
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

/** When the worker was last heard of, on this page's clock. */
function heardAt(run) {
  const age = run.worker?.heartbeat_age_s ?? null;
  return age === null ? null : Date.now() - age * 1000;
}

/** A lease is as long as what has passed of it and what is left. */
function limitsOf(run, known = LIMITS) {
  const { heartbeat_age_s: age, lease_left_s: left } = run.worker ?? {};
  if (typeof age !== "number" || typeof left !== "number") return known;
  return { silentAfter: Math.min(known.silentAfter, age + left), lostAfter: age + left };
}
