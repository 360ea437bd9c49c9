// How single columns are made ready, where it is not as the others are; and how training images are changed.

import { h } from "../dom.js";
import { checkbox, classFields, field, select } from "../forms.js";

const NUMBERS = ["scale", "log", "clip_share", "low", "high"];
const FIELDS = {
  integer: ["categories", ...NUMBERS],
  float: NUMBERS,
  timestamp: ["scale"],
  category: ["categories"],
  text: ["categories"],
  array: ["scale"],
};
const PARTS = ["year", "month", "day", "weekday", "hour", "minute", "day_of_year", "elapsed"];
const MISSING = [
  { value: "", label: "as the others" },
  ...["mean", "median", "most_frequent", "constant"].map((type) => ({
    value: type,
    label: `filled: ${type.replaceAll("_", " ")}`,
  })),
  { value: "drop", label: "drop such rows" },
];

/** The part of the form; `columns` are those that are fed. `redraw` is called when a column comes or goes. */
export function columnSteps(builder, columns, redraw) {
  const { draft } = builder;
  draft.data.columns ??= {};
  const own = draft.data.columns;
  const told = () => {
    redraw();
    builder.changed();
  };
  const others = columns.filter(({ name }) => !own[name]);
  const options = [{ value: "", label: "choose a column" }, ...others.map(({ name }) => ({ value: name, label: name }))];
  const choice = select(options, "", (name) => {
    if (!name) return;
    own[name] = {};
    told();
  });
  const rows = Object.keys(own).map((name) => {
    const column = columns.find((one) => one.name === name);
    return oneColumn(builder, column, name, told);
  });
  return h(
    "div",
    { class: "stack-s", data: { loc: "data.columns" } },
    rows,
    others.length
      ? h(
          "div",
          { class: "form-grid wide-fields" },
          field({ label: "Make one column ready otherwise", help: "its own scale, gaps, parts, tokens, pixels" }, choice),
        )
      : null,
    h("span", { class: "field-error" }),
  );
}

function oneColumn(builder, column, name, told) {
  const { draft, catalogue } = builder;
  const steps = draft.data.columns[name];
  const loc = ["data", "columns", name];
  const changed = () => builder.changed();
  const entryOf = (type) => catalogue.steps.find((entry) => entry.type === type);
  const part = (type) =>
    classFields(withChoices(entryOf(type)), (steps[type] ??= {}), [...loc, type], catalogue, changed);
  const remove = h(
    "button",
    {
      class: "button small",
      type: "button",
      onclick: () => {
        delete draft.data.columns[name];
        told();
      },
    },
    "As the others",
  );
  return h(
    "fieldset",
    { class: "column-steps", data: { loc: loc.join(".") } },
    h("legend", { class: "visually-hidden" }, `How ${name} is made ready`),
    h(
      "div",
      { class: "row column-head" },
      h("span", {}, h("strong", {}, name), " ", h("span", { class: "muted small" }, column?.type ?? "not a feature")),
      remove,
    ),
    column ? bodyOf(column, steps, { builder, loc, part, entry: entryOf("column"), catalogue, changed, told }) : null,
    h("span", { class: "field-error" }),
  );
}

/** The fields of a column's steps: what does not apply is not asked. */
function fieldsOf({ type }, { categories }) {
  if (categories === "embedded") return ["categories", "max_categories"];
  if (categories === "hashed") return ["categories", "num_buckets"];
  return type === "integer" && categories === "one_hot" ? ["categories"] : (FIELDS[type] ?? []);
}

/** How the values of a column become numbers has changed: what belongs to another way is said no more. */
function settle(steps) {
  if (["hashed", "embedded"].includes(steps.categories)) delete steps.tokens;
  if (steps.categories) for (const name of NUMBERS) delete steps[name];
  if (steps.categories === "embedded") delete steps.missing;
  else delete steps.max_categories;
}

