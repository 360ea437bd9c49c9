// How good the model is, on each part of the data; who is taken for whom; what a small model has learned.

import { h, replace } from "../dom.js";
import * as format from "../format.js";
import { forecastCards } from "./forecast.js";
import { shownCard } from "./shown.js";

const PARTS = ["train", "validation", "test"];
const COUNTED = { image: "pixels", mask: "pixels", tokens: "tokens" };
const MAX_SHOWN_CLASSES = 40;
const FEW_VALUES = 12;

export function showEvaluation(panel, run, state) {
  const { evaluation } = run;
  if (!evaluation) {
    replace(panel, emptyState(state));
    return;
  }
  const parts = PARTS.filter((part) => evaluation.parts[part]);
  const judged = parts.at(-1);
  const { confusion, per_class: perClass } = evaluation.parts[judged];
  const counted = COUNTED[evaluation.shown?.kind] ?? "rows";
  const forecast = forecastCards(evaluation.forecast);
  const shown = shownCard(evaluation.shown);
  const learned = parametersCard(evaluation.parameters ?? [], run.inspection);
  replace(
    panel,
    h(
      "div",
      { class: "tab-columns" },
      h(
        "div",
        { class: "stack" },
        metricsCard(evaluation, parts),
        forecast ? forecast.steps : (shown ?? learned),
      ),
      h(
        "div",
        { class: "stack" },
        forecast ? [forecast.picture, learned] : null,
        confusion ? confusionCard(confusion, evaluation.classes ?? [], judged, counted) : null,
        perClass ? classesCard(perClass, judged, counted) : null,
        shown ? learned : null,
      ),
    ),
    Object.entries(evaluation.heads ?? {}).map(([name, head]) => headSection(name, head, parts)),
  );
}

/** One of several outputs: what is said of all, said of it alone. */
function headSection(name, head, parts) {
  const judged = parts.at(-1);
  const { confusion, per_class: perClass } = head.parts[judged];
  const counted = ["pixels", "tokens"].includes(head.places) ? head.places : "rows";
  const counts = head.weight === 1 ? "" : `counts ${head.weight} times in the loss`;
  return h(
    "section",
    { class: "head-section", aria: { label: `Output ${name}` } },
    h("div", { class: "card-head" }, h("h2", {}, `Output ${name}`), h("span", { class: "card-note" }, counts)),
    h(
      "div",
      { class: "tab-columns" },
      h("div", { class: "stack" }, metricsCard(head, parts), perClass ? classesCard(perClass, judged, counted) : null),
      confusion ? h("div", { class: "stack" }, confusionCard(confusion, head.classes ?? [], judged, counted)) : null,
    ),
  );
}

function emptyState(state) {
  const text = {
    failed: "The run failed before it could be judged.",
    cancelled: "The run was cancelled before it could be judged.",
  };
  return h(
    "section",
    { class: "card empty" },
    h("h2", {}, "No evaluation yet"),
    h(
      "p",
      {},
      text[state.status] ??
        "It follows the training: the model is judged on each part of the data, and against a baseline that needs no inputs.",
    ),
  );
}

function metricsCard(evaluation, parts) {
  const names = [...new Set(parts.flatMap((part) => Object.keys(evaluation.parts[part])))].filter(
    (name) => typeof evaluation.parts[parts.at(-1)][name] !== "object" || evaluation.parts[parts.at(-1)][name] === null,
  );
  const { baseline, heads } = evaluation;
  const cell = (value) =>
    h("td", { class: "right", title: format.exact(value) }, value === undefined ? "" : format.measure(value));
  const head = ["", ...parts, ...(baseline ? [heads ? "baseline" : baseline.name] : [])];
  return card(
    "Metrics",
    baseline ? "the last column needs no model at all" : "",
    h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "group", aria: { label: "Metrics" } },
      h(
        "table",
        { class: "table" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            head.map((name, i) => (i ? h("th", { scope: "col", class: "right" }, name) : h("td", {}))),
          ),
        ),
        h(
          "tbody",
          {},
          names.map((name) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, format.metricName(name)),
              parts.map((part) => cell(evaluation.parts[part][name])),
              baseline ? cell(baseline[name]) : null,
            ),
          ),
        ),
      ),
    ),
  );
}

