// Numbers, times and sizes in words. Pure; `app/pages.py` has the same functions for the first paint, and both are
// held to tests/js/format_cases.json.

const NONE = "–";
// Intl does the same, but to wake it takes a phone a tenth of a second.
const grouped = (value) => Number(value).toFixed(0).replace(/\B(?=(\d{3})+$)/g, ",");

/** JSON has no NaN and no infinities: they travel as words. Null stays null. */
export function toNumber(value) {
  return value === null || value === undefined ? null : Number(value);
}

function nonFinite(value) {
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "∞" : "−∞";
}

const minus = (text) => text.replace("-", "−");

function scientific(value) {
  const [mantissa, exponent] = value.toExponential(2).split("e");
  return `${minus(mantissa)}e${minus(exponent.replace("+", ""))}`;
}

/** A value as a person reads it: 0.213, 31.24, 171,274, 2.10e−5. Whole numbers stay whole. */
export function number(value) {
  const x = toNumber(value);
  if (x === null) return NONE;
  if (!Number.isFinite(x)) return nonFinite(x);
  return Number.isInteger(x) && Math.abs(x) < 1e9 ? count(x) : measure(x);
}

/** A measured value: as `number`, but its digits stay when it happens to be whole, so that a column keeps its width. */
export function measure(value) {
  const x = toNumber(value);
  if (x === null) return NONE;
  if (!Number.isFinite(x)) return nonFinite(x);
  const size = Math.abs(x);
  if (size === 0) return "0.000";
  if (size < 1e-4 || size >= 1e9) return scientific(x);
  if (size >= 1000) return minus(grouped(x));
  if (size >= 1) return minus(x.toPrecision(4));
  if (size >= 0.0995) return minus(x.toFixed(3));
  return minus(x.toPrecision(size >= 1e-3 ? 3 : 2));
}

/** A whole number with its thousands apart. */
export function count(value) {
  return value === null || value === undefined ? NONE : minus(grouped(value));
}

/** Labels of one axis, all in the same unit. */
export function ticks(values) {
  const highest = Math.max(...values.map((value) => Math.abs(value ?? 0)));
  const [unit, name] = highest >= 1e6 ? [1e6, "M"] : highest >= 1e4 ? [1e3, "k"] : [1, ""];
  return values.map((value) =>
    value === null ? "" : value === 0 ? "0" : `${minus(String(round(value / unit)))}${name}`,
  );
}

/** A number short enough for an axis: 10k, 2.5M, 0.01, 1e−5. */
export function tick(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e9 || size < 1e-4) return minus(value.toExponential()).replace("+", "");
  if (size >= 1e6) return `${minus(String(round(value / 1e6)))}M`;
  if (size >= 1e4) return `${minus(String(round(value / 1e3)))}k`;
  return minus(String(round(value)));
}

const round = (value) => Number(value.toPrecision(6));

/** Every digit there is: what hovering shows. */
export function exact(value) {
  const x = toNumber(value);
  if (x === null) return "";
  return Number.isFinite(x) ? minus(String(x)) : nonFinite(x);
}

export function percent(fraction) {
  return fraction === null || fraction === undefined ? NONE : `${Math.floor(fraction * 100)}%`;
}

/** Seconds: 15 ms, 0.2 s, 41 s, 1 min 52 s, 2 h 5 min, 3 d 4 h. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds < 0.0995) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return pair(s, 60, "min", 1, "s");
  if (s < 86400) return pair(s, 3600, "h", 60, "min");
  return pair(s, 86400, "d", 3600, "h");
}

function pair(total, large, largeName, small, smallName) {
  const rest = Math.floor((total % large) / small);
  return `${Math.floor(total / large)} ${largeName}${rest ? ` ${rest} ${smallName}` : ""}`;
}

/** How long ago: just now, 12 s ago, 3 min ago, 2 h ago, 5 days ago. */
export function age(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds < 2) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  const days = Math.floor(seconds / 86400);
  return days === 1 ? "yesterday" : `${count(days)} days ago`;
}

/** Bytes in powers of 1,000, as disks are sold: 12 B, 4.2 kB, 31 MB. */
export function bytes(size) {
  if (size === null || size === undefined) return NONE;
  if (size < 1000) return `${size} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = size / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A large count, short: 950, 12.3 k, 25.6 M, 4.09 G. */
export function short(value) {
  if (value === null || value === undefined) return NONE;
  const units = ["", "k", "M", "G", "T", "P"];
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return unit ? `${minus(size.toPrecision(3))} ${units[unit]}` : count(value);
}

/** A shape without its batch: 1 × 28 × 28; a single number has none. */
export function shape(sizes) {
  if (!sizes) return NONE;
  return sizes.length ? sizes.map((size) => count(size)).join(" × ") : "scalar";
}

export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** "train/top_3_accuracy" -> "top 3 accuracy" */
export function metricName(series) {
  const name = series.slice(series.lastIndexOf("/") + 1);
  return METRICS[name] ?? name.replaceAll("_", " ");
}

const METRICS = {
  lr: "learning rate",
  grad_norm: "gradient norm",
  mae: "mean absolute error",
  mse: "mean squared error",
  rmse: "root mean squared error",
  r2: "R²",
  f1: "F1",
  roc_auc: "ROC AUC",
};

export function capitalize(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : text;
}