function bodyOf(column, steps, { builder, loc, part, entry, catalogue, changed, told }) {
  if (column.type === "image") return part("pixels");
  const isText = column.type === "text";
  const before = steps.categories;
  const isEmbedded = before === "embedded";
  const isCut = isText && before !== "hashed" && !isEmbedded;
  const fields = Object.fromEntries(
    fieldsOf(column, steps).map((name) => [name, nullable(entry.fields[name], column.type)]),
  );
  const plain = classFields({ ...entry, fields, required: [] }, steps, loc, catalogue, () => {
    if (steps.categories !== before) {
      settle(steps);
      builder.targetChanged(); // the model follows
    } else changed();
  });
  return h("div", { class: "stack-s" }, [
    isCut ? part("tokens") : null,
    plain,
    column.type === "timestamp" ? partsOf(steps, loc, told) : null,
    column.num_missing && !isText && !isEmbedded ? missingOf(steps, loc, told, changed) : null,
  ]);
}

/** The same with choices that may be left to the images themselves. */
const withChoices = (entry) => ({
  ...entry,
  fields: Object.fromEntries(
    Object.entries(entry.fields).map(([name, property]) => [name, nullable(property, null, "as the images are")]),
  ),
});

/** A choice that may be left as it is for all columns. Whole numbers are numbers, or they are looked up. */
function nullable(property, type, emptyLabel = "as the others") {
  const choices = property.anyOf?.find((option) => option.enum)?.enum;
  if (!choices) return property;
  const common = { description: property.description, default: "" };
  if (type === "integer" && choices.includes("embedded"))
    return { ...common, enum: ["", "one_hot", "embedded"], emptyLabel: "as a number" };
  return { ...common, enum: ["", ...choices], emptyLabel };
}

function partsOf(steps, loc, told) {
  const toggle = (part) => (isOn) => {
    const parts = PARTS.filter((one) => (one === part ? isOn : steps.parts?.includes(one)));
    if (parts.length) steps.parts = parts;
    else delete steps.parts;
    told();
  };
  const boxes = PARTS.map((part) =>
    checkbox({ label: part.replaceAll("_", " ") }, Boolean(steps.parts?.includes(part)), toggle(part)),
  );
  return h(
    "fieldset",
    { class: "field", data: { loc: [...loc, "parts"].join(".") } },
    h("legend", { class: "field-label" }, "Parts of the time that are fed"),
    h("div", { class: "row metric-boxes" }, boxes),
    h("span", { class: "field-error" }),
  );
}

function missingOf(steps, loc, told, changed) {
  const choice = select(MISSING, steps.missing?.type ?? "", (type) => {
    if (type) steps.missing = type === "constant" ? { type, value: 0 } : { type };
    else delete steps.missing;
    told();
  });
  const canIndicate = steps.missing && steps.missing.type !== "drop";
  const indicator = canIndicate
    ? checkbox(
        { label: "one more input says what was missing", loc: [...loc, "missing", "indicator"] },
        Boolean(steps.missing.indicator),
        (isOn) => {
          if (isOn) steps.missing.indicator = true;
          else delete steps.missing.indicator;
          changed();
        },
      )
    : null;
  return h(
    "div",
    { class: "form-grid" },
    field({ label: "Missing values", loc: [...loc, "missing"] }, choice),
    indicator,
  );
}

/** Which ways of changing images are on, each with its own fields. */
export function augmentPart(builder, redraw) {
  const { draft, catalogue } = builder;
  draft.data.augment ??= [];
  const own = draft.data.augment;
  const at = (type) => own.findIndex((one) => one.type === type);
  const toggle = (type) => (isOn) => {
    if (isOn) own.push({ type });
    else own.splice(at(type), 1);
    redraw();
    builder.changed();
  };
  const boxes = catalogue.augmentations.map(({ type, title, help }) =>
    checkbox({ label: title, help }, at(type) >= 0, toggle(type)),
  );
  const fields = own.map((one, i) => {
    const entry = catalogue.augmentations.find(({ type }) => type === one.type);
    return h(
      "div",
      { class: "column-steps", data: { loc: `data.augment.${i}` } },
      h("strong", {}, entry.title),
      h("span", { class: "muted small" }, entry.help),
      classFields(entry, one, ["data", "augment", i], catalogue, () => builder.changed()),
      h("span", { class: "field-error" }),
    );
  });
  return h(
    "details",
    { class: "more", open: own.length > 0 },
    h("summary", {}, "Training images that change each time they are seen"),
    h("div", { class: "row metric-boxes" }, boxes),
    fields,
  );
}
