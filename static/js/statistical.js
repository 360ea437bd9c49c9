// What all statistical pictures share: ECharts, fetched when first needed, the colours of the theme, the look of an axis.

import { h } from "./dom.js";
import * as format from "./format.js";

const FADED = 0.13;
const FONT = "Inter";

/** A picture in an element. Resolves when the library is there. */
export async function pictureIn(element) {
  const { Picture } = await import("./echart.js");
  return new Picture(element);
}

/** A colour of the tokens as a canvas takes it. */
export function resolved(name) {
  const probe = document.body.appendChild(h("span", { hidden: true }));
  probe.style.color = `var(${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** The same colour, far back. */
export const faded = (color, alpha = FADED) => color.replace(/^rgb\(([^)]+)\)$/, `rgba($1, ${alpha})`);

/** Colours of the theme of the moment, as a canvas takes them. */
export const themeColors = () => ({
  text: resolved("--text"),
  muted: resolved("--muted"),
  grid: resolved("--grid"),
  surface: resolved("--surface"),
});

/** Draw again whenever the theme changes. */
export function onTheme(draw) {
  const soon = () => requestAnimationFrame(draw);
  addEventListener("themechange", soon);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", soon);
}

/** An axis as ECharts takes it. */
export function axisOption({ type, categories, range = {} }, name, { muted, grid }) {
  return {
    type,
    data: categories ?? undefined,
    name,
    nameLocation: "middle",
    nameTextStyle: { color: muted, fontFamily: FONT, fontSize: 12 },
    scale: true,
    boundaryGap: type === "category" ? true : ["4%", "4%"],
    ...range,
    axisLine: { lineStyle: { color: grid } },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: grid } },
    minorTick: { show: false },
    axisLabel: {
      color: muted,
      fontFamily: FONT,
      fontSize: 11,
      hideOverlap: true,
      ...(type === "category" ? { width: 90, overflow: "truncate" } : {}),
      ...(type === "value" || type === "log" ? { formatter: (value) => format.tick(value) } : {}),
    },
  };
}
