// Where the values of a column lie, and how one of them is written. Pure.

import * as format from "./format.js";

export const QUANTILES = [1, 5, 25, 50, 75, 95, 99]; // in percent, as the server has them

/** Where quantiles lie between the lowest and the highest value, in [0, 1]; null where there is nothing to show. */
export function quantileShares({ quantiles, min, max }) {
  if (!quantiles || quantiles.length !== QUANTILES.length || !(max > min) || !Number.isFinite(max - min)) return null;
  return quantiles.map((value) => Math.min(1, Math.max(0, (value - min) / (max - min))));
}

/** A value of a column as a person reads it: times as times. */
export function valueInWords(type, value) {
  if (value === null || value === undefined) return "";
  return type === "timestamp" ? timeInWords(value) : format.number(value);
}

/** Seconds since 1970, which has no zone, as date and, where it says anything, time. */
export function timeInWords(seconds) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return format.number(seconds);
  const [day, time] = date.toISOString().split("T");
  return seconds % 86400 === 0 ? day : `${day} ${time.slice(0, seconds % 60 === 0 ? 5 : 8)}`; // no fractions of a second
}
