// How a person has arranged the charts of a run: which are pinned, hidden, wide, in which order, which sections are folded.
// Pure. Charts that an arrangement does not know stand where they would stand without one.

import { capitalize } from "./format.js";

const LISTS = ["pinned", "hidden", "wide", "folded", "order"];
const TITLES = { pinned: "Pinned", "": "Measured" };
const SECTIONS = ["pinned", ""]; // these come first; what is not ours stands before optimizer and system
const LAST = ["optimizer", "system"];
const FEW = 6; // so many charts need no sections

/** A sound arrangement made of whatever was kept. */
export function layoutFrom(body) {
  const textsOf = (list) => (Array.isArray(list) ? list.filter((one) => typeof one === "string") : []);
  return Object.fromEntries(LISTS.map((name) => [name, [...new Set(textsOf(body?.[name]))]]));
}

export const isUntouched = (layout) => LISTS.every((name) => !layout[name].length);

/** With a key put into one of the lists, or taken out. */
export function toggled(layout, name, key) {
  const list = layout[name];
  return { ...layout, [name]: list.includes(key) ? list.filter((one) => one !== key) : [...list, key] };
}

/** [{key, title, charts}]: the sections in the order they stand, without what is hidden or not searched for. */
export function sectionsOf(charts, layout, query = "") {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const isSought = (chart) => words.every((word) => textOf(chart).includes(word));
  const sections = new Map();
  for (const chart of ordered(charts, layout)) {
    if (layout.hidden.includes(chart.key) || !isSought(chart)) continue;
    const ownKey = charts.length <= FEW ? "" : (chart.group ?? "");
    const key = layout.pinned.includes(chart.key) ? "pinned" : ownKey;
    if (!sections.has(key)) sections.set(key, { key, title: charts.length <= FEW && !key ? "Charts" : (TITLES[key] ?? capitalize(key)), charts: [] });
    sections.get(key).charts.push(chart);
  }
  return [...sections.values()].sort((a, b) => rank(a.key) - rank(b.key) || a.title.localeCompare(b.title));
}

function rank(key) {
  if (SECTIONS.includes(key)) return SECTIONS.indexOf(key);
  return SECTIONS.length + LAST.indexOf(key) + 1;
}

const textOf = ({ key, title, curves = [] }) =>
  [key, title, ...curves.map(({ name }) => name)].join(" ").toLowerCase();

/** Those with a place of their own take it among each other; the others keep theirs. */
function ordered(charts, { order }) {
  const placed = charts.filter(({ key }) => order.includes(key));
  placed.sort((a, b) => order.indexOf(a.key) - order.indexOf(b.key));
  return charts.map((chart) => (order.includes(chart.key) ? placed.shift() : chart));
}

/** With a chart before another of the same section, or behind it where it stood before it. */
export function moved(layout, section, key, target) {
  const keys = section.map((chart) => chart.key);
  const [from, to] = [keys.indexOf(key), keys.indexOf(target)];
  if (from < 0 || to < 0 || from === to) return layout;
  keys.splice(from, 1);
  keys.splice(to, 0, key);
  return { ...layout, order: [...layout.order.filter((one) => !keys.includes(one)), ...keys] };
}
