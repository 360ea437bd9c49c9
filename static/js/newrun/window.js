// Whether the rows are a time series, and how it is cut: what is seen at once, what is predicted of it.

import { h } from "../dom.js";
import { checkbox, classFields, field, select } from "../forms.js";
import { begunWindow, splitFor, usualSplit } from "../windowdraft.js";

const ORDERED = ["timestamp", "integer", "float"];
const TELLS_APART = ["category", "integer"];

/** `columns` are those of the dataset; empty while they are not known. `told` is called when the rows are others. */
export function windowPart(builder, columns, told) {
  const { draft } = builder;
  const { data } = draft;
  const set = (window) => {
    data.window = window;
    if (window) data.repeats = "keep"; // a row is part of many windows
    data.split = window ? splitFor(window, data.split) : usualSplit();
    told();
  };
  const toggle = checkbox(
    {
      label: "Rows follow one another in time: see some, predict what comes next",
      help: "a time series, cut into windows",
    },
    Boolean(data.window),
    (isOn) => set(isOn ? begunWindow(columns) : null),
  );
  return h(
    "div",
    { class: "stack-s", data: { loc: "data.window" } },
    toggle,
    data.window ? windowFields(builder, columns, set) : null,
    h("span", { class: "field-error" }),
  );
}

function windowFields(builder, columns, set) {
  const { draft, catalogue } = builder;
  const { window } = draft.data;
  const entry = catalogue.windows.find(({ type }) => type === "window");
  const { time, series, ...numbers } = entry.fields;
  const choice = (name, label, help, types, none) => {
    const some = columns.filter(({ type }) => types.includes(type));
    const options = [{ value: "", label: none }, ...some.map((column) => ({ value: column.name, label: column.name }))];
    if (window[name] && !some.some((column) => column.name === window[name]))
      options.push({ value: window[name], label: window[name] });
    return field(
      { label, help, loc: ["data", "window", name] },
      select(options, window[name] ?? "", (value) => set({ ...window, [name]: value || null })),
    );
  };
  return h(
    "div",
    { class: "stack-s" },
    h(
      "div",
      { class: "form-grid wide-fields" },
      choice("time", "Order of the rows", time.description, ORDERED, "as they stand in the table"),
      choice("series", "Series", series.description, TELLS_APART, "all rows are one series"),
    ),
    classFields({ ...entry, fields: numbers }, window, ["data", "window"], catalogue, () => builder.changed()),
  );
}
