// Colours for the size of a value. Pure.

/** [r, g, b] from "rgb(1, 2, 3)"; null for anything else. */
export function channels(color) {
  const found = /^rgba?\((\d+),\s*(\d+),\s*(\d+)/.exec(color);
  return found ? found.slice(1, 4).map(Number) : null;
}

/** The colour at `share` in [0, 1] of a way along some colours "rgb(…)". */
export function mix(colors, share) {
  const at = Math.min(1, Math.max(0, share)) * (colors.length - 1);
  const from = Math.min(colors.length - 2, Math.floor(at));
  const [a, b] = [channels(colors[from]), channels(colors[from + 1])];
  return `rgb(${a.map((one, i) => Math.round(one + (b[i] - one) * (at - from))).join(", ")})`;
}

/** Where each finite number stands between the lowest and the highest, in [0, 1]: a map of run id to share. */
export function sharesOf(values) {
  const finite = [...values].filter(([, value]) => typeof value === "number" && Number.isFinite(value));
  const numbers = finite.map(([, value]) => value);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const shares = new Map(finite.map(([id, value]) => [id, high > low ? (value - low) / (high - low) : 0.5]));
  return { shares, low, high };
}
