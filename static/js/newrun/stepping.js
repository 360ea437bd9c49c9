// What one step of training does beside the plain one: pieces, precision, compiling, means of weights.

import { checkbox, classFields, field, select, textField } from "../forms.js";
import { h, replace, setText } from "../dom.js";

const PRECISIONS = [
  { value: "float32", label: "float32" },
  { value: "bfloat16", label: "bfloat16" },
  { value: "float16", label: "float16, GPU only" },
];
const AVERAGES = [
  { value: "", label: "the last ones" },
  { value: "ema", label: "a moving average" },
  { value: "swa", label: "the mean of epochs" },
];
const USUAL = {
  num_processes: 1,
  fit_memory: false,
  lr_range_test: null,
  precision: "float32",
  tf32: false,
  compile: false,
  deterministic: true,
  ema: null,
  swa: null,
};

/** Whether a training says anything of it. */
const isSaid = (training) =>
  Boolean(training.micro_batch_size) ||
  Object.entries(USUAL).some(([name, usual]) => (training[name] ?? usual) !== usual);

/** The fields, folded away unless one says something. `number` describes a field of numbers, as `fieldsOf` does. */
export function stepFields(training, { catalogue, number, changed }) {
  const set = (name) => (value) => {
    if (value === undefined || value === USUAL[name]) delete training[name];
    else training[name] = value;
    changed();
  };
  const box = (name, label, help) =>
    checkbox({ label, help, loc: ["training", name] }, training[name] ?? USUAL[name], set(name));
  const size = number("micro_batch_size", "rows at once, to take less memory; empty: the batch", {
    isNullable: true,
    default: null,
  });
  const tries = checkbox(
    {
      label: "try learning rates first",
      help: "lr_range_test: before the first step, to see at which the loss falls fastest",
      loc: ["training", "lr_range_test"],
    },
    Boolean(training.lr_range_test),
    (isTried) => set("lr_range_test")(isTried ? (training.lr_range_test ?? {}) : undefined),
  );
  const processes = number("num_processes", "processes that share each batch: one for each GPU", { default: 1 });
  const weights = averages(training, { catalogue, changed });
  return h(
    "details",
    { class: "more", open: isSaid(training) },
    h("summary", {}, "How a step is taken"),
    h(
      "div",
      { class: "stack-s" },
      h(
        "div",
        { class: "form-grid" },
        textField(size, training[size.name], ["training", size.name], set(size.name), {
          isQuiet: false,
          label: "Micro batch size",
        }),
        textField(processes, training[processes.name] ?? USUAL.num_processes, ["training", processes.name], set(processes.name), {
          isQuiet: false,
          label: "Processes",
        }),
        field(
          { label: "Precision", help: "what layers compute in", loc: ["training", "precision"] },
          select(PRECISIONS, training.precision ?? USUAL.precision, set("precision")),
        ),
        weights.choice,
      ),
      weights.fields,
      h(
        "div",
        { class: "row metric-boxes" },
        box("fit_memory", "fewer rows at once where memory runs out", "fit_memory: it takes a smaller micro batch by itself"),
        tries,
        box("compile", "compile it", "torch.compile: faster steps, a minute later"),
        box("deterministic", "same bits on a GPU", "deterministic: else it takes whatever is fastest"),
        box("tf32", "TF32 on a GPU", "tf32: matrices are multiplied with 10 bits after the point"),
      ),
    ),
  );
}

/** Which weights a run leaves, and the fields of what it averages. */
function averages(training, { catalogue, changed }) {
  const kindOf = () => (training.ema ? "ema" : training.swa ? "swa" : "");
  const fields = h("div", { class: "stack-s" });
  const draw = () => {
    const kind = kindOf();
    const entry = catalogue.averages.find(({ type }) => type === kind);
    const told = entry && [
      h("p", { class: "field-help" }, entry.help),
      classFields(entry, training[kind], ["training", kind], catalogue, changed),
    ];
    replace(fields, told ?? null);
    fields.hidden = !entry;
    choice.dataset.loc = `training.${kind || "averages"}`;
  };
  const control = select(AVERAGES, kindOf(), (kind) => {
    delete training.ema;
    delete training.swa;
    if (kind === "ema") training.ema = {};
    if (kind === "swa") training.swa = { start_epoch: Math.floor((training.num_epochs ?? 10) * 0.75) };
    draw();
    changed();
  });
  const choice = field({ label: "Weights it leaves", help: "after the last epoch, unless the best is kept" }, control);
  draw();
  return { choice, fields };
}
