// Name, status with its evidence, progress and what can be done.

import * as api from "../api.js";
import { $, h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { FINISHED } from "../runstate.js";
import { confirmed, toastError } from "../shell.js";

const isFinished = (status) => FINISHED.has(status);

export class Header {
  constructor(run, state) {
    Object.assign(this, {
      run,
      state,
      heardAt: Date.now() - (run.worker?.heartbeat_age_s ?? 0) * 1000,
      loadedAt: Date.now(),
      isAsked: Boolean(run.request),
    });
    $("#cancel").addEventListener("click", () => this.#cancel());
    $("#delete").addEventListener("click", () => this.#delete());
    setInterval(() => this.#showFacts(), 1000);
    this.show();
  }

  /** The worker was heard of: it writes only while it has the lease. */
  heard() {
    this.heardAt = Date.now();
  }

  update(run) {
    this.run = run;
    this.loadedAt = Date.now();
    if (run.worker?.heartbeat_age_s !== null && run.worker)
      this.heardAt = Math.max(this.heardAt, Date.now() - run.worker.heartbeat_age_s * 1000);
    this.show();
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
    this.#showFacts();
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
    if (status === "queued")
      return [
        this.run.waits_for ? "waiting until its dataset is read" : "waiting for a worker",
        this.#age("submitted", this.run.created_at),
      ];
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
      facts.push(this.#evidence());
    }
    return facts;
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
    const { worker, attempt } = this.run;
    if (!worker) return "starting";
    const device = this.state.progress?.device ?? worker.device;
    const heartbeat = `heartbeat ${format.age((Date.now() - this.heardAt) / 1000)}`;
    return [worker.name, device, attempt > 1 ? `attempt ${attempt}` : null, heartbeat].filter(Boolean).join(" · ");
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
    const text = "It saves its state first, so what it has learned so far is not lost.";
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
