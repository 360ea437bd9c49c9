// First step: the dataset, which of its columns are used, how it is split and made ready.

import * as api from "../api.js";
import { histogram } from "../columns.js";
import { titled } from "../datasets/names.js";
import { h, replace } from "../dom.js";
import * as drafts from "../draft.js";
import { featuresOf, isPicture, pictureOf, questionOf, scaleFor } from "../draft.js";
import { field, select, textField } from "../forms.js";
import * as format from "../format.js";
import { settle, settleDataset } from "../settling.js";
import { askedInWords, chooseTarget, targetChoice, targetOptions } from "../asked.js";
import { targetInWords } from "../targets.js";
import { fedByDefault } from "../windowdraft.js";
import { previewPart } from "./preview.js";
import { splitPart } from "./split.js";
import { augmentPart, columnSteps } from "./steps.js";
import { windowPart } from "./window.js";

const MAX_LISTED = 60;
const whole = (name, help, isNullable = false) => ({
  name,
  help,
  kind: "integer",
  choices: [],
  isList: false,
  items: null,
  isNullable,
  default: isNullable ? null : undefined,
  isRequired: true,
});
const share = (name, help) => ({ ...whole(name, help), kind: "number" });
const shapeField = {
  ...whole("input_shape", "for pictures: channels, height, width; empty for a plain row", true),
  isList: true,
  kind: "mixed",
  items: "number",
};

/** That there is a newer version of the chosen dataset, where there is one. */
function newerInWords(datasets, id) {
  const chosen = datasets.find((one) => one.id === id);
  const newer = datasets.find((one) => one.family_id === chosen?.family_id && one.version > chosen?.version);
  return newer ? `version ${newer.version} is newer` : "";
}

/** Of several outputs each is held to columns of its own, which the builder or the JSON says. */
const targetsInWords = (data) =>
  field({ label: "Targets", help: "of each output its own: choose them in the builder, or say them as JSON", loc: ["data", "outputs"] }, h("p", {}, targetInWords(data)));

export class DataStep {
  constructor(builder, container) {
    Object.assign(this, { builder, container, singles: h("div", { class: "stack-s" }) });
    this.origin = ""; // why it is this dataset, where nobody chose it
  }

  /** The columns of the chosen dataset; empty while it is one that will only be made with the run. */
  get columns() {
    const { dataset } = this.builder.draft;
    return this.builder.datasets.find(({ id }) => id === dataset)?.columns ?? [];
  }

  draw() {
    const { draft } = this.builder;
    replace(
      this.container,
      this.#datasetField(),
      this.columns.length ? this.#columnsPart(draft) : this.#namesPart(draft),
      windowPart(this.builder, this.columns, () => this.#rowsChanged()),
      splitPart(this.builder, this.columns, () => this.draw()),
      this.#readyPart(draft),
      this.singles,
      this.columns.length ? previewPart(this.builder) : null,
    );
    this.#drawSingles();
  }

  /** What is said of single columns: it changes with what is fed, and leaves the list of features where it is. */
  #drawSingles() {
    const { draft } = this.builder;
    const again = () => this.#drawSingles();
    replace(
      this.singles,
      columnSteps(this.builder, featuresOf(draft, this.columns), again),
      isPicture(draft, this.columns) ? augmentPart(this.builder, again) : null,
    );
  }

