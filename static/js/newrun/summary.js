// Beside the steps: what the run will be, every problem with a link to its place, and the button.

import { $, h, replace, setText } from "../dom.js";
import { leavesOut, numSteps, placeInWords } from "../draft.js";
import * as format from "../format.js";
import { nearest } from "../forms.js";

const memoryInWords = (memory) => (memory ? `about ${format.bytes(memory.total)}` : format.bytes(null));

function inParts({ weights, gradients, optimizer, averages, activations }) {
  const parts = Object.entries({ weights, gradients, optimizer, averages, "activations of a batch": activations });
  return parts.filter(([, size]) => size > 0).map(([name, size]) => `${name} ${format.bytes(size)}`).join(", ");
}

export class Summary {
  constructor(builder) {
    this.builder = builder;
  }

  /** `answer` is what the server said of the draft; null while it is being asked for the first time. */
  show(answer, places) {
    const { draft } = this.builder;
    const rows = answer?.num_rows;
    const steps = numSteps(draft, rows?.train);
    const what = draft.data.window ? "windows" : "rows";
    const upTo = leavesOut(draft.data, this.builder.data.columns) ? "up to " : "";
    const pairs = [
      [`training ${what}`, rows?.train, upTo],
      [`validation ${what}`, rows?.validation, upTo],
      [`test ${what}`, rows?.test, upTo],
      ["parameters", answer?.inspection?.num_parameters, ""],
      ["steps", steps, upTo],
    ];
    const memory = answer?.memory;
    const said = (value, before) => (value ? before : "") + format.count(value ?? null);
    replace(
      $("#summary-pairs"),
      pairs.map(([name, value, before]) => h("div", {}, h("dt", {}, name), h("dd", {}, said(value, before)))),
      h("div", { title: memory && inParts(memory) }, h("dt", {}, "memory of a step"), h("dd", {}, memoryInWords(memory))),
    );
    this.#showProblems(answer, places);
  }

  #showProblems(answer, places) {
    const problems = answer?.errors ?? [];
    const warnings = answer?.warnings ?? [];
    const button = $("#start");
    button.setAttribute("aria-disabled", String(!answer?.ok));
    setText($("#check-state"), this.#state(answer, problems));
    const seen = new Set();
    replace(
      $("#problems"),
      [
        ...problems.map((problem, i) => ({ problem, place: places[i] })),
        ...warnings.map((problem) => ({ problem, place: nearest($("#steps"), problem.loc), isWarning: true })),
      ]
        .filter(
          ({ problem }) =>
            !seen.has(problem.msg + problem.loc.join(".")) && seen.add(problem.msg + problem.loc.join(".")),
        )
        .map(({ problem, place, isWarning }) =>
          h(
            "li",
            {},
            h(
              "button",
              { class: isWarning ? "problem mild" : "problem", type: "button", onclick: () => goTo(place) },
              h("span", { class: "problem-place" }, placeInWords(problem.loc)),
              h("span", {}, problem.msg),
            ),
          ),
        ),
    );
  }

  #state(answer, problems) {
    if (!answer) return "Checking…";
    return answer.ok ? "Ready to start" : format.plural(problems.length, "thing to mend", "things to mend");
  }
}

function goTo(place) {
  if (!place) return;
  place.scrollIntoView({ block: "center" });
  const control = $("input, select, textarea, button", place) ?? place;
  control.focus({ preventScroll: true });
}
