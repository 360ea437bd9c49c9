// Lines of a few hundred points in a box of 1000 by 300: their paths, and the ends of their axes. Pure.

import { toNumber } from "./format.js";
import { linearRange } from "./scale.js";

export const WIDTH = 1000;
export const HEIGHT = 300;

/**
 * {paths, x: [from, to], y: [low, high]} of `lines`, each {xs, ys}; null where no point is finite. A line breaks where a
 * value is not finite.
 */
export function drawn(lines) {
  const points = lines.map(({ xs, ys }) => xs.map((x, i) => [toNumber(x), toNumber(ys[i])]));
  const finite = points.flat().filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  if (!finite.length) return null;
  const x = extent(finite.map(([at]) => at));
  const y = linearRange(...extent(finite.map(([, value]) => value)));
  return { paths: points.map((one) => pathOf(one, x, y)), x, y };
}

const extent = (values) => [
  values.reduce((low, value) => Math.min(low, value), Infinity),
  values.reduce((high, value) => Math.max(high, value), -Infinity),
];

function pathOf(points, [from, to], [low, high]) {
  let isBroken = true;
  return points
    .map(([x, y]) => {
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        isBroken = true;
        return "";
      }
      const verb = isBroken ? "M" : "L";
      isBroken = false;
      const across = (((x - from) / (to - from || 1)) * WIDTH).toFixed(1);
      return `${verb}${across} ${(HEIGHT - ((y - low) / (high - low || 1)) * HEIGHT).toFixed(1)}`;
    })
    .join("");
}
