// Whether the run is trained once, over all folds of its split, or from several seeds: then it is a group of runs.

import { $, h, replace, setText } from "../dom.js";
import { plural } from "../format.js";
import { inFolds } from "./splitkinds.js";

const MAX_RUNS = 100;

export class RepeatStep {
  constructor(builder) {
    this.builder = builder;
    this.over = null; // "folds", "seeds", or null for once
    this.numSeeds = 5;
    $("#repeat").addEventListener("change", (event) => this.#choose(event.target.value));
    $("#num-seeds").addEventListener("input", (event) => {
      this.numSeeds = Number.parseInt(event.target.value, 10);
      this.draw();
    });
  }

  /** How many runs are started. */
  get numRuns() {
    if (this.over === "folds") return this.builder.draft.data.split?.num_folds ?? 5;
    return this.over === "seeds" ? this.numSeeds : 1;
  }

  /** What a group is asked for with; null for a single run. */
  get said() {
    if (!this.over) return null;
    return this.over === "folds" ? { type: "folds" } : { type: "seeds", num_seeds: this.numSeeds };
  }

  #choose(value) {
    this.over = value || null;
    const { data } = this.builder.draft;
    if (this.over === "folds" && data.split?.type !== "k_fold") {
      data.split = inFolds(data.split);
      this.builder.targetChanged();
    }
    this.draw();
  }

  draw() {
    if (this.over === "folds" && this.builder.draft.data.split?.type !== "k_fold") this.over = null;
    const choices = [
      ["", "once"],
      ["folds", "over all folds"],
      ["seeds", "from several seeds"],
    ];
    if ($("#repeat").value !== (this.over ?? "") || !$("#repeat").options.length)
      replace(
        $("#repeat"),
        choices.map(([value, text]) => h("option", { value, selected: value === (this.over ?? "") }, text)),
      );
    $("#num-seeds-field").hidden = this.over !== "seeds";
    const isWrong = this.over === "seeds" && !(this.numSeeds >= 2 && this.numSeeds <= MAX_RUNS);
    setText($("#num-seeds-error"), isWrong ? `2 to ${MAX_RUNS} seeds` : "");
    $("#num-seeds").setAttribute("aria-invalid", String(isWrong));
    setText($("#repeat-help"), HELP[this.over ?? ""]);
    setText($("#start"), this.over && !isWrong ? `Start ${plural(this.numRuns, "run")}` : "Start the run");
  }
}

const HELP = {
  "": "one run, as it is described here",
  folds: "each fold validates in a run of its own; they are shown as one, with mean and deviation",
  seeds: "from the training's seed on, on the same rows; shown as one, with mean and deviation",
};
