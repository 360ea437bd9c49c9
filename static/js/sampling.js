// What to draw of a series in a window that is so many pixel columns wide. Pure.
//
// `column(step)` says in which column a step lies, as a fraction; without it the axis is linear in steps.

import { kindOf, lowerBound, upperBound } from "./series.js";

const linear = (from, to, numColumns) => {
  const width = (to - from) / Math.max(1, numColumns) || 1;
  return (step) => (step - from) / width;
};

/** The indexes to look at for a window: one point more on either side, so that lines leave the window. */
export function windowOf(series, from, to) {
  const begin = Math.max(0, lowerBound(series.steps, series.length, from) - 1);
  const end = Math.min(series.length, upperBound(series.steps, series.length, to) + 1);
  return [begin, end];
}

/** Whether a window holds more than its columns can show point by point, so that a band has to say what lies between. */
export function isDense(series, from, to, numColumns) {
  const [begin, end] = windowOf(series, from, to);
  return end - begin > 2 * numColumns || (series.isResampled && hasSpread(series, begin, end));
}

/** Calls act(begin, end) for the points of each column that has any. */
function eachColumn(series, from, to, column, act) {
  const [first, last] = windowOf(series, from, to);
  for (let begin = first; begin < last;) {
    const at = Math.floor(column(series.steps[begin]));
    let end = begin + 1;
    while (end < last && Math.floor(column(series.steps[end])) === at) end += 1;
    act(begin, end);
    begin = end;
  }
}

/**
 * A line through first, lowest, highest and last of every column, so that no spike hides, in steps that only grow. A
 * value that is not finite becomes null: a gap in the line.
 */
export function decimate(series, from, to, numColumns, column = linear(from, to, numColumns)) {
  const width = (to - from) / Math.max(1, numColumns) || 1;
  const drawn = { steps: [], values: [] };
  eachColumn(series, from, to, column, (begin, end) => drawColumn(series, begin, end, width, drawn));
  return drawn;
}

function drawColumn(series, begin, end, width, drawn) {
  if (end - begin <= 4 && !hasSpread(series, begin, end)) {
    for (let i = begin; i < end; i += 1) push(drawn, series.steps[i], series.values[i]);
    return;
  }
  const { lowest, highest, lowAt, highAt } = extremes(series, begin, end);
  const start = series.steps[begin];
  // Where in its pixel an extreme stands cannot be seen: keep the order, take steps that lie apart.
  const span = Math.max(series.steps[end - 1] - start, width / 2);
  const [second, third] = lowAt <= highAt ? [lowest, highest] : [highest, lowest];
  push(drawn, start, series.firsts[begin]);
  push(drawn, start + span * 0.3, second);
  push(drawn, start + span * 0.6, third);
  push(drawn, start + span * 0.9, series.values[end - 1]);
}

/** A line through the first and the last value of every column: what goes with a band. */
export function edges(series, from, to, numColumns, column = linear(from, to, numColumns)) {
  const drawn = { steps: [], values: [] };
  eachColumn(series, from, to, column, (begin, end) => {
    if (end - begin > 1) push(drawn, series.steps[begin], series.firsts[begin]);
    push(drawn, series.steps[end - 1], series.values[end - 1]);
  });
  return drawn;
}

function hasSpread(series, begin, end) {
  for (let i = begin; i < end; i += 1) if (series.lows[i] !== series.highs[i]) return !Number.isNaN(series.lows[i]);
  return false;
}

function extremes(series, begin, end) {
  let [lowest, highest, lowAt, highAt] = [NaN, NaN, begin, begin];
  for (let i = begin; i < end; i += 1) {
    const [low, high] = [series.lows[i], series.highs[i]];
    if (Number.isFinite(low) && !(low >= lowest)) [lowest, lowAt] = [low, i];
    if (Number.isFinite(high) && !(high <= highest)) [highest, highAt] = [high, i];
  }
  return { lowest, highest, lowAt, highAt };
}

const finite = (value) => (Number.isFinite(value) ? value : null);

function push(drawn, step, value) {
  drawn.steps.push(step);
  drawn.values.push(finite(value));
}

/** The lowest and highest value of each of `numColumns` slices of a window; slices without points are left out. */
export function band(series, from, to, numColumns, column = linear(from, to, numColumns)) {
  const drawn = { steps: [], lows: [], highs: [] };
  eachColumn(series, from, to, column, (begin, end) => {
    const { lowest, highest } = extremes(series, begin, end);
    drawn.steps.push((series.steps[begin] + series.steps[end - 1]) / 2);
    drawn.lows.push(finite(lowest));
    drawn.highs.push(finite(highest));
  });
  return drawn;
}

/** The steps in a window whose value is not finite, at most one a column: [{step, kind: "NaN" | "∞" | "−∞"}]. */
export function nonFinite(series, from, to, numColumns, column = linear(from, to, numColumns)) {
  const marks = series.bucketMarks.filter(({ step }) => step >= from && step <= to);
  if (!series.numNonFinite) return marks;
  let lastColumn = -Infinity;
  const [begin, end] = windowOf(series, from, to);
  for (let i = begin; i < end; i += 1) {
    const value = series.values[i];
    if (Number.isFinite(value)) continue;
    const at = Math.floor(column(series.steps[i]));
    if (at === lastColumn) continue;
    lastColumn = at;
    marks.push({ step: series.steps[i], kind: kindOf(value) });
  }
  return marks;
}

/** One value a column of a smoothed line: its last. */
export function thin(series, values, from, to, numColumns, column = linear(from, to, numColumns)) {
  const [begin, end] = windowOf(series, from, to);
  const drawn = { steps: [], values: [] };
  let lastColumn = -Infinity;
  for (let i = begin; i < end; i += 1) {
    if (!Number.isFinite(values[i])) continue;
    const at = Math.floor(column(series.steps[i]));
    if (at === lastColumn) {
      drawn.steps.pop();
      drawn.values.pop();
    }
    lastColumn = at;
    drawn.steps.push(series.steps[i]);
    drawn.values.push(values[i]);
  }
  return drawn;
}

/** How many points of a series lie in a window, buckets counted as one. */
export function numHeld(series, from, to) {
  return upperBound(series.steps, series.length, to) - lowerBound(series.steps, series.length, from);
}
