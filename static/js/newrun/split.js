// Which rows train, validate and test: the kind of split, and its fields.

import { h } from "../dom.js";
import { classFields, field, select, textField } from "../forms.js";
import { splitOf } from "./splitkinds.js";

const LABELS = {
  shares: "at random, by shares",
  grouped: "at random, by whole groups",
  time: "by time: the latest are the test",
  k_fold: "into folds, one of which validates",
  column: "by a column",
};
const IN_ORDER = "Rows are dealt in the order of the table: the first train, the last are the test.";
const valuesOf = (name) => ({
  name,
  help: `its values for ${name}`,
  kind: "mixed",
  choices: [],
  isList: true,
  items: "string",
  isNullable: false,
  default: undefined,
  isRequired: true,
});

/** `columns` are those of the dataset; empty while they are not known. `redraw` is called when the kind changes. */
export function splitPart(builder, columns, redraw) {
  const { draft, catalogue } = builder;
  const { split } = draft.data;
  const changed = () => builder.changed();
  const kinds = catalogue.splits.map(({ type }) => ({ value: type, label: LABELS[type] ?? type }));
  const choice = select(kinds, split.type, (type) => {
    draft.data.split = splitOf(type, split, columns, draft.data.window);
    redraw();
    changed();
  });
  const entry = catalogue.splits.find(({ type }) => type === split.type);
  const help = split.type === "shares" && split.shuffle === false ? IN_ORDER : entry?.help;
  return h(
    "div",
    { class: "stack-s", data: { loc: "data.split" } },
    h(
      "div",
      { class: "form-grid wide-fields" },
      field({ label: "Split", help, loc: ["data", "split", "type"] }, choice),
    ),
    split.type === "column"
      ? byColumn(split, columns, changed)
      : classFields(withColumns(entry, columns), split, ["data", "split"], catalogue, changed),
    h("span", { class: "field-error" }),
  );
}

/** The same entry whose column is chosen rather than typed, where the columns are known. */
function withColumns(entry, columns) {
  if (!columns.length) return entry;
  const fields = { ...entry.fields };
  const isOrdered = ({ type }) => ["timestamp", "integer", "float"].includes(type);
  for (const name of ["column", "group", "time"].filter((one) => one in fields)) {
    const some = name === "time" || entry.type === "time" ? columns.filter(isOrdered) : columns;
    const { description, title } = fields[name];
    const isNeeded = name === "column";
    fields[name] = { description, title, enum: ["", ...some.map((one) => one.name)], emptyLabel: isNeeded ? "choose one" : "none" };
    if (!isNeeded) fields[name].default = "";
  }
  return { ...entry, fields };
}

function byColumn(split, columns, changed) {
  const set = (name) => (value) => {
    split[name] = value;
    changed();
  };
  const some = columns.filter(({ values }) => values && values.length <= 20);
  const options = [{ value: "", label: "choose one" }, ...some.map(({ name }) => ({ value: name, label: name }))];
  const values = (name) =>
    textField(valuesOf(name), split[name], ["data", "split", name], (value) => set(name)(value ?? []));
  return h(
    "div",
    { class: "form-grid" },
    field({ label: "column", loc: ["data", "split", "column"] }, select(options, split.column, set("column"))),
    values("train"),
    values("validation"),
    values("test"),
  );
}
