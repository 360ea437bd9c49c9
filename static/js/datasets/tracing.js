// Columns along time as ECharts takes them, and the window on them. Pure.

import * as format from "../format.js";
import { valueInWords } from "../quantiles.js";

export const GRID = { left: 60, right: 16, top: 10, bottom: 26 };
export const MAX_COLUMNS = 6;
const MIN_BUCKETS = 100;
const MAX_BUCKETS = 1500;

/** As many buckets as the picture has pixels across. */
export const bucketsFor = (width) =>
  Math.round(Math.min(MAX_BUCKETS, Math.max(MIN_BUCKETS, width - GRID.left - GRID.right)));

/** A column to begin with: what is likely predicted, where it is a number; else the first that says something. */
export function likelyColumns(columns, target, along) {
  const others = columns.filter(({ name }) => name !== along);
  const first = others.find(({ name }) => name === target) ?? others.find((column) => column.num_distinct > 2) ?? others[0];
  return first ? [first.name] : [];
}

/**
 * A path through the range of each bucket, [[x, value], …], as the rows themselves would paint it; and the path of the
 * means, where any bucket has more than one row, else null.
 */
export function pathsOf({ x, low, mean, high, count }, isTime) {
  const place = isTime ? (value) => value * 1000 : (value) => value;
  const range = [];
  x.forEach((at, i) => {
    range.push([place(at), low[i]]);
    if (high[i] !== low[i]) range.push([place(at), high[i]]);
  });
  const isDense = count.some((n) => n > 1);
  return { range, means: isDense ? x.map((at, i) => [place(at), mean[i]]) : null };
}

/** One picture: a line for each group of a column, over its range. `colorOf(i)` is the colour of the i-th. */
export function seriesOption(lines, { start, end, is_time: isTime }, axis, colorOf, fadedOf) {
  const place = isTime ? 1000 : 1;
  const look = { type: "line", showSymbol: false, silent: true, emphasis: { disabled: true }, lineStyle: { width: 1.5 } };
  const series = lines.flatMap((line, i) => {
    const { range, means } = pathsOf(line, isTime);
    const [color, soft] = [colorOf(i), fadedOf(i)];
    const isAlone = range.length === 1; // one point is no line
    const painted = {
      ...look,
      data: range,
      showSymbol: isAlone,
      itemStyle: { color },
      lineStyle: means ? { width: 1, color: soft } : { width: 1.5, color },
      z: 2,
    };
    return means ? [painted, { ...look, data: means, lineStyle: { width: 1.5, color }, z: 3 }] : [painted];
  });
  return {
    useUTC: true,
    grid: GRID,
    xAxis: { ...axis({ type: isTime ? "time" : "value" }, ""), min: start * place, max: end > start ? end * place : undefined },
    yAxis: { ...axis({ type: "value" }, "") },
    series,
  };
}

/** A window after a step: "in", "out", "left", "right"; null for everything. */
export function movedWindow([start, end], step, [first, last]) {
  const width = end - start;
  const moves = {
    in: [start + width / 4, end - width / 4],
    out: [start - width / 2, end + width / 2],
    left: [start - width / 2, end - width / 2],
    right: [start + width / 2, end + width / 2],
  };
  let [from, to] = moves[step];
  if (step === "left" && from < first) [from, to] = [first, first + width];
  if (step === "right" && to > last) [from, to] = [last - width, last];
  [from, to] = [Math.max(first, from), Math.min(last, to)];
  return from <= first && to >= last ? null : [from, to];
}

/** What a picture shows, in words: how many rows, the lowest and the highest with their places. */
export function lineInWords(lines, { along, is_time: isTime }) {
  let [lowest, highest] = [null, null];
  let numValues = 0;
  for (const { x, low, high, count } of lines)
    x.forEach((at, i) => {
      numValues += count[i];
      if (lowest === null || low[i] < lowest.value) lowest = { value: low[i], at };
      if (highest === null || high[i] > highest.value) highest = { value: high[i], at };
    });
  if (!numValues) return "No value in this window.";
  const where = ({ value, at }) =>
    `${format.number(value)} ${along ? "at" : "in row"} ${along ? valueInWords(isTime ? "timestamp" : "float", at) : format.count(Math.round(at))}`;
  return `${format.plural(numValues, "value")}, lowest ${where(lowest)}, highest ${where(highest)}`;
}
