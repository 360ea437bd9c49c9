// Fields and forms from what the server says of its classes. Every field knows its place in the specification, so that a
// problem finds it.

import { $, $$, h, replace, setText, uniqueId } from "./dom.js";
import { placeOf } from "./draft.js";
import { fieldsOf, formatField, isDefault, labelOf, parseField } from "./schema.js";

/** A labelled control with room for its problem. `control` gets the id and what describes it. */
export function field({ label, help = "", loc = null, isWide = false, isQuiet = false }, control) {
  const id = control.id || uniqueId();
  control.id = id;
  const helpElement = help
    ? h("span", { class: isQuiet ? "visually-hidden" : "field-help", id: `${id}-help` }, help)
    : null;
  const error = h("span", { class: "field-error", id: `${id}-error` });
  control.setAttribute("aria-describedby", [help ? `${id}-help` : "", `${id}-error`].join(" ").trim());
  const labelElement = h("label", { class: "field-label", for: id, title: isQuiet && help ? help : null }, label);
  return h(
    "div",
    { class: isWide ? "field wide" : "field", data: loc ? { loc: placeOf(loc) } : {} },
    labelElement,
    control,
    helpElement,
    error,
  );
}

/** A control with its label beside it, for a bar of controls. */
export function inlineField(label, control) {
  control.id ||= uniqueId();
  return h("div", { class: "inline-field" }, h("label", { class: "muted small", for: control.id }, label), control);
}

export function select(options, value, onChange, properties = {}) {
  const drawn = options.map((option) => {
    const { value: given, label } =
      typeof option === "object" ? option : { value: option, label: labelOf(String(option)) };
    return h("option", { value: String(given), selected: String(given) === String(value ?? "") }, label);
  });
  const element = h("select", { class: "select", ...properties }, grouped(options, drawn));
  element.addEventListener("change", () => onChange(element.value));
  return element;
}

/** Options under the names of their groups, where they have any. */
function grouped(options, drawn) {
  const groups = new Map();
  options.forEach(({ group }, i) => groups.set(group, [...(groups.get(group) ?? []), drawn[i]]));
  return [...groups].map(([label, some]) => (label ? h("optgroup", { label }, some) : some));
}

export function checkbox({ label, help = "", loc = null }, isChecked, onChange) {
  const input = h("input", {
    type: "checkbox",
    checked: isChecked,
    onchange: (event) => onChange(event.target.checked),
  });
  return h(
    "div",
    { class: "field check-field", data: loc ? { loc: placeOf(loc) } : {} },
    h("label", { class: "check", title: help || null }, input, label),
    h("span", { class: "field-error" }),
  );
}

/** A text control for one field of a class; reads numbers, lists and words as the field has them. */
export function textField(descriptor, value, loc, onChange, { isQuiet = true, label = labelOf(descriptor.name) } = {}) {
  const isNumber = descriptor.kind === "integer" || descriptor.kind === "number";
  const placeholder = descriptor.isRequired
    ? null
    : formatField(descriptor.default) || (descriptor.isNullable ? "none" : null);
  const input = h("input", {
    class: "input figures",
    value: formatField(value),
    placeholder,
    inputmode: isNumber ? "decimal" : null,
    autocomplete: "off",
    spellcheck: "false",
  });
  input.addEventListener("input", () => onChange(parseField(descriptor, input.value)));
  return field({ label, help: descriptor.help, loc, isQuiet }, input);
}

/**
 * The fields of one class. `entry` is what the server says of it, `value` the specification's object, which is changed in
 * place; `onChange` is called afterwards. `catalogue` serves fields that hold another class.
 */
export function classFields(entry, value, loc, catalogue, onChange) {
  const { main, extra, isExtraSet } = splitFields(entry, value, loc, catalogue, onChange);
  if (!extra.length) return main.length ? h("div", { class: "form-grid" }, main) : h("span", { hidden: true });
  const more = h(
    "details",
    { class: "more", open: isExtraSet },
    h("summary", {}, "More"),
    h("div", { class: "form-grid" }, extra),
  );
  return h("div", { class: "stack-s" }, main.length ? h("div", { class: "form-grid" }, main) : null, more);
}

/** The same in two lists: what one sets, and what one seldom does. */
export function splitFields(entry, value, loc, catalogue, onChange, { also = {}, isQuiet = true } = {}) {
  const descriptors = fieldsOf({ properties: { ...entry.fields, ...also }, required: entry.required });
  const elementOf = (descriptor) => oneField(descriptor, value, [...loc, descriptor.name], catalogue, onChange, isQuiet);
  const extra = descriptors.filter((descriptor) => descriptor.isExtra);
  return {
    main: descriptors.filter((descriptor) => !descriptor.isExtra).map(elementOf),
    extra: extra.map(elementOf),
    isExtraSet: extra.some((descriptor) => isSet(descriptor, value[descriptor.name])),
  };
}

/** Whether a value says more than its default; a specification that was frozen says everything. */
const isSet = (descriptor, value) => value !== undefined && value !== null && !isDefault(descriptor, value);

