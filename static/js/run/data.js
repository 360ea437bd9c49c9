// What it was trained on.

import * as api from "../api.js";
import { columnCards, rowsTable } from "../columns.js";
import { titled } from "../datasets/names.js";
import { imageUrl } from "../datasets/rows.js";
import { h, replace } from "../dom.js";
import * as format from "../format.js";
import { splitInWords, windowInWords } from "../settings.js";
import { targetInWords, targetsOf } from "../targets.js";
import { fedNames } from "../windowdraft.js";

let shownFor = null;

export async function showData(panel, run) {
  if (shownFor === run.dataset.id) return;
  replace(panel, h("p", { class: "muted" }, "Loading the dataset…"));
  try {
    const [dataset, page] = await Promise.all([
      api.get(`/datasets/${run.dataset.id}`),
      api.get(`/datasets/${run.dataset.id}/rows${api.query({ limit: 10 })}`),
    ]);
    shownFor = run.dataset.id;
    const { data } = run.spec;
    const used = new Set(fedNames(dataset.columns, data));
    const columns = dataset.columns.filter((column) => used.has(column.name) || targetsOf(data).includes(column.name));
    replace(
      panel,
      summaryCard(run, dataset, used.size),
      columnCards(columns, { target: targetsOf(data)[0], numRows: dataset.num_rows }),
      rowsTable(columns, page.rows, { imageUrl: (name, i) => imageUrl(dataset, name, i) }),
    );
  } catch (error) {
    replace(
      panel,
      h(
        "section",
        { class: "note bad" },
        h("p", { class: "note-title" }, "The dataset could not be shown"),
        h("p", {}, error.message),
      ),
    );
  }
}

const newer = ({ id, version }) =>
  h("p", { class: "note" }, "There is a newer version: ", h("a", { href: `/datasets/${id}` }, `version ${version}`), ". This run used the one that is shown.");

function summaryCard(run, dataset, numFeatures) {
  const { data } = run.spec;
  const pairs = [
    ["dataset", h("a", { href: `/datasets/${dataset.id}` }, titled(dataset))],
    ["rows", format.count(dataset.num_rows)],
    ["features", format.count(numFeatures)],
    ["target", targetInWords(data)],
    ...(data.window ? [["window", windowInWords(data.window)]] : []),
    ["split", splitInWords(data.split)],
    ["scaling", data.scale ?? "none"],
    ["missing values", data.missing?.type ?? "error"],
    ...(data.repeats === "drop" ? [["rows that repeat an earlier one", "left out"]] : []),
    [
      "content",
      h("span", { class: "mono", title: dataset.content_hash ?? "" }, (dataset.content_hash ?? "").slice(0, 16)),
    ],
  ];
  return h(
    "section",
    { class: "card" },
    h("div", { class: "card-head" }, h("h2", {}, "What it was trained on")),
    run.newer_dataset ? newer(run.newer_dataset) : null,
    h(
      "dl",
      { class: "pairs two" },
      pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    ),
  );
}
