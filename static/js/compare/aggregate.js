// The mean of several curves and how far they lie apart, on a common grid of steps. Pure.

const MAX_GRID = 400;

/**
 * Curves [{steps, values, length}] as one: {steps, mean, low, high, count}. The grid is their own steps where all of
 * them are few, else evenly spread. Between its points a curve is a straight line, beyond its ends it is not there;
 * values that are not finite are left out. `spread`: "range" (lowest to highest) or "deviation" (mean ± the standard
 * deviation of a sample; 0 for one curve).
 */
export function aggregate(curves, spread = "range", maxGrid = MAX_GRID) {
  const finite = curves.map(finitePart).filter((curve) => curve.steps.length);
  const grid = gridOf(finite, maxGrid);
  const found = { steps: [], mean: [], low: [], high: [], count: [] };
  const columns = finite.map((curve) => sample(curve, grid));
  for (let i = 0; i < grid.length; i += 1) {
    const values = columns.map((column) => column[i]).filter((value) => value !== null);
    if (!values.length) continue; // one curve has ended and the next one not begun
    const { mean, low, high } = figures(values, spread);
    found.steps.push(grid[i]);
    found.mean.push(mean);
    found.low.push(low);
    found.high.push(high);
    found.count.push(values.length);
  }
  return found;
}

function finitePart({ steps, values, length = steps.length }) {
  const kept = { steps: [], values: [] };
  for (let i = 0; i < length; i += 1) {
    if (!Number.isFinite(values[i])) continue;
    kept.steps.push(steps[i]);
    kept.values.push(values[i]);
  }
  return kept;
}

/** Every step that a curve has, if they are few; else `maxGrid` of them from the first to the last. */
export function gridOf(curves, maxGrid = MAX_GRID) {
  const union = [...new Set(curves.flatMap((curve) => curve.steps))].sort((a, b) => a - b);
  if (union.length <= maxGrid) return union;
  const [from, to] = [union[0], union.at(-1)];
  return Array.from({ length: maxGrid }, (_, i) => from + ((to - from) * i) / (maxGrid - 1));
}

/** A curve's value at each step of an ascending grid; null outside it. */
export function sample({ steps, values }, grid) {
  let i = 0;
  return grid.map((at) => {
    if (at < steps[0] || at > steps.at(-1)) return null;
    while (i + 1 < steps.length && steps[i + 1] <= at) i += 1;
    if (steps[i] === at || i + 1 === steps.length) return values[i];
    const part = (at - steps[i]) / (steps[i + 1] - steps[i]);
    return values[i] + part * (values[i + 1] - values[i]);
  });
}

function figures(values, spread) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (spread === "range") return { mean, low: Math.min(...values), high: Math.max(...values) };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0;
  return { mean, low: mean - deviation, high: mean + deviation };
}