function confusionCard(confusion, classes, part, counted) {
  if (confusion.length > MAX_SHOWN_CLASSES)
    return card(
      "Confusion",
      part,
      h("p", { class: "muted" }, `${confusion.length} classes are too many for a table; the API has it.`),
    );
  const names = confusion.map((_, i) => String(classes[i] ?? i));
  const worst = Math.max(1, ...confusion.flatMap((row, i) => row.filter((_, j) => i !== j)));
  const body = confusion.map((row, i) => {
    const sum = row.reduce((a, b) => a + b, 0);
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, names[i]),
      row.map((n, j) =>
        heatCell(n, i === j, i === j ? n / (sum || 1) : n / worst, `${n} of ${names[i]} taken for ${names[j]}`),
      ),
    );
  });
  const table = h(
    "table",
    { class: "confusion" },
    h("caption", { class: "visually-hidden" }, "Rows are the truth, columns the model's answers"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("td", {}),
        names.map((name) => h("th", { scope: "col" }, name)),
      ),
    ),
    h("tbody", {}, body),
  );
  return card(
    "Confusion",
    `${part} ${counted}: the truth down, answers across`,
    h(
      "div",
      { class: "table-wrap confusion-wrap", tabindex: "0", role: "group", aria: { label: "Confusion matrix" } },
      table,
    ),
  );
}

function heatCell(n, isRight, share, title) {
  const cell = h("td", { class: n ? (isRight ? "right-answer" : "wrong-answer") : "none", title }, format.count(n));
  cell.style.setProperty("--share", share.toFixed(3));
  return cell;
}

function classesCard(perClass, part, counted) {
  const scores = Object.keys(perClass[0] ?? {}).filter((name) => name !== "class" && name !== "support");
  return card(
    "Classes",
    `${part} ${counted}`,
    h(
      "div",
      { class: "table-wrap" },
      h(
        "table",
        { class: "table" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, "Class"),
            [...scores, counted].map((name) => h("th", { scope: "col", class: "right" }, name)),
          ),
        ),
        h(
          "tbody",
          {},
          perClass.map((one) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, String(one.class)),
              scores.map((name) => h("td", { class: "right" }, format.measure(one[name]))),
              h("td", { class: "right" }, format.count(one.support)),
            ),
          ),
        ),
      ),
    ),
  );
}

function parametersCard(parameters, inspection) {
  if (!parameters.length) return null;
  const types = new Map(inspection?.layers.map(({ name, type }) => [name, type]));
  const rows = parameters.map((parameter) =>
    h(
      "tr",
      {},
      h(
        "th",
        { scope: "row" },
        h("span", { class: "mono" }, parameter.name),
        " ",
        h("span", { class: "muted small" }, types.get(parameter.name.split(".")[0]) ?? ""),
      ),
      h("td", { class: "right nowrap muted" }, format.shape(parameter.shape)),
      h("td", {}, valuesOrSpread(parameter)),
    ),
  );
  return card(
    "What it learned",
    "each parameter's values, or their spread",
    h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "group", aria: { label: "Parameters" } },
      h(
        "table",
        { class: "table" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, "Parameter"),
            h("th", { scope: "col", class: "right" }, "Shape"),
            h("th", { scope: "col" }, "Values"),
          ),
        ),
        h("tbody", {}, rows),
      ),
    ),
  );
}

function valuesOrSpread({ values, mean, std, min, max }) {
  const flat = values === null || values === undefined ? null : [values].flat(Infinity);
  if (flat && flat.length <= FEW_VALUES)
    return h(
      "div",
      { class: "values-list" },
      flat.map((value) => h("span", { title: format.exact(value) }, format.measure(value))),
    );
  return h(
    "span",
    { title: `mean ${format.exact(mean)}, deviation ${format.exact(std)}` },
    `${format.measure(mean)} ± ${format.measure(std)}, from ${format.measure(min)} to ${format.measure(max)}`,
  );
}

function card(title, note, content) {
  return h(
    "section",
    { class: "card flush" },
    h("div", { class: "card-head" }, h("h2", {}, title), h("span", { class: "card-note" }, note)),
    content,
  );
}
