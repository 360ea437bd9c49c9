// Cells that a person has given other values, until they become a version. Pure.

export const MAX_CELLS = 100_000; // as many as the server takes at once

/** Whether the values of a column can be typed. */
export const isEditable = ({ type }) => type !== "image" && type !== "array";

/** The value that a text stands for in a column: null is a missing one, undefined none that fits. */
export function valueOf({ type }, text) {
  const typed = text.trim();
  if (!typed) return null;
  if (type === "boolean") return { true: true, false: false }[typed.toLowerCase()];
  if (type !== "integer" && type !== "float") return type === "timestamp" ? typed : text;
  const number = Number(typed.replace("−", "-"));
  if (type === "integer") return Number.isSafeInteger(number) ? number : digitsOf(typed.replace("−", "-"));
  return Number.isFinite(number) ? number : undefined;
}

/** A whole number as text, which the server reads: as a number of ours it would be another, without a word. */
function digitsOf(typed) {
  if (!/^[+-]?\d{1,30}$/.test(typed)) return undefined;
  const exact = BigInt(typed.replace("+", ""));
  return exact === BigInt.asIntN(64, exact) ? String(exact) : undefined;
}

/** A value as text to be typed over. */
export const textOf = (value) => (value === null || value === undefined ? "" : String(value));

export class Edits {
  #cells = new Map(); // "column row" → {column, row, before, value}, in the order in which they were made
  #listeners = [];

  get size() {
    return this.#cells.size;
  }

  /** `listener` is called whenever anything is another, with who said so. */
  onChange(listener) {
    this.#listeners.push(listener);
  }

  /** What a cell was and is to be; undefined where nobody has changed it. */
  of(column, row) {
    return this.#cells.get(key(column, row));
  }

  /** What a cell is to be shown as. */
  shown(column, row, stored) {
    const edit = this.of(column, row);
    return edit ? edit.value : stored;
  }

  /** Give cells a value: [{row, before}], `before` as it is stored. One that gets its own value back is no edit. */
  set(column, cells, value, by = null) {
    for (const { row, before } of cells) {
      const at = key(column, row);
      this.#cells.delete(at);
      if (before !== value && !isRounded(before, value)) this.#cells.set(at, { column, row, before, value });
    }
    this.#tell(by);
  }

  /** Take back the last cell that was changed. */
  undo() {
    const last = [...this.#cells.keys()].at(-1);
    if (last !== undefined) this.#cells.delete(last);
    this.#tell();
  }

  clear() {
    this.#cells.clear();
    this.#tell();
  }

  /** As the server takes it. */
  body() {
    const byColumn = new Map();
    for (const { column, row, value } of this.#cells.values()) {
      if (!byColumn.has(column)) byColumn.set(column, []);
      byColumn.get(column).push({ row, value });
    }
    return { relabel: [...byColumn].map(([column, values]) => ({ column, values })) };
  }

  #tell(by = null) {
    for (const listener of this.#listeners) listener(by);
  }
}

/** Whether a text is what a whole number is shown as that lies beyond those that are told apart: it was left as it is. */
const isRounded = (before, value) => typeof before === "number" && typeof value === "string" && textOf(before) === value;

const key = (column, row) => `${row} ${column}`;
