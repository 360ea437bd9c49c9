// What a split of another kind begins with: shares, seed, order and what stays together as before, where it has them. Pure.

import { splitSaid } from "../draft.js";

const SHARES = ["train", "validation", "test"];

/** `before` is the split so far; `columns` are those of the dataset, `window` what windows are made of, if any. */
export function splitOf(type, before, columns, window) {
  if (type === "k_fold") return inFolds(before);
  if (type === "column")
    return splitSaid(columns) ?? { type, column: "", train: ["train"], validation: [], test: ["test"] };
  const shares = said(before, before?.type === "k_fold" ? [] : SHARES); // folds have one of the three
  if (type === "time") return { type, column: before?.time ?? window?.time ?? timeIn(columns), ...shares };
  if (type === "grouped")
    return { type, column: before?.group ?? window?.series ?? "", ...shares, ...said(before, ["seed"]) };
  if (window || before?.shuffle === false) return { type, shuffle: false, ...shares };
  return { type, ...shares, ...said(before, ["seed", "stratify"]) };
}

/** The split as folds of all rows: what it keeps together, or in order, stays so. */
export function inFolds(split) {
  const { type, column, shuffle } = split ?? {};
  const folds = { type: "k_fold", num_folds: 5 };
  if (type === "grouped") return { ...folds, group: column, ...said(split, ["seed"]) };
  if (type === "time") return { ...folds, time: column };
  if (type !== "shares") return folds;
  return { ...folds, ...said(split, ["seed", "stratify"]), ...(shuffle === false ? { shuffle } : {}) };
}

const timeIn = (columns) => columns.find((column) => column.type === "timestamp")?.name ?? "";

/** Of some fields those that are said. */
const said = (split, names) =>
  Object.fromEntries(names.filter((name) => split?.[name] !== undefined && split[name] !== false).map((name) => [name, split[name]]));
