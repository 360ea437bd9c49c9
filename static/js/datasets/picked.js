// Rows of a dataset that a link names, as ?rows=3,17: fetched a stretch at a time, with their numbers.

import * as api from "../api.js";
import { rowsTable } from "../columns.js";

const MAX_ROWS = 20;
const NUMBER = "row, from 0"; // the heading of the numbers

/** The rows that an address names, ascending. */
export function pickedRows(search) {
  const named = (new URLSearchParams(search).get("rows") ?? "").split(",");
  const numbers = named.filter((text) => /^\d+$/.test(text)).map(Number);
  return [...new Set(numbers)].sort((a, b) => a - b).slice(0, MAX_ROWS);
}

/** Numbers that follow one another, as [first, how many]. */
export function stretches(numbers) {
  const found = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last && last[0] + last[1] === number) last[1] += 1;
    else found.push([number, 1]);
  }
  return found;
}

/** A table of these rows. */
export async function pickedTable(dataset, numbers) {
  const parts = await Promise.all(
    stretches(numbers).map(async ([offset, limit]) => {
      const { rows } = await api.get(`/datasets/${dataset.id}/rows${api.query({ offset, limit })}`);
      return rows.map((row, i) => ({ [NUMBER]: offset + i, ...row }));
    }),
  );
  const columns = [{ name: NUMBER, type: "integer" }, ...dataset.columns];
  const table = rowsTable(columns, parts.flat(), { title: "Rows to look at" });
  table.id = "picked-rows";
  return table;
}