  #datasetField() {
    const { draft, datasets } = this.builder;
    const ready = datasets.filter(({ status }) => status === "ready");
    const options = ready.map((dataset) => ({
      value: dataset.id,
      label: `${titled(dataset)}, ${format.plural(dataset.num_rows, "row")}`,
    }));
    if (draft.dataset && typeof draft.dataset === "object")
      options.unshift({ value: "inline", label: `${draft.dataset.name} (comes with the program)` });
    if (!options.length)
      return h(
        "div",
        { class: "empty inline", data: { loc: "dataset" } },
        h("h3", {}, "No dataset is ready"),
        h("p", {}, "Add a file or a built-in dataset first."),
        h("a", { class: "button", href: "/datasets" }, "Open the datasets"),
        h("span", { class: "field-error" }),
      );
    if (!draft.dataset) options.unshift({ value: "", label: "choose one" });
    const value = typeof draft.dataset === "object" && draft.dataset ? "inline" : (draft.dataset ?? "");
    return field(
      { label: "Dataset", loc: ["dataset"], help: [this.origin, newerInWords(ready, draft.dataset)].filter(Boolean).join("; ") },
      select(options, value, (id) => {
        this.origin = "";
        this.choose(id);
      }),
    );
  }

  /** Take a dataset: target, loss and shape follow from its columns, unless they fit already. */
  async choose(id) {
    const { draft } = this.builder;
    draft.dataset = id;
    await this.load(id);
    if (draft !== this.builder.draft || draft.dataset !== id) return; // another was chosen meanwhile
    settleDataset(draft, this.columns);
    this.builder.targetChanged();
  }

  /** Lists of datasets leave out histograms and values, and one that `isNew` itself: they come with the dataset. */
  async load(id, { isNew = false } = {}) {
    const { datasets } = this.builder;
    if (isNew && datasets.every((dataset) => dataset.id !== id)) datasets.push({ ...(await api.get(`/datasets/${id}`)), isWhole: true });
    const at = datasets.findIndex((dataset) => dataset.id === id);
    if (at < 0 || datasets[at].isWhole) return;
    try {
      datasets[at] = { ...(await api.get(`/datasets/${id}`)), isWhole: true };
    } catch {
      // the form works without them
    }
  }

  /** Settle what follows from dataset and target. `own` are features that a person chose: these stay. */
  #follow(own = null) {
    settle(this.builder.draft, this.columns, own);
    this.builder.targetChanged();
  }

  /** Rows became a time series, or another one: what is fed follows, unless a person chose it. */
  #rowsChanged() {
    const { data } = this.builder.draft;
    const own = drafts.chosenFeatures(data, this.columns)?.filter((name) => data.window || name !== data.target);
    if (this.columns.length) data.features = own?.length ? own : drafts.featuresFor(this.columns, data);
    const features = featuresOf(this.builder.draft, this.columns);
    data.input_shape = data.window ? null : pictureOf(features);
    if (data.scale === "none") data.scale = scaleFor(features);
    this.builder.targetChanged();
  }

  // columns

  #columnsPart(draft) {
    const target = this.columns.find(({ name }) => name === draft.data.target);
    const asked = askedInWords(draft.data, questionOf(target));
    const targetField = field(
      { label: "Target: what is to be predicted", help: asked ? `asks for ${asked}` : "", loc: ["data", "target"] },
      select(
        targetOptions(this.columns, draft.data),
        targetChoice(draft.data),
        (choice) => {
          const was = targetChoice(draft.data);
          const own = was === draft.data.target ? drafts.chosenFeatures(draft.data, this.columns) : null;
          const fed = chooseTarget(draft, this.columns, choice);
          draft.data.features = fed;
          this.#follow(fed ?? (draft.data.window ? own : own?.filter((one) => one !== choice)));
        },
      ),
    );
    return h(
      "div",
      { class: "stack-s" },
      h(
        "div",
        { class: "form-grid wide-fields" },
        draft.data.outputs ? targetsInWords(draft.data) : targetField,
        draft.data.window || draft.data.inputs ? null : this.#shapeField(draft),
      ),
      this.#features(draft),
    );
  }

  #shapeField(draft) {
    return textField(
      shapeField,
      draft.data.input_shape,
      ["data", "input_shape"],
      (value) => {
        draft.data.input_shape = value ?? null;
        this.builder.changed();
      },
      { isQuiet: false },
    );
  }

  #features(draft) {
    const { target, window } = draft.data;
    const others = window ? this.columns : this.columns.filter(({ name }) => name !== target);
    const usual = fedByDefault(this.columns, draft.data).map(({ name }) => name);
    const used = new Set(featuresOf(draft, this.columns).map(({ name }) => name));
    const count = h(
      "span",
      { class: "muted small figures" },
      `${format.count(used.size)} of ${format.plural(others.length, "column")}`,
    );
    if (others.length > MAX_LISTED)
      return h(
        "div",
        { class: "field", data: { loc: "data.features" } },
        h("div", { class: "row" }, h("span", { class: "field-label" }, "Features"), count),
        h("p", { class: "field-help" }, `All columns${window ? "" : " but the target"}. To choose some of that many, use the JSON view.`),
        h("span", { class: "field-error" }),
      );
    const toggle = (name, isOn) => {
      if (isOn) used.add(name);
      else used.delete(name);
      const chosen = others.map((column) => column.name).filter((one) => used.has(one));
      draft.data.features = JSON.stringify(chosen) === JSON.stringify(usual) ? null : chosen;
      count.textContent = `${format.count(used.size)} of ${format.plural(others.length, "column")}`;
      draft.data.columns = drafts.stepsWith(draft.data.columns, isOn, this.columns.find((column) => column.name === name));
      this.#drawSingles();
      this.builder.changed();
    };
    const items = others.map((column) =>
      h(
        "li",
        {},
        h(
          "label",
          { class: "feature" },
          h("input", {
            type: "checkbox",
            checked: used.has(column.name),
            onchange: (event) => toggle(column.name, event.target.checked),
          }),
          h("span", { class: "feature-name" }, column.name),
          histogram(column),
          h(
            "span",
            { class: "muted small figures" },
            column.num_missing ? `${format.count(column.num_missing)} missing` : column.type,
          ),
        ),
      ),
    );
    return h(
      "fieldset",
      { class: "field", data: { loc: "data.features" } },
      h("legend", { class: "row" }, h("span", { class: "field-label" }, "Features"), count),
      h("ul", { class: "features" }, items),
      h("span", { class: "field-error" }),
    );
  }

  /** Without the columns at hand: their names by hand. */
  #namesPart(draft) {
    const input = h("input", {
      class: "input",
      value: String(draft.data.target ?? ""),
      autocomplete: "off",
      oninput: (event) => {
        draft.data.target = event.target.value;
        this.builder.changed();
      },
    });
    return h(
      "div",
      { class: "form-grid wide-fields" },
      field({ label: "Target: what is to be predicted", loc: ["data", "target"] }, input),
      this.#shapeField(draft),
    );
  }

  // preparation

  #readyPart(draft) {
    const { data } = draft;
    const set = (name) => (value) => {
      data[name] = value;
      this.builder.changed();
    };
    const scales = [
      { value: "none", label: "as they are" },
      { value: "standardize", label: "to mean 0, deviation 1" },
      { value: "min_max", label: "to 0 … 1" },
      { value: "robust", label: "by median and quartiles" },
    ];
    const missing = [
      { value: "error", label: "not allowed" },
      ...["mean", "median", "most_frequent", "constant"].map((type) => ({
        value: type,
        label: `filled: ${type.replaceAll("_", " ")}`,
      })),
      { value: "drop", label: "drop such rows" },
    ];
    const setMissing = (type) => {
      data.missing = type === "constant" ? { type, value: 0 } : { type };
      this.draw();
      this.builder.changed();
    };
    return h(
      "div",
      { class: "form-grid" },
      field({ label: "Scale of features", loc: ["data", "scale"] }, select(scales, data.scale, set("scale"))),
      field(
        { label: "Scale of the target", loc: ["data", "scale_target"] },
        select(scales, data.scale_target, set("scale_target")),
      ),
      field(
        { label: "Missing values", loc: ["data", "missing"] },
        select(missing, data.missing?.type ?? "error", setMissing),
      ),
      data.missing?.type === "constant"
        ? textField(share("value", "what stands in"), data.missing.value, ["data", "missing", "value"], (value) => {
            data.missing.value = value;
            this.builder.changed();
          })
        : null,
      data.window
        ? null
        : field(
            { label: "Rows that repeat an earlier one", loc: ["data", "repeats"] },
            select(
              [
                { value: "keep", label: "used again" },
                { value: "drop", label: "left out" },
              ],
              data.repeats ?? "keep",
              set("repeats"),
            ),
          ),
      field(
        { label: "Categories", loc: ["data", "categories"] },
        select(
          [
            { value: "one_hot", label: "a column for each" },
            { value: "ordinal", label: "one with its number" },
            { value: "hashed", label: "hashed into buckets" },
            { value: "embedded", label: "embedded: a vector for each" },
          ],
          data.categories,
          (categories) => {
            data.categories = categories;
            this.builder.targetChanged();
          },
        ),
      ),
    );
  }
}
