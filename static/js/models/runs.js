// The runs that trained a model: how they went, and the way to all of them in the list.

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import * as format from "../format.js";
import { cellOf } from "../runs/columns.js";
import { headOf, moment } from "./versions.js";

const SHOWN = 20;
const FIGURES = ["loss", "accuracy"];

export async function drawRuns(model, panel) {
  replace(panel, h("p", { class: "muted" }, "Looking for runs…"));
  const filter = `model:${model.id}`;
  try {
    const found = await api.get(`/runs${api.query({ filter, limit: SHOWN })}`);
    replace(panel, found.items.length ? runsCard(found, filter) : none(model));
  } catch (error) {
    replace(panel, h("p", { class: "field-error", role: "alert" }, error.message));
  }
}

const none = (model) =>
  h(
    "section",
    { class: "card empty" },
    h("h2", {}, "No runs yet"),
    h("p", {}, "Runs that are started with this model stand here. Those that wrote the same layers themselves do not."),
    h("a", { class: "button primary", href: `/runs/new?model=${model.id}` }, "New run with this model"),
  );

function runsCard({ items, num_matching: num }, filter) {
  const heads = [
    ["Run"],
    ["Status"],
    ...FIGURES.map((name) => [format.capitalize(name), 1]),
    ["Data"],
    ["Time", 1],
    ["Submitted", 1],
  ];
  return h(
    "section",
    { class: "card flush", "aria-label": "Runs" },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, format.plural(num, "run")),
      h("a", { href: `/runs${api.query({ filter })}` }, num > SHOWN ? "See all in the list" : "See them in the list"),
    ),
    h(
      "div",
      { class: "table-wrap" },
      h("table", { class: "table cards-when-narrow" }, headOf(heads), h("tbody", {}, items.map(row))),
    ),
  );
}

function row(run) {
  const figure = (name) => {
    const { text, title } = cellOf(run, name);
    return h("td", { class: "right figures", title: title || null, data: { label: format.capitalize(name) } }, text);
  };
  return h(
    "tr",
    { class: "linked" },
    h("th", { scope: "row" }, h("a", { class: "row-link", href: `/runs/${run.id}` }, run.name)),
    h(
      "td",
      { data: { label: "Status" } },
      h("span", { class: "status", data: { status: run.status } }, h("span", {}, run.status)),
    ),
    FIGURES.map(figure),
    h("td", { class: "muted", data: { label: "Data" } }, cellOf(run, "dataset").text),
    h(
      "td",
      { class: "right", data: { label: "Time" } },
      run.duration_s === null ? "" : format.duration(run.duration_s),
    ),
    h("td", { class: "right muted", data: { label: "Submitted" } }, moment(run.created_at)),
  );
}
