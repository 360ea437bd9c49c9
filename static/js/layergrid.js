// What a run tells of its layers, as grids to be coloured: layers by steps, and bins by steps. Pure.

import { layerParts } from "./curves.js";

/** What is told, in words; and whether it runs over many powers of ten. */
export const FIGURES = {
  grad_norm: { label: "Length of the gradient", short: "Gradient", isLog: true },
  weight_norm: { label: "Length of the weights", short: "Weights", isLog: true },
  update_ratio: { label: "Length of a step, by that of the weights", short: "Step / weights", isLog: true },
  mean: { label: "Mean of the outputs", short: "Mean", isLog: false },
  std: { label: "Spread of the outputs", short: "Spread", isLog: true },
  zeros: { label: "Share of zeros", short: "Zeros", isLog: false, range: [0, 1] },
  dead: { label: "Share of dead units", short: "Dead", isLog: false, range: [0, 1] },
  saturated: { label: "Share of saturated outputs", short: "Saturated", isLog: false, range: [0, 1] },
};

/** The figures that some series tell of, in the order above. */
export function figuresIn(names) {
  const told = new Set([...names].map((name) => layerParts(name)?.[1]));
  return Object.keys(FIGURES).filter((what) => told.has(what));
}

/**
 * One figure of every layer: {layers, steps, rows}, `rows[i][j]` the value of layer i at step j, null where there is
 * none. `series` is a map of names to {steps, values, length}; layers come in the order of `order`, then by name.
 */
export function gridOf(series, what, order = []) {
  const found = [...series.values()].filter(({ name, length }) => length && layerParts(name)?.[1] === what);
  const place = new Map(order.map((name, i) => [name, i]));
  const rank = (layer) => place.get(layer) ?? order.length;
  const byLayer = found.map((one) => ({ layer: layerParts(one.name)[0], one }));
  byLayer.sort((a, b) => rank(a.layer) - rank(b.layer) || a.layer.localeCompare(b.layer, "en", { numeric: true }));
  const steps = [...new Set(found.flatMap(({ steps: own, length }) => [...own.slice(0, length)]))].sort((a, b) => a - b);
  const at = new Map(steps.map((step, i) => [step, i]));
  const rows = byLayer.map(({ one }) => {
    const row = new Array(steps.length).fill(null);
    for (let i = 0; i < one.length; i += 1) row[at.get(one.steps[i])] = one.values[i];
    return row;
  });
  return { layers: byLayer.map(({ layer }) => layer), steps, rows };
}

/** Where each value stands in [0, 1], null where it has no place; and between which values. */
export function shadesOf(rows, { isLog = false, range = null } = {}) {
  const scaled = (value) => (isLog ? Math.log10(value) : value);
  const known = rows.flat().filter((value) => Number.isFinite(value) && (!isLog || value > 0));
  const low = range?.[0] ?? least(known);
  const high = range?.[1] ?? -least(known.map((value) => -value));
  const [from, to] = [scaled(low), scaled(high)];
  const shade = (value) => {
    if (value === null || !Number.isFinite(value)) return null;
    if (isLog && value <= 0) return 0;
    return to > from ? Math.min(1, Math.max(0, (scaled(value) - from) / (to - from))) : 0.5;
  };
  return { shades: rows.map((row) => row.map(shade)), low, high };
}

const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);

const FEW = 0.02; // of the numbers: around zero there are many bins for hardly any of them

/**
 * Histograms over the steps: {labels, steps, rows}, `rows[i][j]` the share of the numbers at step j that lie in bin i.
 * Bins at both ends that never hold anything are left out; those around zero that hold few together are one.
 * `points` are [{step, counts}], `edges` the numbers between the bins.
 */
export function binsOf(points, edges) {
  const steps = points.map(({ step }) => step);
  const filled = points.flatMap(({ counts }) => counts.flatMap((count, i) => (count ? [i] : [])));
  if (!filled.length) return { labels: [], steps, rows: [] };
  const [first, last] = [least(filled), -least(filled.map((i) => -i))];
  const shares = points.map(({ counts }) => sharesOf(counts));
  const middle = edges.length / 2;
  const around = aroundZero(shares, middle);
  const rows = [];
  const labels = [];
  for (let bin = first; bin <= last; bin += 1) {
    const isInside = Math.abs(bin - middle) <= around;
    if (isInside && bin > first && bin !== middle - around) continue;
    labels.push(isInside && around ? `within ±${short(edges[middle + around])}` : binInWords(bin, edges));
    rows.push(shares.map((share) => (isInside ? between(share, middle - around, middle + around) : share[bin])));
  }
  return { labels, steps, rows };
}

function sharesOf(counts) {
  const total = counts.reduce((a, b) => a + b, 0);
  return counts.map((count) => (total ? count / total : null));
}

const between = (share, from, to) => share.slice(from, to + 1).reduce((a, b) => a + b, 0);

/** How many bins on either side of the middle hold few numbers together with it, at every step. */
function aroundZero(shares, middle) {
  let around = 0;
  while (around + 1 < middle && shares.every((share) => between(share, middle - around - 1, middle + around + 1) <= FEW))
    around += 1;
  return around;
}

/** "0.01 to 0.018" */
export function binInWords(bin, edges) {
  const middle = edges.length / 2;
  if (bin === 0) return `below ${short(edges[0])}`;
  if (bin === edges.length) return `${short(edges.at(-1))} and more`;
  if (bin === middle) return "about 0";
  return `${short(edges[bin - 1])} to ${short(edges[bin])}`;
}

const short = (value) => {
  const [digits, power] = value.toExponential(0).split("e");
  const exponent = Number(power);
  if (exponent >= -3 && exponent <= 3) return String(Number(value.toPrecision(2))).replace("-", "−");
  return `${digits}e${exponent}`.replaceAll("-", "−");
};
