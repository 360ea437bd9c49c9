// What a chart says to those who do not see it, and to those who want the figures.

import { $, h, replace } from "./dom.js";
import * as format from "./format.js";

const COLUMNS = ["Curve", "Last", "Step", "Best", "Step", "Points"];

/** "Loss: train 0.21 at step 31,204, best 0.213 at step 18,000" */
export function description(chart) {
  const parts = chart.curves
    .filter(({ series }) => series.length)
    .map(({ label, series }) => `${label} ${format.measure(series.last)} at step ${format.count(series.lastStep)}`);
  const best = chart.best();
  if (best) parts.push(`best ${format.measure(best.value)} at step ${format.count(best.step)}`);
  return parts.length ? `${chart.title}: ${parts.join(", ")}` : `${chart.title}: no points yet`;
}

/** How much of what was recorded is on the screen. */
export function pointsNote(numPoints, numDrawn) {
  if (numDrawn >= numPoints) return `${format.plural(numPoints, "point")}, all drawn`;
  return `${format.count(numPoints)} points, ${format.count(numDrawn)} drawn, every spike kept`;
}

/** A table of the curves' latest and best values, folded away; `onOpen` fills it. */
export function valuesTable(title, onOpen) {
  const head = COLUMNS.map((name, i) => h("th", { scope: "col", class: i ? "right" : null }, name));
  const caption = h("caption", { class: "visually-hidden" }, `${title}, latest values`);
  const table = h("table", { class: "table" }, caption, h("thead", {}, h("tr", {}, head)), h("tbody"));
  const summary = h("summary", {}, "Values");
  return h("details", { class: "chart-values", ontoggle: onOpen }, summary, h("div", { class: "table-wrap" }, table));
}

export function fillTable(chart) {
  replace(
    $("tbody", chart.details),
    chart.curves.map((curve) => rowOf(curve, chart.goal)),
  );
}

function rowOf({ label, series }, goal) {
  const best = goal ? series.best(goal) : null;
  const figures = [
    series.length ? format.measure(series.last) : "–",
    format.count(series.lastStep),
    best ? format.measure(best.value) : "–",
    best ? format.count(best.step) : "–",
    format.count(series.numPoints),
  ];
  const cells = figures.map((text) => h("td", { class: "right" }, text));
  return h("tr", {}, h("th", { scope: "row" }, label), cells);
}
