// What one does to a run under way: pause and resume, and what is changed of it while it trains.

import * as api from "../api.js";
import { askedFor, offersOf, rateOf } from "../controls.js";
import { $ } from "../dom.js";
import * as format from "../format.js";
import { withMenu } from "../menu.js";
import { askNumber } from "../runs/ask.js";
import { confirmed, toast, toastError } from "../shell.js";

export class Control {
  /** `header` has the run and its state, and is told of the run as it is then. */
  constructor(header) {
    this.header = header;
    for (const verb of ["pause", "resume"]) $(`#${verb}`).addEventListener("click", () => this.#move(verb));
    const button = $("#control");
    const place = document.createComment("");
    button.replaceWith(place);
    this.holder = withMenu(button, { label: "Control the run", entries: () => this.#entries() });
    place.replaceWith(this.holder);
  }

  show() {
    const { run, state } = this.header;
    const offers = offersOf(run, state.status);
    const focused = document.activeElement;
    for (const verb of ["pause", "resume"]) $(`#${verb}`).hidden = !offers[verb];
    this.holder.hidden = !offers.control;
    $("#control").hidden = false;
    if (["pause", "resume"].includes(focused.id) && focused.hidden) $(offers.resume ? "#resume" : "#pause").focus();
  }

  async #move(verb) {
    try {
      this.header.update(await api.post(`/runs/${this.header.run.id}/${verb}`), { isFresh: false });
    } catch (error) {
      toastError(error);
    }
  }

  #entries() {
    const { run, state } = this.header;
    const saving = { label: "Save a checkpoint now", act: () => this.#ask({ type: "checkpoint" }) };
    const stopping = [
      { label: "Stop, keep the best epoch", act: () => this.#stop("best") },
      { label: "Stop here, keep the last weights", act: () => this.#stop("last") },
    ];
    const profiling = { label: "Profile 10 steps", act: () => this.#ask({ type: "profile", num_steps: 10 }) };
    return [
      ...(state.status === "running" ? [saving, profiling] : []),
      ...(run.attempt ? stopping : []),
      { label: "Learning rate…", act: () => this.#askRate() },
      { label: "Epochs…", act: () => this.#askEpochs() },
    ];
  }

  async #ask(body) {
    const control = await api.post(`/runs/${this.header.run.id}/controls`, body);
    toast(`Asked: ${askedFor(control)}.`);
    return control;
  }

  async #stop(keep) {
    const weights = keep === "best" ? "the weights of its best epoch so far" : "the weights that it has now";
    const text = `It is evaluated and exported with ${weights}, and has succeeded. It cannot go on afterwards.`;
    if (await confirmed({ title: `Stop ${this.header.run.name} here?`, text, action: "Stop it" })) await this.#ask({ type: "stop", keep });
  }

  #askRate() {
    const { run, state } = this.header;
    const schedule = run.spec.training?.schedule?.type ?? "constant";
    const help = schedule === "constant" ? "It holds from the next step on." : `Its schedule (${schedule}) goes on, from this value in place of the first.`;
    return askNumber({
      title: "Change the learning rate",
      label: "Learning rate",
      value: rateOf(run, [...state.controls.values()]),
      help,
      action: "Set it",
      send: (lr) => this.#ask({ type: "set_lr", lr }),
    });
  }

  #askEpochs() {
    const { run, state } = this.header;
    const done = state.progress?.epoch ?? 0;
    return askNumber({
      title: "Change how long it trains",
      label: "Epochs in all",
      value: state.progress?.num_epochs ?? run.num_epochs,
      help: `${format.plural(done, "epoch")} done. The one that has begun is finished.`,
      action: "Set them",
      step: 1,
      send: (count) => this.#ask({ type: "set_num_epochs", num_epochs: count }),
    });
  }
}
