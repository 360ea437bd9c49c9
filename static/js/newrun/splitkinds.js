// What a split of another kind begins with: what both kinds can say stays said. Pure.

import { splitSaid } from "../draft.js";

const FOLDS = { type: "k_fold", num_folds: 5 };

/** `before` is the split so far; `columns` are those of the dataset, `window` what windows are made of, if any. */
export function splitOf(type, before, columns, window) {
  if (type === "k_fold") return inFolds(before);
  if (type === "column")
    return splitSaid(columns) ?? { type, column: "", train: ["train"], validation: [], test: ["test"] };
  if (type === "time") return { type, column: before?.time ?? window?.time ?? timeIn(columns) };
  if (type === "grouped") return { type, column: before?.group ?? window?.series ?? "", ...some(before, ["seed"]) };
  return { type, ...some(before, ["seed", "stratify"]), ...(window || before?.shuffle === false ? { shuffle: false } : {}) };
}

/** The split as folds: what it keeps together, or in order, stays so. */
export function inFolds(split) {
  const { type, column, shuffle } = split ?? {};
  if (type === "grouped") return { ...FOLDS, group: column, ...some(split, ["seed"]) };
  if (type === "time") return { ...FOLDS, time: column };
  if (type !== "shares") return FOLDS;
  return { ...FOLDS, ...some(split, ["seed", "stratify"]), ...(shuffle === false ? { shuffle } : {}) };
}

const timeIn = (columns) => columns.find((column) => column.type === "timestamp")?.name ?? "";

/** Of some fields those that are said. */
const some = (split, names) => Object.fromEntries(names.filter((name) => split?.[name]).map((name) => [name, split[name]]));
