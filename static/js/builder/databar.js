// What the model is fed and asked: a dataset that was chosen, or sizes that somebody typed.

import { $, h, replace, setText } from "../dom.js";
import { titled } from "../datasets/names.js";
import { featuresOf, questionOf } from "../draft.js";
import { checkbox, field, select } from "../forms.js";
import * as format from "../format.js";
import { lossInWords } from "../settings.js";
import { settle, settleDataset } from "../settling.js";
import { askedInWords, chooseTarget, targetChoice, targetOptions } from "../asked.js";
import { begunWindow, splitFor, usualSplit } from "../windowdraft.js";
import { askOutputs, feedInputs, holdTo } from "./ends.js";
import { readShape } from "./reading.js";

const endsOf = ({ inputs, outputs }) => JSON.stringify([inputs ?? null, outputs ?? null]);

export class DataBar {
  constructor(studio, container) {
    Object.assign(this, { studio, container });
    this.fed = h("p", { class: "muted small figures", role: "status" });
    this.ends = endsOf(studio.model);
    this.classes = this.#classes();
    studio.addEventListener("answer", () => this.#tell());
    studio.addEventListener("data", () => this.#follow());
    studio.addEventListener("model", () => this.#follow());
    this.draw();
  }

  /** Other inputs are fed other columns, other outputs are held to others. */
  #follow() {
    const ends = endsOf(this.studio.model);
    if (ends === this.ends) return;
    this.ends = ends;
    this.draw();
    this.studio.check();
  }

  draw() {
    const { studio } = this;
    const ready = studio.datasets.filter(({ status }) => status === "ready");
    const options = [
      { value: "", label: "none: I give the sizes" },
      ...ready.map((dataset) => ({ value: dataset.id, label: `${titled(dataset)}, ${format.plural(dataset.num_rows, "row")}` })),
    ];
    const { dataset: given } = studio.draft;
    const isInline = given !== null && typeof given === "object";
    if (isInline) options.unshift({ value: "inline", label: `${given.name} (comes with the program)` });
    const choice = select(options, isInline ? "inline" : (given ?? ""), (id) => this.choose(id));
    const dataset = field({ label: "Dataset", loc: ["dataset"] }, choice);
    const fed = studio.hasData ? [this.#asked(), this.#inputs()] : this.#sizes();
    replace(
      this.container,
      h("div", { class: "form-grid wide-fields data-bar" }, dataset, fed, this.classes, this.#window()),
      h("span", { class: "field-error" }),
      this.fed,
    );
    this.#tell();
  }

  /** With what the form has settled already. */
  async goOn() {
    const { dataset } = this.studio.draft;
    if (typeof dataset === "string") await this.studio.load(dataset);
    this.draw();
  }

  async choose(id) {
    const { studio } = this;
    this.chosen = id;
    if (id) await studio.load(id);
    if (this.chosen !== id) return; // another was chosen meanwhile
    studio.draft.dataset = id || null;
    if (id) settleDataset(studio.draft, studio.columns);
    this.draw();
    studio.dataChanged();
    $("select", this.container)?.focus();
  }

  #asked() {
    const { draft, model, columns } = this.studio;
    if (!columns.length) return null;
    askOutputs(draft, model.outputs, columns);
    return draft.data.outputs ? Object.keys(draft.data.outputs).map((name) => this.#output(name)) : this.#target();
  }

  /** Of a model with several outputs: the column that one is held to. */
  #output(name) {
    const { studio } = this;
    const { draft, columns } = studio;
    const names = columns.map((column) => ({ value: column.name, label: column.name }));
    const choice = select(names, draft.data.outputs[name].target, (target) => {
      holdTo(draft, name, columns.find((column) => column.name === target));
      studio.dataChanged();
    });
    return field({ label: `Target of ${name}`, loc: ["data", "outputs", name] }, choice);
  }

  #target() {
    const { studio } = this;
    const choice = select(targetOptions(studio.columns, studio.draft.data), targetChoice(studio.draft.data), (value) => {
      const fed = chooseTarget(studio.draft, studio.columns, value);
      studio.draft.data.features = fed;
      settle(studio.draft, studio.columns, fed);
      studio.dataChanged();
    });
    return field({ label: "Target: what is to be predicted", loc: ["data", "target"] }, choice);
  }

  /** Of a model with several inputs: the columns that each is fed. */
  #inputs() {
    const { model, draft, columns } = this.studio;
    feedInputs(draft.data, model.inputs, featuresOf(draft, columns).map(({ name }) => name));
    return Object.entries(draft.data.inputs ?? {}).map(([name, fed]) => {
      const input = h("input", { class: "input", value: fed.join(", "), autocomplete: "off", spellcheck: "false" });
      input.addEventListener("change", () => {
        draft.data.inputs[name] = input.value.split(",").map((one) => one.trim()).filter(Boolean);
        this.studio.dataChanged();
      });
      return field({ label: `Columns of ${name}`, loc: ["data", "inputs", name] }, input);
    });
  }

  #shapes() {
    const { model, typed } = this.studio;
    typed.shapes ??= {};
    return model.inputs.map((name) => {
      const input = h("input", { class: "input figures", value: typed.shapes[name]?.join(", ") ?? "", autocomplete: "off" });
      input.addEventListener("input", () => {
        typed.shapes[name] = readShape(input.value);
        this.studio.dataChanged();
      });
      return field({ label: `Shape of ${name}`, help: "of one row", loc: ["input_shapes", name] }, input);
    });
  }

