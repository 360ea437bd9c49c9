// What the server says of columns and a target, in words, and their pictures as ECharts takes them. Pure.

import * as format from "../format.js";
import { timeInWords } from "../quantiles.js";
import { byName } from "./figures.js";

const MEASURES = { correlation: "correlation", correlation_ratio: "correlation ratio", cramers_v: "Cramér’s V" };
const COLORS = 8;

/** {label, figure, words} of a relation: what stands beside its bar. */
export function relationInWords(relation) {
  const { measure, strength, pearson, spearman } = relation;
  if (strength === null) return { figure: "", words: relation.note ?? "" };
  if (measure !== "correlation") return { figure: format.measure(strength), words: MEASURES[measure] };
  const isRanked = Math.abs(spearman ?? 0) > Math.abs(pearson ?? 0);
  const signed = isRanked ? spearman : pearson;
  return { figure: format.measure(signed), words: isRanked ? "rank correlation" : MEASURES[measure] };
}

/** All that was measured of a pair, in a sentence. */
export function pairInWords({ measure, strength, pearson, spearman, num_rows: numRows, num_left_out: numLeftOut, note }) {
  const left = numLeftOut ? `; ${format.count(numLeftOut)} left out, where one of the two is missing` : "";
  const rows = `in ${format.plural(numRows, "row")}${left}`;
  if (strength === null) return `${format.capitalize(note ?? "nothing was measured")}, ${rows}.`;
  if (measure !== "correlation") return `${MEASURES[measure]} ${format.measure(strength)} ${rows}.`.replace(/^c/, "C");
  return `Pearson’s correlation ${format.measure(pearson)}, Spearman’s rank correlation ${format.measure(spearman)} ${rows}.`;
}

/** Columns that were not measured, by the reason: [[reason, names]]. */
export function unmeasured(relations) {
  const found = new Map();
  for (const { column, strength, note } of relations) {
    if (strength !== null) continue;
    found.set(note, [...(found.get(note) ?? []), column]);
  }
  return [...found];
}

/** A box plot's rows in the order of their names, as a person expects them. */
export const boxesInOrder = ({ boxes }) => [...boxes].sort((a, b) => byName(a.value, b.value));

/** The parts that bars are divided into: {name, color, at}, `at` their place among the counts; the rarer ones last. */
export function partsOf({ classes, has_other: hasOther }) {
  const order = classes.map((name, at) => ({ name, at })).sort((a, b) => byName(a.name, b.name));
  const parts = order.map(({ name, at }, i) => ({ name, at, color: `--run-${(i % COLORS) + 1}` }));
  return hasOther ? [...parts, { name: "all others", at: classes.length, color: "--idle" }] : parts;
}

/** The bars of a picture of shares: {value, total, shares}, in the order of their names. */
export function sharesOf({ values, counts }) {
  const bars = values.map((value, i) => {
    const total = counts[i].reduce((sum, n) => sum + n, 0);
    return { value, total, counts: counts[i], shares: counts[i].map((n) => (total ? n / total : 0)) };
  });
  return bars.sort((a, b) => byName(a.value, b.value));
}

const axisType = (type) => (type === "timestamp" ? "time" : "value");
const asPlace = (type) => (type === "timestamp" ? (value) => value * 1000 : (value) => value);

/** Points of two numbers. `axis(spec, name)` makes an axis in the look of the page. */
export function scatterOption({ x, y }, column, target, axis, color) {
  const [ofX, ofY] = [asPlace(column.type), asPlace(target.type)];
  return {
    useUTC: true,
    grid: { left: 64, right: 20, top: 12, bottom: 48 },
    xAxis: { ...axis({ type: axisType(column.type) }, column.name), nameGap: 28 },
    yAxis: { ...axis({ type: axisType(target.type) }, target.name), nameGap: 46 },
    series: [
      {
        type: "scatter",
        data: x.map((value, i) => [ofX(value), ofY(y[i])]),
        symbolSize: x.length > 500 ? 4 : 6,
        itemStyle: { color, opacity: x.length > 500 ? 0.45 : 0.65 },
        emphasis: { disabled: true },
        silent: true,
      },
    ],
  };
}

/** A box for each class, one under the other, so that names have room. */
export function boxesOption(picture, numberType, axis, { color, soft }) {
  const boxes = boxesInOrder(picture);
  const of = asPlace(numberType);
  return {
    useUTC: true,
    grid: { left: 112, right: 20, top: 8, bottom: 48 },
    xAxis: { ...axis({ type: axisType(numberType) }, picture.number), nameGap: 28 },
    yAxis: { ...axis({ type: "category", categories: boxes.map(({ value }) => value) }, ""), inverse: true },
    series: [
      {
        type: "boxplot",
        data: boxes.map(({ low, q1, median, q3, high }) => [low, q1, median, q3, high].map(of)),
        boxWidth: [6, 18],
        itemStyle: { color: soft, borderColor: color, borderWidth: 1.5 },
        emphasis: { disabled: true },
        silent: true,
      },
    ],
  };
}

/** A bar for each value of the column, divided by the classes of the target. */
export function sharesOption(picture, column, axis, colorOf) {
  const bars = sharesOf(picture);
  return {
    grid: { left: 112, right: 20, top: 8, bottom: 32 },
    xAxis: {
      ...axis({ type: "value", range: { min: 0, max: 1 } }, ""),
      boundaryGap: false,
      axisLabel: { ...axis({ type: "value" }, "").axisLabel, formatter: (share) => `${Math.round(share * 100)}%` },
    },
    yAxis: { ...axis({ type: "category", categories: bars.map(({ value }) => value) }, ""), inverse: true },
    series: partsOf(picture).map(({ name, at, color }) => ({
      type: "bar",
      name,
      stack: "shares",
      barMaxWidth: 18,
      data: bars.map(({ shares }) => shares[at]),
      itemStyle: { color: colorOf(color) },
      emphasis: { disabled: true },
      silent: true,
    })),
  };
}

/** What a picture shows, for who does not see it. */
export function pictureInWords({ picture }, column, target) {
  if (!picture) return "";
  if (picture.type === "scatter")
    return `${target} against ${column}: ${format.plural(picture.x.length, "point")}, evenly chosen`;
  if (picture.type === "boxes") {
    const medians = boxesInOrder(picture).map(({ value, median }) => `${value} ${format.number(median)}`);
    return `${picture.number} by ${picture.category}, medians: ${medians.join(", ")}`;
  }
  return `Shares of ${target} for each value of ${column}; the counts stand in the table below`;
}

/** The figures of a picture of a column as a table: {head, rows}; null of points, which have none. */
export function tableOf(picture, column, numberType) {
  const inWords = (value) => (numberType === "timestamp" ? timeInWords(value) : format.number(value));
  if (picture?.type === "boxes")
    return {
      head: [picture.category, "Rows", "Low", "First quartile", "Median", "Third quartile", "High", "Beyond"],
      rows: boxesInOrder(picture).map((one) => [
        one.value,
        format.count(one.count),
        ...[one.low, one.q1, one.median, one.q3, one.high].map(inWords),
        format.count(one.num_outside),
      ]),
    };
  if (picture?.type !== "shares") return null;
  const parts = partsOf(picture);
  return {
    head: [column, ...parts.map(({ name }) => name)],
    rows: sharesOf(picture).map(({ value, counts }) => [value, ...parts.map(({ at }) => format.count(counts[at]))]),
  };
}
