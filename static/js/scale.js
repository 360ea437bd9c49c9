// Ranges of axes. Pure. A range ends on round numbers, so that a new point seldom moves the picture.

/** The step of a grid with about `numSteps` lines over `span`: 1, 2 or 5 times a power of ten. */
export function niceStep(span, numSteps) {
  const rough = span / numSteps;
  const power = 10 ** Math.floor(Math.log10(rough));
  const share = rough / power;
  return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

/** The y axis for values between two bounds. Zero belongs to it when it is near. */
export function linearRange(low, high, numSteps = 5) {
  if (!(low <= high)) return [0, 1];
  if (low === high) {
    const room = Math.abs(low) / 2 || 1;
    return linearRange(low - room, high + room, numSteps);
  }
  const from = low > 0 && low < (high - low) * 0.6 ? 0 : low;
  const to = high < 0 && -high < (high - low) * 0.6 ? 0 : high;
  const step = niceStep(to - from, numSteps);
  return [clean(Math.floor(from / step + 1e-9) * step), clean(Math.ceil(to / step - 1e-9) * step)];
}

/** The same for a logarithmic axis: ends on 1, 2 or 5 times a power of ten. `low` must be above zero. */
export function logRange(low, high) {
  if (!(low > 0 && low <= high)) return [0.1, 1];
  const from = roundLog(low, Math.floor);
  const to = roundLog(high, Math.ceil);
  return from === to ? [from / 2, to * 2] : [from, to];
}

const LEADS = [1, 2, 5, 10];

function roundLog(value, direction) {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-12);
  const lead = value / power;
  const fits =
    direction === Math.floor
      ? LEADS.filter((one) => one <= lead + 1e-9).at(-1)
      : LEADS.find((one) => one >= lead - 1e-9);
  return clean(power * (fits ?? 1));
}

const clean = (value) => Number(value.toPrecision(12));

/** A line through values in a box of 100 by 28, its first `share` of the width. */
export function sparkPath(values, share) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (i) => ((i / (values.length - 1)) * 100 * share).toFixed(2);
  const y = (value) => (26 - ((value - low) / (high - low || 1)) * 24).toFixed(2);
  return values.map((value, i) => `${i ? "L" : "M"}${x(i)} ${y(value)}`).join("");
}

/** How many decimals say the steps of a grid exactly: two for 0.25, though one would tell neighbours apart. */
export function decimalsFor(step) {
  for (let decimals = 0; decimals < 12; decimals += 1) {
    const scaled = step * 10 ** decimals;
    const whole = Math.round(scaled);
    if (whole >= 1 && Math.abs(scaled - whole) < 1e-9 * whole) return decimals;
  }
  return 12;
}

/** The end of an axis that grows in leaps, so that a chart of unknown length does not creep. */
export function roomFor(lastStep) {
  if (!(lastStep > 0)) return 10;
  const leap = 10 ** Math.floor(Math.log10(lastStep)) / 2;
  return Math.ceil((lastStep * 1.02) / leap) * leap;
}
