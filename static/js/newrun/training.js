// Third step: loss, optimizer, schedule, metrics, and how long.

import { h, replace, svg } from "../dom.js";
import { checkbox, classChoice, field, select, textField } from "../forms.js";
import { sparkPath } from "../scale.js";
import { lossInWords } from "../settings.js";
import { stepFields } from "./stepping.js";

const number = (name, help, rest = {}) => ({
  name,
  help,
  kind: "number",
  choices: [],
  isList: false,
  items: null,
  isNullable: false,
  default: undefined,
  isRequired: false,
  ...rest,
});
const MORE = [
  "max_grad_norm",
  "max_grad_value",
  "checkpoint_every_s",
  "keep_checkpoints",
  "log_every_epochs",
  "time_limit_s",
  "max_crashes",
  "watch_every",
  "histograms_every",
];
const optional = (name, help) => number(name, help, { isNullable: true, default: 0 });

/** Of several outputs each has a loss and metrics of its own, which the builder or the JSON says. */
const outputsInWords = (training) =>
  field({ label: "Loss", help: "each output has its own: the builder proposes them, the JSON says everything", loc: ["training", "outputs"] }, h("p", {}, lossInWords(training)));

export class TrainingStep {
  constructor(builder, container) {
    Object.assign(this, { builder, container, rates: h("div", { class: "rates" }) });
  }

  /** How the rate goes over the run, as the server has worked it out; of one that stays there is nothing to see. */
  showRates(rates = []) {
    const [low, high] = [Math.min(...rates), Math.max(...rates)];
    if (!(high > low)) {
      replace(this.rates);
      return;
    }
    const [first, last, most] = [rates[0], rates.at(-1), high].map((rate) => String(Number(rate.toPrecision(3))));
    const told = `the rate over the run: from ${first} to ${last}, at most ${most}`;
    const box = { class: "spark", viewBox: "0 0 100 28", preserveAspectRatio: "none", role: "img", "aria-label": told };
    replace(this.rates, svg("svg", box, svg("path", { d: sparkPath(rates, 1) })), h("p", { class: "field-help" }, told));
  }

  draw() {
    const { training } = this.builder.draft;
    const catalogue = { ...this.builder.catalogue, classes: () => this.#classes() };
    const choice = (label, name, entries) =>
      classChoice({
        label,
        entries,
        owner: training,
        name,
        loc: ["training"],
        catalogue,
        onChange: () => this.builder.changed(),
      });
    replace(
      this.container,
      h(
        "div",
        { class: "choices" },
        training.outputs ? outputsInWords(training) : choice("Loss", "loss", catalogue.losses),
        choice("Optimizer", "optimizer", catalogue.optimizers),
        h("div", {}, choice("Schedule of the learning rate", "schedule", catalogue.schedules), this.rates),
      ),
      training.outputs ? null : this.#metrics(training),
      this.#length(training),
      this.#stopping(training),
      stepFields(training, { catalogue, number, changed: () => this.builder.changed() }),
      this.#more(training),
    );
  }

  /** What the classes of the target are called, where it has some. */
  #classes() {
    const { target } = this.builder.draft.data;
    const values = this.builder.data.columns.find(({ name }) => name === target)?.values ?? [];
    return values.map(String);
  }

