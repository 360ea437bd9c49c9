// What tells two models apart, in words. Pure.

import * as format from "../format.js";

const SIGNS = { added: "+", removed: "−", changed: "~", moved: "↕" };

/** What became of a layer, in a word; null where nothing did. */
export function becameOf({ change, is_moved: isMoved }) {
  if (change === "same") return isMoved ? "moved" : null;
  return isMoved ? `${change}, moved` : change;
}

export const signOf = ({ change, is_moved: isMoved }) => SIGNS[change === "same" && isMoved ? "moved" : change] ?? "";

/** "out_features 64 → 128"; what is not said is "nothing". */
export function fieldInWords({ name, before, after }) {
  return `${name.replace(/^arguments\./, "")} ${valueInWords(before)} → ${valueInWords(after)}`;
}

function valueInWords(value) {
  if (value === null) return "nothing";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** "2 changed, 1 added": how many of each kind; "no layer is another" where there is none. */
export function sumInWords(layers) {
  const count = (kind) => layers.filter((one) => becameOf(one)?.split(", ").includes(kind)).length;
  const words = ["changed", "added", "removed", "moved"].flatMap((kind) =>
    count(kind) ? [`${count(kind)} ${kind}`] : [],
  );
  return words.length ? `${words.join(", ")}` : "no layer is another";
}

/** Layers that stayed as they were, in a row of numbers: [{ layer }] and [{ numSame }] in their order. */
export function folded(layers) {
  const rows = [];
  for (const layer of layers) {
    if (becameOf(layer)) rows.push({ layer });
    else if (rows.at(-1)?.numSame) rows.at(-1).numSame += 1;
    else rows.push({ numSame: 1 });
  }
  return rows;
}

/** "12,345 → 23,456 (+90%)"; null where one of the two is not known. */
export function costInWords({ before, after }, write = format.count) {
  if (before === null || after === null) return null;
  if (before === after) return `${write(after)}, as before`;
  const share = before ? ` (${after > before ? "+" : "−"}${format.percent(Math.abs(after - before) / before)})` : "";
  return `${write(before)} → ${write(after)}${share}`;
}
