// A chart as a file: the picture as PNG or SVG, and the figures in it as CSV.

import { h } from "./dom.js";
import { paintScene } from "./picture.js";
import { lowerBound, upperBound } from "./series.js";
import { SvgContext } from "./svgcontext.js";

const PNG_SCALE = 2;
const MARGIN = { top: 44, right: 16, bottom: 30, left: 56 };
const CSV_HEAD = ["curve", "step", "value", "lowest", "highest", "mean"];

export const FORMATS = { png: "Picture (PNG)", svg: "Picture (SVG)", csv: "Figures (CSV)" };

/** Save what a chart shows, under a name made of its title. */
export async function save(chart, format) {
  const blob = await { png: pngOf, svg: svgOf, csv: csvOf }[format](chart);
  const address = URL.createObjectURL(blob);
  const name = `${chart.group.fileName ?? "chart"}-${chart.title}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  const link = h("a", { href: address, download: `${name}.${format}` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function pngOf(chart) {
  const { width, height } = sizeOf(chart);
  const canvas = h("canvas", { width: width * PNG_SCALE, height: height * PNG_SCALE });
  const ctx = canvas.getContext("2d");
  ctx.scale(PNG_SCALE, PNG_SCALE);
  paintFigure(ctx, chart);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function svgOf(chart) {
  const { width, height } = sizeOf(chart);
  const ctx = new SvgContext(width, height);
  paintFigure(ctx, chart);
  return new Blob([ctx.toString()], { type: "image/svg+xml" });
}

/** As large as on the screen, and never so small that the words do not fit. */
function sizeOf({ plotElement: { clientWidth, clientHeight } }) {
  return { width: Math.max(480, clientWidth), height: Math.max(240, clientHeight) + MARGIN.top };
}

/** The whole figure: title, legend, axes and what stands between them. */
function paintFigure(ctx, chart) {
  const { width, height } = sizeOf(chart);
  const { colors, axis } = chart.group;
  const box = {
    left: MARGIN.left,
    top: MARGIN.top,
    width: width - MARGIN.left - MARGIN.right,
    height: height - MARGIN.top - MARGIN.bottom,
  };
  const onScreen = chart.plot.geometry();
  const into = (px, from, size, at, span) => at + ((px - from) / size) * span;
  const x = (value) => into(onScreen.x(value), onScreen.box.left, onScreen.box.width, box.left, box.width);
  const y = (value) => into(onScreen.y(value), onScreen.box.top, onScreen.box.height, box.top, box.height);
  ctx.fillStyle = colors.surface;
  ctx.fillRect(0, 0, width, height);
  paintHead(ctx, chart, colors);
  paintAxes(ctx, chart.plot.ticks(), { box, x, y, colors });
  paintScene(ctx, { ...chart.scene(), cursorStep: null }, { box, x: (step) => x(axis.toX(step)), y, scale: 1 });
}

function paintHead(ctx, { title, curves }, colors) {
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ctx.font = "600 14px Inter, sans-serif";
  ctx.fillStyle = colors.text;
  ctx.fillText(title, 16, 20);
  let left = 32 + ctx.measureText(title).width;
  ctx.font = "400 12px Inter, sans-serif";
  for (const { label, color, role } of curves.slice(0, 12)) {
    ctx.fillStyle = color ?? colors[role] ?? colors.other;
    ctx.fillRect(left, 18, 12, 3);
    ctx.fillStyle = colors.muted;
    ctx.fillText(label, left + 18, 20);
    left += 36 + ctx.measureText(label).width;
  }
}

function paintAxes(ctx, ticks, { box, x, y, colors }) {
  ctx.font = "400 11px Inter, sans-serif";
  ctx.lineWidth = 1;
  ctx.strokeStyle = colors.grid;
  ctx.fillStyle = colors.muted;
  ctx.textAlign = "right";
  for (const { at, text } of ticks.y) {
    if (!text) continue;
    ctx.beginPath();
    ctx.moveTo(box.left, y(at));
    ctx.lineTo(box.left + box.width, y(at));
    ctx.stroke();
    ctx.fillText(text, box.left - 6, y(at));
  }
  ctx.textAlign = "center";
  for (const { at, text } of ticks.x) ctx.fillText(text, x(at), box.top + box.height + 16);
}

function csvOf(chart) {
  const { unit, toX } = chart.group.axis;
  const isOther = unit !== "step";
  const head = isOther ? [...CSV_HEAD.slice(0, 2), unit, ...CSV_HEAD.slice(2)] : CSV_HEAD;
  const [from, to] = chart.group.windowInSteps();
  const rows = [head];
  for (const { curve, series: { steps, values, lows, highs, means, length } } of chart.drawn) {
    const end = upperBound(steps, length, to);
    for (let i = lowerBound(steps, length, from); i < end; i += 1) {
      const figures = [values[i], lows[i], highs[i], means[i]].map(String);
      rows.push([quoted(curve.name ?? curve.label), steps[i], ...(isOther ? [toX(steps[i])] : []), ...figures]);
    }
  }
  return new Blob([rows.map((row) => `${row.join(",")}\r\n`).join("")], { type: "text/csv" });
}

const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