  #sizes() {
    if (this.studio.model.inputs?.length > 1) return this.#shapes();
    return this.#size();
  }

  #size() {
    const { typed } = this.studio;
    const box = (label, help, value, read, loc = null) => {
      const input = h("input", { class: "input figures", value: value ?? "", autocomplete: "off", inputmode: "numeric" });
      input.addEventListener("input", () => {
        read(input.value);
        this.studio.dataChanged();
      });
      return field({ label, help, loc }, input);
    };
    const whole = (text) => (/^\d+$/.test(text.trim()) ? Number(text) : null);
    return [
      box("Input shape", "of one row: 4 for four numbers; 1, 28, 28 for a grey picture of 28 × 28 pixels", typed.shape?.join(", "), (text) => (typed.shape = readShape(text)), ["input_shape"]),
      box("Output shape", "how many numbers the model answers with: 1, or one for each class", typed.outputShape?.join(", "), (text) => (typed.outputShape = readShape(text))),
      box("Different words or codes", "how many there are, where a row is words; empty for numbers", typed.numEmbeddings, (text) => (typed.numEmbeddings = whole(text))),
    ];
  }

  /** Of a mask, which says by its values alone how many classes there are. */
  #classes() {
    const { typed } = this.studio;
    const input = h("input", { class: "input figures", value: typed.numClasses, autocomplete: "off", inputmode: "numeric" });
    input.addEventListener("input", () => {
      typed.numClasses = Math.max(2, Number.parseInt(input.value, 10) || 2);
      this.studio.dataChanged();
    });
    return field({ label: "Classes of a pixel", help: "how many kinds of pixel the mask tells apart" }, input);
  }

  /** Rows that follow one another: what is seen at once, and what is predicted of it. */
  #window() {
    const { studio } = this;
    const { data } = studio.draft;
    const begun = begunWindow(studio.columns);
    if (!studio.columns.length || !(data.window || begun.time)) return null;
    const set = (isOn) => {
      data.window = isOn ? begun : null;
      if (isOn) data.repeats = "keep"; // a row is part of many windows
      data.split = isOn ? splitFor(begun, data.split) : usualSplit();
      settle(studio.draft, studio.columns);
      this.draw();
      studio.dataChanged();
    };
    return checkbox({ label: "A time series", help: "Rows follow one another: see some, predict what comes next" }, Boolean(data.window), set);
  }

  /** What is fed, what is asked, and the loss and metrics that fit. */
  #tell() {
    const { studio } = this;
    this.classes.hidden = !(studio.hasData && studio.answer.output_shape?.includes(null));
    if (!studio.hasData) {
      setText(this.fed, studio.typed.shape ? "" : "Choose a dataset, or say how many numbers a row has: then each layer shows what it makes of them, and models that fit are offered.");
      return;
    }
    const target = studio.columns.find(({ name }) => name === studio.draft.data.target);
    const asked = askedInWords(studio.draft.data, questionOf(target));
    const { metrics = [] } = studio.draft.training;
    const measured = metrics.map(({ type }) => type).join(", ");
    const parts = [
      studio.answer.input_shape ? `fed ${format.shape(studio.answer.input_shape)}` : null,
      asked ? `asked for ${asked}` : null,
      `loss ${lossInWords(studio.draft.training)}`,
      measured ? `measured by ${measured}` : null,
    ];
    setText(this.fed, parts.filter(Boolean).join(" · "));
  }
}
