// What follows for a draft once its rows are a time series: what is fed, what orders the rows, how they are split. Pure.

import { targetsOf } from "./targets.js";

const NAMED_AS_TIME = /^(t|time|timestamp|date|datetime|step|tick)$/i;
const SHARES = { train: 0.7, validation: 0.15, test: 0.15 };

/** The split of rows that stand each by itself. */
export const usualSplit = () => ({ type: "shares", ...SHARES });

/** The columns that are fed where none are named, as the server has it. */
export function fedByDefault(columns, data) {
  const { split, window } = data;
  const targets = targetsOf(data);
  const left = window ? [split?.column, window.time, window.series] : [...targets, split?.column];
  if (window && window.ahead === 0) left.push(...targets);
  return columns.filter(({ name }) => !left.includes(name));
}

/** The names of the columns that are fed: of several inputs, one after the other. */
export function fedNames(columns, data) {
  if (data.inputs) return Object.values(data.inputs).flat();
  return data.features ?? fedByDefault(columns, data).map(({ name }) => name);
}

/** A window to begin with: ordered by a time, or by whatever is named like one. */
export function begunWindow(columns) {
  const named = ({ name, type }) => NAMED_AS_TIME.test(name) && ["integer", "float"].includes(type);
  const time = columns.find(({ type }) => type === "timestamp") ?? columns.find(named);
  return { length: 32, horizon: 1, time: time?.name ?? null, series: null };
}

/** The split that fits a window, as near to the present one as it can be. */
export function splitFor(window, split) {
  const shares = Object.fromEntries(Object.entries(SHARES).map(([part, share]) => [part, split[part] ?? share]));
  const isOfShares = Object.values(shares).every((share) => typeof share === "number");
  const kept = isOfShares ? shares : SHARES;
  if (split.type === "column") return split;
  if (split.type === "grouped" && window.series) return { ...split, column: window.series };
  if (window.time) return { type: "time", column: window.time, ...kept };
  return { type: "shares", ...kept, shuffle: false };
}
