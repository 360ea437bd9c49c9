// A chart between its axes: what there is to draw of its curves, and in which order it is painted. Knows neither uPlot nor
// the page, so that the same strokes go onto the screen, into a PNG and into an SVG.

import * as format from "./format.js";
import * as paint from "./paint.js";
import { linearRange, logRange } from "./scale.js";
import { band, decimate, edges, isDense, nonFinite, numHeld, thin } from "./sampling.js";
import { Smoothing } from "./smoothing.js";

const MIN_SMOOTHED = 3; // fewer points than this are a line already
const NOISY_FROM = 24; // and fewer than this are not smoothed unless a person asked for it
const SPIKE = 0.03; // of the height: what sticks out by more is drawn as a line, not only as a part of the band
const FEW = 16; // so few points are shown as dots

/**
 * What there is to draw of a curve. view: {from, to (steps), numColumns, column(step), smoothing, isAsked, axisLength}.
 * Returns {curve, line, band, smooth, marks, isRaw, numDrawn}.
 */
export function prepare(curve, view) {
  const { from, to, numColumns, column } = view;
  const found = seriesFor(curve, from, to);
  const { series } = found;
  const hasBand = isDense(series, from, to, numColumns);
  const choose = hasBand ? edges : decimate;
  return {
    curve,
    series,
    line: choose(series, from, to, numColumns, column),
    band: hasBand ? band(series, from, to, numColumns, column) : null,
    smooth: isSmoothed(curve, series, view)
      ? thin(series, found.smoothing().update(view.smoothing, view.axisLength), from, to, numColumns, column)
      : null,
    marks: nonFinite(series, from, to, numColumns, column),
    isRaw: !hasBand && !(series.isResampled && series.numPoints > series.length),
    numDrawn: Math.min(numHeld(series, from, to), 4 * numColumns),
  };
}

/** Whether the detail of a curve shows a whole window. One that reached the end does until the run has gone beyond it. */
export function covers({ series, detail }, from, to) {
  if (!detail || (detail.numGhosts ?? 0) !== series.ghosts.length || from < detail.from) return false;
  return detail.to >= to || Boolean(detail.isUpToEnd && series.lastStep <= detail.to);
}

/** The finest series that covers a window: the detail that was fetched, kept up with what came since, or what the page has. */
function seriesFor(curve, from, to) {
  const { detail } = curve;
  if (!covers(curve, from, to)) return { series: curve.series, smoothing: () => curve.smoothing };
  if (detail.isUpToEnd) detail.series.follow(curve.series, detail.to);
  return {
    series: detail.series,
    smoothing: () => (detail.smoothing ??= new Smoothing(detail.series, curve.smoothing)),
  };
}

function isSmoothed(curve, series, { smoothing, isAsked }) {
  if (!(smoothing > 0) || curve.isSmoothed === false || series.length < MIN_SMOOTHED) return false;
  if (isAsked) return true;
  return Boolean(curve.isSmoothed) && series.length >= NOISY_FROM && series.isNoisy();
}

/** The y axis for what is drawn; from zero where that is asked for. */
export function rangeOf(drawn, { isLog, isLarge, isFromZero }) {
  let [low, high] = [Infinity, -Infinity];
  const take = (value) => {
    if (value === null || (isLog && !(value > 0))) return;
    if (value < low) low = value;
    if (value > high) high = value;
  };
  for (const { line, band: spread, curve } of drawn) {
    line.values.forEach(take);
    spread?.lows.forEach(take);
    spread?.highs.forEach(take);
    curve.spread?.lows.forEach(take);
    curve.spread?.highs.forEach(take);
  }
  if (isLog) return logRange(low, high);
  return linearRange(isFromZero ? Math.min(0, low) : low, high, isLarge ? 5 : 3);
}

/** scene: {drawn, colors, isLarge, best, events, cursorStep}; geometry: {box, x (of steps), y, scale}. */
export function paintScene(ctx, { drawn, colors, isLarge, best, events, cursorStep }, { box, x, y, scale }) {
  const font = `500 ${11 * scale}px Inter, sans-serif`;
  const colorOf = (curve) => curve.color ?? colors[curve.role] ?? colors.other;
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.left, box.top - scale, box.width + 2 * scale, box.height + 2 * scale);
  ctx.clip();
  for (const { curve } of drawn) paintGhosts(ctx, curve, x, y, scale, colors.muted);
  for (const { curve, band: own, smooth } of drawn) {
    const color = colorOf(curve);
    if (curve.spread) paint.area(ctx, curve.spread, x, y, { color, alpha: 0.16 });
    if (own) paint.area(ctx, own, x, y, { color, alpha: smooth ? 0.2 : 0.32, least: scale });
    if (own) paint.spikes(ctx, own, x, y, { color, width: scale, alpha: 0.8, least: box.height * SPIKE });
  }
  for (const one of drawn) paintCurve(ctx, one, x, y, { scale, isLarge, color: colorOf(one.curve) });
  if (events.length) paint.flags(ctx, events, x, box, { colors, scale });
  if (best && isLarge) {
    const text = `best ${format.measure(best.value)}`;
    paint.upright(ctx, x(best.step), box, text, { color: colors.best, font, scale });
    paint.dot(ctx, x(best.step), y(best.value), 3.5 * scale, colors.best);
  }
  const marks = drawn.flatMap((one) => one.marks);
  if (marks.length) paint.warnings(ctx, marks, x, box, { color: colors.bad, font, scale });
  if (cursorStep !== null) {
    for (const { curve, series } of drawn) {
      const i = series.nearest(cursorStep);
      if (i < 0 || !Number.isFinite(series.values[i])) continue;
      paint.dot(ctx, x(series.steps[i]), y(series.values[i]), 3 * scale, colorOf(curve));
    }
  }
  ctx.restore();
}

function paintGhosts(ctx, { series }, x, y, scale, color) {
  const style = { color, width: scale, alpha: 0.5, dash: [4 * scale, 3 * scale] };
  for (const { steps, values } of series.ghosts) {
    const branch = { steps, values: Array.from(values, (value) => (Number.isFinite(value) ? value : null)) };
    paint.line(ctx, branch, x, y, style);
  }
}

function paintCurve(ctx, { curve, line, smooth }, x, y, { scale, isLarge, color }) {
  const width = (curve.width ?? (isLarge ? 1.75 : 1.5)) * scale;
  const dash = (curve.dash ?? (curve.isDashed ? [5, 3] : [])).map((length) => length * scale);
  if (smooth) {
    paint.line(ctx, line, x, y, { color, width: scale, alpha: 0.35 });
    paint.line(ctx, smooth, x, y, { color, width: Math.max(width, 2 * scale), dash });
    return;
  }
  paint.line(ctx, line, x, y, { color, width, dash });
  if (line.steps.length >= FEW) return;
  for (let i = 0; i < line.steps.length; i += 1) {
    if (line.values[i] !== null) paint.dot(ctx, x(line.steps[i]), y(line.values[i]), 2.5 * scale, color);
  }
}
