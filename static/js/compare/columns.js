// The columns of a comparison: what was set and what came of it, each with a value for every run. Pure.

import { toNumber } from "../format.js";
import { linearRange, logRange } from "../scale.js";
import { shortKey } from "./groups.js";

const WIDE = 20; // the highest in multiples of the lowest

/** All columns: [{key, label, kind: "result" | "setting", goal, values: Map of run id to value}], results first. */
export function columnsOf({ runs, settings, results }) {
  const made = (kind) => (row) => ({
    key: row.key,
    label: kind === "setting" ? row.key : resultLabel(row.key),
    kind,
    goal: row.goal ?? null,
    values: new Map(runs.map((run, i) => [run.id, row.values[i] ?? null])),
  });
  return [...results.map(made("result")), ...settings.map(made("setting"))];
}

/** "validation/loss.min" -> "validation/loss, lowest" */
export function resultLabel(key) {
  if (key === "duration_s") return "duration, s";
  return key.replace(/\.min$/, ", lowest").replace(/\.max$/, ", highest");
}

/** A label short enough for an axis. */
export const axisLabel = ({ key, label, kind }) => (kind === "setting" ? shortKey(key) : label);

/** The runs with the best finite value, if they do not all share it; empty where nothing is better than another. */
export function bestRuns({ goal, values }) {
  if (!goal) return new Set();
  const finite = [...values].map(([id, value]) => [id, toNumber(value)]).filter(([, value]) => isFigure(value));
  if (finite.length < 2) return new Set();
  const sorted = finite.map(([, value]) => value).sort((a, b) => (goal === "min" ? a - b : b - a));
  if (sorted[0] === sorted.at(-1)) return new Set();
  return new Set(finite.filter(([, value]) => value === sorted[0]).map(([id]) => id));
}

const isFigure = (value) => value !== null && Number.isFinite(value);

/** Runs in the order of a column, "-key" from the highest down; what has no finite value comes last either way. */
export function sortRuns(runs, columns, sort) {
  if (!sort) return [...runs];
  const isDown = sort.startsWith("-");
  const key = isDown ? sort.slice(1) : sort;
  const column = key === "name" ? { values: new Map(runs.map((run) => [run.id, run.name])) } : columnOf(columns, key);
  if (!column) return [...runs];
  const ranked = runs.map((run) => ({ run, value: sortable(column.values.get(run.id)) }));
  ranked.sort((a, b) => {
    if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
    return (isDown ? -1 : 1) * inOrder(a.value, b.value);
  });
  return ranked.map(({ run }) => run);
}

export const columnOf = (columns, key) => columns.find((column) => column.key === key);

function sortable(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean") return Number(value);
  if (["NaN", "Infinity", "-Infinity"].includes(value)) return null;
  return value;
}

function inOrder(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

/**
 * An axis for a column: {type: "value" | "log" | "category", categories, of(value)}. Numbers make a value axis,
 * logarithmic when asked for and all are above zero; words and truths make categories. `of` gives null for nothing.
 */
export function axisOf(column, runs, isLog = false) {
  const values = runs.map((run) => column.values.get(run.id) ?? null);
  const numbers = values.filter((value) => typeof value === "number");
  const others = values.filter((value) => value !== null && typeof value !== "number" && !isSpelled(value));
  if (!others.length) {
    const type = isLog && numbers.length && numbers.every((value) => value > 0) ? "log" : "value";
    return { type, categories: null, of: (value) => (typeof value === "number" ? value : null) };
  }
  const categories = [...new Set(values.filter((value) => value !== null).map(String))].sort((a, b) =>
    a.localeCompare(b, "en", { numeric: true }),
  );
  return { type: "category", categories, of: (value) => (value === null ? null : categories.indexOf(String(value))) };
}

/** As `axisOf`, logarithmic where the values span so much that a linear axis would crowd them; ends on round numbers. */
export function roundAxisOf(column, runs) {
  const numbers = runs.map((run) => column.values.get(run.id)).filter((value) => typeof value === "number");
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const axis = axisOf(column, runs, low > 0 && high / low >= WIDE);
  if (axis.type === "category" || !numbers.length) return axis;
  const [min, max] = axis.type === "log" ? logRange(low, high) : linearRange(low, high);
  return { ...axis, range: { min, max } };
}

const isSpelled = (value) => value === "NaN" || value === "Infinity" || value === "-Infinity";
