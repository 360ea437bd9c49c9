// What the figures of a column mean to a person: its classes, which columns can be compared or drawn. Pure.

import { likelyTarget } from "../draft.js";
import * as format from "../format.js";

export const MAX_CLASSES = 50;
const NUMBERS = new Set(["integer", "float", "timestamp"]);
const CLASSES = new Set(["category", "boolean"]);

const hasManyValues = (column) => column.num_distinct > 1;

/**
 * {classes: [{value, count}], numOthers, countOthers} of a column whose values may be classes, the most frequent first;
 * null for any other. What was read before whole numbers were counted is told by a histogram with a bar for each.
 */
export function classesOf(column, numRows) {
  if (!CLASSES.has(column.type) && column.type !== "integer") return null;
  const counted = column.top_values ?? onePerBar(column);
  if (!counted?.length || (column.type === "integer" && column.num_distinct > MAX_CLASSES)) return null;
  const classes = counted.slice(0, MAX_CLASSES);
  const listed = classes.reduce((sum, { count }) => sum + count, 0);
  return {
    classes,
    numOthers: Math.max(0, column.num_distinct - classes.length),
    countOthers: Math.max(0, numRows - column.num_missing - listed),
  };
}

/** The counts of whole numbers whose histogram has a bar for each of them. */
function onePerBar({ histogram }) {
  if (!histogram || histogram.edges[1] - histogram.edges[0] !== 1) return null;
  const bars = histogram.counts.map((count, i) => ({ value: String(histogram.edges[i] + 0.5), count }));
  return bars.filter(({ count }) => count).sort((a, b) => b.count - a.count);
}

/** What always giving the most frequent class would get, and how unequal the classes are. */
export function balanceInWords({ classes, countOthers }) {
  const [first] = classes;
  const total = classes.reduce((sum, { count }) => sum + count, countOthers);
  if (!first || !total) return "";
  const share = `Always saying ${first.value} is right in ${format.measure(first.count / total)} of the rows.`;
  const last = classes.at(-1);
  if (classes.length < 2 || last.count === first.count) return share;
  const ratio = Number((first.count / last.count).toPrecision(2));
  return `${share} ${first.value} comes ${ratio < 1000 ? ratio : format.count(ratio)} times as often as ${last.value}.`;
}

/** Which columns can be classes, the likely target first among equals. */
export const classColumns = (columns, numRows) => columns.filter((column) => classesOf(column, numRows));

/** The class of a table to begin with: what a run would likely predict, else the first. */
export function likelyClass(columns) {
  const named = likelyTarget(columns);
  return columns.find(({ name }) => name === named)?.name ?? columns[0]?.name ?? "";
}

/** Columns that others can be compared with. */
export const comparable = (columns) =>
  columns.filter(({ type }) => NUMBERS.has(type) || CLASSES.has(type));

/** Numbers that can be drawn along something. */
export const drawable = (columns) =>
  columns.filter(({ type }) => type === "integer" || type === "float" || type === "boolean");

/** What numbers can be drawn along: times first. The empty name is the order of the rows. */
export function placesFor(columns) {
  const times = columns.filter((column) => column.type === "timestamp" && column.min !== null);
  const numbers = columns.filter(
    (column) => (column.type === "integer" || column.type === "float") && column.min !== null && hasManyValues(column),
  );
  return [...times, ...numbers].map(({ name }) => name);
}

/** What a table is likely drawn along: its time; the order of its rows where it has none. */
export const likelyPlace = (columns) =>
  columns.find((column) => column.type === "timestamp" && column.min !== null)?.name ?? "";

/** In the order a person expects: 2 before 10, a before b. */
const collator = new Intl.Collator("en", { numeric: true });
export const byName = (a, b) => collator.compare(String(a), String(b));

/** "12.3%"; never 0% of something. */
export const shareInWords = (share) => `${share > 0 && share < 0.001 ? "<0.1" : (share * 100).toFixed(1)}%`;