function oneField(descriptor, owner, loc, catalogue, onChange, isQuiet) {
  const { name, kind } = descriptor;
  const set = (value) => {
    if (value === undefined || (!descriptor.isRequired && isDefault(descriptor, value))) delete owner[name];
    else owner[name] = value;
    onChange();
  };
  const current =
    owner[name] === undefined && (kind === "boolean" || kind === "choice") ? descriptor.default : owner[name];
  if (kind === "boolean") return checkbox({ label: labelOf(name), help: descriptor.help, loc }, Boolean(current), set);
  if (kind === "choice")
    return field(
      { label: labelOf(name), help: descriptor.help, loc, isQuiet },
      select(
        descriptor.choices.map((one) => (one === "" ? { value: "", label: descriptor.emptyLabel } : one)),
        current,
        set,
      ),
    );
  if (kind === "weights") return classWeights(descriptor, owner, loc, catalogue.classes?.() ?? [], onChange, isQuiet);
  if (kind === "spec") return nestedClass(descriptor, owner, loc, catalogue, onChange, isQuiet);
  return textField(descriptor, owner[name], loc, set, { isQuiet });
}

const MANY_CLASSES = 30; // of so many each is a field, of more there is a list

/** How much the rows of each class count: all alike, balanced, or as one says. */
function classWeights({ name, help }, owner, loc, classes, onChange, isQuiet) {
  const body = h("div", { class: "nested form-grid" });
  const isOwn = () => owner[name] !== undefined && owner[name] !== null && owner[name] !== "balanced";
  const number = { kind: "number", help: "", default: 1, choices: [], items: null, isList: false, isNullable: false };
  const draw = () => {
    if (!isOwn()) return replace(body);
    const isList = Array.isArray(owner[name]) || !classes.length || classes.length > MANY_CLASSES;
    const list = { ...number, name, kind: "mixed", isList, items: "number", help: "in the order of the classes" };
    const set = (value) => {
      owner[name] = value ?? {};
      onChange();
    };
    if (isList) return replace(body, textField(list, owner[name], loc, set, { label: "weights" }));
    return replace(
      body,
      classes.map((one) =>
        textField({ ...number, name: one }, owner[name][one], [...loc, one], (value) => {
          if (value === undefined) delete owner[name][one];
          else owner[name][one] = value;
          onChange();
        }, { label: one }),
      ),
    );
  };
  const options = [
    { value: "", label: "all the same" },
    { value: "balanced", label: "balanced: rare classes count more" },
    { value: "own", label: "as I say" },
  ];
  const choice = select(options, isOwn() ? "own" : (owner[name] ?? ""), (said) => {
    if (said === "") delete owner[name];
    else owner[name] = said === "own" ? {} : said;
    draw();
    onChange();
  });
  draw();
  const element = field({ label: "weight of classes", help, loc, isQuiet }, choice);
  element.append(body);
  return element;
}

/** A field that holds one of several classes, or none. */
function nestedClass({ name, help }, owner, loc, catalogue, onChange, isQuiet) {
  const kind = name === "weights" ? "weights" : "initializers";
  const entries = catalogue[kind];
  const body = h("div", { class: "nested" });
  const draw = () => {
    const entry = entries.find(({ type }) => type === owner[name]?.type);
    replace(body, entry ? classFields(entry, owner[name], loc, catalogue, onChange) : null);
  };
  const options = [
    { value: "", label: kind === "weights" ? "drawn anew" : "as torch does" },
    ...entries.map(({ type }) => ({ value: type, label: labelOf(type) })),
  ];
  const choice = select(options, owner[name]?.type ?? "", (type) => {
    if (type) owner[name] = { type };
    else delete owner[name];
    draw();
    onChange();
  });
  draw();
  const element = field({ label: labelOf(name), help, loc, isQuiet }, choice);
  element.append(body);
  return element;
}

/** One of several classes by its type, with its fields: a loss, an optimizer, a schedule. */
export function classChoice({ label, entries, owner, name, loc, catalogue, onChange }) {
  const body = h("div");
  const help = h("p", { class: "field-help" });
  const entryOf = (type) => entries.find((entry) => entry.type === type);
  const draw = () => {
    const entry = entryOf(owner[name]?.type);
    setText(help, entry?.help ?? "");
    replace(body, entry ? classFields(entry, owner[name], [...loc, name], catalogue, onChange) : null);
  };
  const choice = select(
    entries.map(({ type, group }) => ({ value: type, label: type, group })),
    owner[name]?.type,
    (type) => {
      owner[name] = { type };
      draw();
      onChange(name);
    },
  );
  draw();
  return h(
    "div",
    { class: "class-choice", data: { loc: placeOf([...loc, name]) } },
    field({ label, loc: [...loc, name, "type"] }, choice),
    help,
    body,
    h("span", { class: "field-error" }),
  );
}

/** Show each problem at the nearest place there is for it, and clear the others. Returns the elements, in order. */
export function showProblems(root, problems) {
  for (const element of $$("[data-loc]", root)) tell(element, "");
  return problems.map((problem) => {
    const place = nearest(root, problem.loc);
    if (place)
      tell(place, [place.querySelector(":scope > .field-error")?.textContent, problem.msg].filter(Boolean).join("; "));
    return place;
  });
}

/** The nearest element that there is for a place of the specification. */
export function nearest(root, loc) {
  for (let length = loc.length; length > 0; length -= 1) {
    const found = $(`[data-loc="${CSS.escape(placeOf(loc.slice(0, length)))}"]`, root);
    if (found) return found;
  }
  return null;
}

function tell(place, text) {
  setText($(":scope > .field-error", place), text);
  place.toggleAttribute("data-bad", Boolean(text));
  const control = $(":scope > .input, :scope > .select, :scope > .textarea", place);
  if (!control) return;
  if (text) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
  if (text) place.closest("details")?.setAttribute("open", "");
}