  #set(training, name) {
    return (value) => {
      if (value === undefined) delete training[name];
      else training[name] = value;
      this.builder.changed();
    };
  }

  #metrics(training) {
    const { catalogue } = this.builder;
    training.metrics ??= [];
    const at = (type) => training.metrics.findIndex((metric) => metric.type === type);
    const toggle = (type) => (isOn) => {
      if (isOn) training.metrics.push({ type, ...(type === "top_k_accuracy" ? { k: 3 } : {}) });
      else training.metrics.splice(at(type), 1);
      this.draw();
      this.builder.changed();
    };
    const boxes = catalogue.metrics.map(({ type, help }) =>
      checkbox({ label: type.replaceAll("_", " "), help }, at(type) >= 0, toggle(type)),
    );
    const topK = training.metrics.find(({ type }) => type === "top_k_accuracy");
    const k = topK
      ? textField(
          number("k", "among how many of the likeliest classes", { kind: "integer" }),
          topK.k,
          ["training", "metrics", at("top_k_accuracy"), "k"],
          (value) => {
            topK.k = value;
            this.builder.changed();
          },
          { label: "k of top k" },
        )
      : null;
    return h(
      "fieldset",
      { class: "field", data: { loc: "training.metrics" } },
      h("legend", { class: "field-label" }, "Metrics"),
      h("div", { class: "row metric-boxes" }, boxes, k),
      h("span", { class: "field-error" }),
    );
  }

  #length(training) {
    const text = (descriptor, options = {}) =>
      textField(
        descriptor,
        training[descriptor.name],
        ["training", descriptor.name],
        this.#set(training, descriptor.name),
        { isQuiet: false, ...options },
      );
    const devices = [
      { value: "auto", label: "a GPU where there is one" },
      { value: "cpu", label: "cpu" },
      { value: "cuda", label: "cuda" },
    ];
    return h(
      "div",
      { class: "form-grid" },
      text(number("num_epochs", "how often all rows are seen"), { label: "Epochs" }),
      text(optional("batch_size", "rows in a step; empty: all"), { label: "Batch size" }),
      text(number("seed", "same seed, same run"), { label: "Seed" }),
      field(
        { label: "Device", loc: ["training", "device"] },
        select(devices, training.device ?? "auto", this.#set(training, "device")),
      ),
    );
  }

  #stopping(training) {
    const isOn = Boolean(training.early_stopping);
    const toggle = checkbox(
      { label: "Stop early when a curve no longer gets better", loc: ["training", "early_stopping"] },
      isOn,
      (on) => {
        training.early_stopping = on
          ? { series: "validation/loss", patience: 10, min_delta: 0, restore_best: true }
          : null;
        this.draw();
        this.builder.changed();
      },
    );
    if (!isOn) return toggle;
    const stopping = training.early_stopping;
    const text = (descriptor) =>
      textField(
        descriptor,
        stopping[descriptor.name],
        ["training", "early_stopping", descriptor.name],
        this.#set(stopping, descriptor.name),
      );
    return h(
      "div",
      { class: "stack-s" },
      toggle,
      h(
        "div",
        { class: "form-grid" },
        text({ ...number("series", "the curve that is watched"), kind: "text" }),
        text(number("patience", "epochs without a better value")),
        text(number("min_delta", "how much better counts as better")),
        checkbox(
          { label: "keep the best weights", loc: ["training", "early_stopping", "restore_best"] },
          stopping.restore_best !== false,
          this.#set(stopping, "restore_best"),
        ),
      ),
    );
  }

  #more(training) {
    const text = (descriptor) =>
      textField(
        descriptor,
        training[descriptor.name],
        ["training", descriptor.name],
        this.#set(training, descriptor.name),
        { isQuiet: false },
      );
    const isOpen = MORE.some(
      (name) => training[name] !== undefined && training[name] !== null,
    );
    return h(
      "details",
      { class: "more", open: isOpen && training.max_grad_norm !== null },
      h("summary", {}, "More"),
      h(
        "div",
        { class: "form-grid" },
        text(number("max_grad_norm", "longer gradients are shortened to it", { isNullable: true, default: null })),
        text(number("max_grad_value", "no number of a gradient is further from 0", { isNullable: true, default: null })),
        text(number("checkpoint_every_s", "seconds between saved states", { default: 30 })),
        text(number("keep_checkpoints", "how many are kept", { default: 3 })),
        text(number("log_every_epochs", "epochs between log lines", { default: 1 })),
        text(number("time_limit_s", "seconds it may train, without pauses; then it keeps its best weights", { isNullable: true, default: null })),
        text(number("max_crashes", "times its process may die without coming further; 1: never tried again", { default: 3 })),
        text(number("watch_every", "steps between looks at the layers; 0: never", { isNullable: true, default: null })),
        text(number("histograms_every", "steps between their histograms; 0: none", { isNullable: true, default: null })),
        checkbox(
          { label: "new order each epoch", help: "shuffle", loc: ["training", "shuffle"] },
          training.shuffle !== false,
          this.#set(training, "shuffle"),
        ),
      ),
    );
  }
}
