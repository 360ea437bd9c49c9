// What the columns of the list show. Pure. A column is one of ours, or the name of any setting or result.

import { titled } from "../datasets/names.js";
import * as format from "../format.js";

const PARTS = ["validation", "train", "test"];
const FIGURES = ["last", "min", "max"];
export const MAX_COLUMNS = 20;
export const DEFAULT = ["status", "curve", "loss", "accuracy", "dataset", "device", "duration"];

/** key -> {title, width in rem, sort, isRight}; `sort` is what the server sorts by, none where it cannot. */
export const OWN = {
  status: { title: "Status", width: 8.5, sort: "status" },
  curve: { title: "Loss curve", width: 8.5 },
  loss: { title: "Loss", width: 5.5, sort: "loss", isRight: true, hint: "The latest, on the validation rows where there are any" },
  accuracy: { title: "Accuracy", width: 6, sort: "accuracy", isRight: true },
  dataset: { title: "Data", width: 8 },
  model: { title: "Model", width: 9 },
  device: { title: "Device", width: 5.5 },
  duration: { title: "Time", width: 8.5, sort: "duration", isRight: true },
  created: { title: "Submitted", width: 9, sort: "created", isRight: true },
  project: { title: "Project", width: 9, sort: "project" },
  origin: { title: "From", width: 7 },
  num_parameters: { title: "Parameters", width: 7, isRight: true },
};

export const column = (key) => ({ key, ...(OWN[key] ?? { title: key, width: 8, sort: key, isRight: true }) });

/** Sound columns made of whatever was kept. */
export function columnsFrom(body) {
  if (!Array.isArray(body?.columns)) return DEFAULT;
  const keys = [...new Set(body.columns.filter((key) => typeof key === "string" && key))];
  return keys.slice(0, MAX_COLUMNS);
}

/** A phone has room for two beside the name: the first figure stands before all else. */
export function onPhone(keys) {
  const figure = keys.find((key) => column(key).isRight);
  return figure === undefined ? keys : [figure, ...keys.filter((key) => key !== figure)];
}

/** What the server must add to each run for these columns to be filled. */
export const asked = (keys) => keys.filter((key) => !OWN[key]).join(",");

/** A result by any of its names: "loss" is validation/loss, else train/loss; "train/loss.min" its least. */
export function resultOf(run, key) {
  const [, stem, suffix] = key.match(/^(.*)\.(last|min|max)$/) ?? [null, key, "last"];
  const names = stem.includes("/") ? [stem] : [...PARTS.map((part) => `${part}/${stem}`), stem];
  const found = names.map((name) => run.metrics?.[name]).find(Boolean);
  return found && FIGURES.includes(suffix) ? found[suffix] : undefined;
}

/** The text of a cell, and every digit of it; `values` are what the list was asked for besides. */
export function cellOf(run, key) {
  switch (key) {
    case "dataset":
      return { text: run.dataset ? titled(run.dataset) : "" };
    case "model":
      return { text: run.model?.name ?? "" };
    case "device":
      return { text: run.worker?.device ?? "" };
    case "project":
      return { text: run.project };
    case "origin":
      return { text: { worker: "trained here", client: "a script", tensorboard: "TensorBoard" }[run.origin] ?? run.origin };
    case "num_parameters":
      return { text: run.num_parameters ? format.count(run.num_parameters) : "" };
    default:
      return worded(resultOf(run, key) ?? run.values?.[key], Boolean(resultOf(run, key) ?? false));
  }
}

function worded(value, isMeasured) {
  if (value === undefined || value === null) return { text: "" };
  if (typeof value === "boolean") return { text: value ? "yes" : "no" };
  if (typeof value === "number") return { text: isMeasured ? format.measure(value) : format.number(value), title: format.exact(value) };
  return isMeasured ? { text: format.measure(value), title: value } : { text: value, title: value };
}

/** What a click on a header sorts by: figures from the least, then from the greatest; newest first to begin with. */
export function nextSort(sort, key) {
  if (sort === key) return `-${key}`;
  if (sort === `-${key}`) return key;
  return key === "created" || key === "accuracy" ? `-${key}` : key;
}
