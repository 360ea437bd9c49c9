// Values of cells that are typed: in the cell itself, or in a box beside what they are for.

import { h, uniqueId } from "../dom.js";
import { textOf, valueOf } from "./edits.js";

const KINDS = { integer: "a whole number", float: "a number", boolean: "true or false", timestamp: "a date, as 2026-03-31" };

/** A box for a value of a column, with those that there are to choose from. `read()` gives undefined where none fits. */
export function valueBox(column, label, text = "") {
  const known = h("datalist", { id: uniqueId() }, (column.values ?? []).map((value) => h("option", { value: String(value) })));
  const input = h("input", {
    class: "input",
    value: text,
    list: known.id,
    placeholder: "empty: missing",
    "aria-label": label,
    autocomplete: "off",
    oninput: () => input.setCustomValidity(""),
  });
  const read = () => {
    const value = valueOf(column, input.value);
    if (value === undefined) {
      input.setCustomValidity(`${column.name} holds ${KINDS[column.type] ?? "text"}.`);
      input.reportValidity();
    }
    return value;
  };
  return { element: h("span", { class: "value-box" }, input, known), input, read };
}

/** A cell as a button that becomes a box: Enter keeps what is typed, Escape what was there. `by` is told to listeners. */
export function cellEditor(edits, column, row, stored, by) {
  const edit = edits.of(column.name, row);
  const value = edit ? edit.value : stored;
  const was = edit ? `was ${stored ?? "missing"}` : null;
  const shown = String(value ?? "missing");
  const open = () => {
    const { element, input, read } = valueBox(column, `${column.name} of row ${row}`, textOf(value));
    let isOver = false;
    const close = (isFocused) => {
      isOver = true;
      const button = cellEditor(edits, column, row, stored, by);
      element.replaceWith(button);
      if (isFocused) button.focus();
    };
    const keep = (isFocused) => {
      const typed = read();
      if (typed === undefined) return;
      edits.set(column.name, [{ row, before: stored ?? null }], typed, by);
      close(isFocused);
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close(true);
      if (event.key !== "Enter") return;
      event.preventDefault();
      keep(true);
    });
    input.addEventListener("blur", () => {
      if (isOver) return;
      if (valueOf(column, input.value) === undefined) close(false);
      else keep(false);
    });
    button.replaceWith(element);
    input.focus();
    input.select();
  };
  const button = h(
    "button",
    {
      class: edit ? "cell-edit is-edited" : "cell-edit",
      type: "button",
      title: was,
      "aria-label": [`${column.name} of row ${row}: ${shown}`, was].filter(Boolean).join(", "),
      onclick: open,
    },
    shown,
  );
  return button;
}
