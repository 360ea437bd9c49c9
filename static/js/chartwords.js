// What a chart says to those who do not see it, and to those who want the figures.

import { $, h, replace } from "./dom.js";
import * as format from "./format.js";

const COLUMNS = ["Curve", "Last", "Step", "Best", "Step", "Points"];
const MAX_LISTED = 200;

/** "Loss: train 0.21 at step 31,204, best 0.213 at step 18,000" */
export function description(chart) {
  const parts = chart.curves
    .filter(({ series }) => series.length)
    .map(({ label, series }) => `${label} ${chart.words(series.last)} at step ${format.count(series.lastStep)}`);
  const best = chart.best();
  if (best) parts.push(`best ${chart.words(best.value)} at step ${format.count(best.step)}`);
  return parts.length ? `${chart.title}: ${parts.join(", ")}` : `${chart.title}: no points yet`;
}

/** How much of what was recorded is on the screen. */
export function pointsNote(numPoints, numDrawn, isRaw = false) {
  if (numDrawn >= numPoints) return `${format.plural(numPoints, "point")}, all drawn`;
  const how = isRaw ? "each as it was recorded" : "every spike kept";
  return `${format.count(numDrawn)} of ${format.count(numPoints)} points drawn, ${how}`;
}

const PLACES = {
  step: (x) => `step ${format.count(Math.round(x))}`,
  epoch: (x) => `epoch ${format.number(Number(x.toFixed(2)))}`,
  relative: (x) => `after ${format.duration(x)}`,
  time: (x) => new Date(x * 1000).toLocaleTimeString(),
};

/** Where the crosshair stands: "step 1,204", "epoch 3.5, step 1,204". */
export function whereInWords({ unit, axis }, x) {
  const where = (PLACES[unit] ?? PLACES.step)(x);
  return axis.unit === "step" ? where : `${where}, step ${format.count(Math.round(axis.toStep(x)))}`;
}

/** The events whose signs stand so near the crosshair, in pixels. */
export function eventsNear({ group, plot, cursorX }, distance) {
  if (cursorX === null) return [];
  const at = plot.valToPos(cursorX, "x");
  const isNear = ({ step }) => Math.abs(plot.valToPos(group.axis.toX(step), "x") - at) <= distance;
  return group.events.filter(isNear).slice(0, 5);
}

/** A table of the curves' latest and best values and a list of events, folded away; `onOpen` fills them. */
export function valuesTable(title, onOpen) {
  const head = COLUMNS.map((name, i) => h("th", { scope: "col", class: i ? "right" : null }, name));
  const caption = h("caption", { class: "visually-hidden" }, `${title}, latest values`);
  const table = h("table", { class: "table" }, caption, h("thead", {}, h("tr", {}, head)), h("tbody"));
  const summary = h("summary", {}, "Values", h("span", { class: "chart-and" }, " and events"));
  const wrap = { class: "table-wrap", tabindex: "0", role: "group", aria: { label: `${title}, latest values` } };
  return h("details", { class: "chart-values", ontoggle: onOpen }, summary, h("div", wrap, table), h("ul", { class: "chart-events" }));
}

export function fillTable(chart) {
  replace(
    $("tbody", chart.details),
    chart.curves.map((curve) => rowOf(curve, chart)),
  );
  const events = [...chart.group.events].sort((a, b) => a.step - b.step).slice(-MAX_LISTED);
  replace($(".chart-events", chart.details), events.map(({ text }) => h("li", {}, text)));
}

function rowOf({ label, series }, { goal, words }) {
  const best = goal ? series.best(goal) : null;
  const figures = [
    series.length ? words(series.last) : "–",
    format.count(series.lastStep),
    best ? words(best.value) : "–",
    best ? format.count(best.step) : "–",
    format.count(series.numPoints),
  ];
  const cells = figures.map((text) => h("td", { class: "right" }, text));
  return h("tr", {}, h("th", { scope: "row" }, label), cells);
}
