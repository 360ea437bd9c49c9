// What the runs of a group came to, each metric with its deviation, and the runs themselves.

import { h } from "../dom.js";
import * as format from "../format.js";
import { placeOf } from "./words.js";

const MAX_FIGURES = 6; // columns beside each run

const HEADS = [
  ["Mean", "of the runs that have come to a value"],
  ["Deviation", "the standard deviation of a sample: divided by the number of runs less one"],
  ["Lowest", ""],
  ["Highest", ""],
  ["95 % interval", "where the mean lies, by Student's t, if the runs were independent; folds share rows, so theirs is wider"],
  ["Runs", "that have come to a value"],
];

/** A row for each metric on each part: mean, deviation, ends, interval. */
export function figuresTable({ figures, runs }) {
  if (!figures.length)
    return h("p", { class: "muted" }, "Figures appear here as the runs end: each is evaluated with the weights it keeps.");
  const body = figures.map((one) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, `${format.capitalize(format.metricName(one.metric))}, ${one.part}`),
      cells(one, runs.length).map(([text, exact], i) =>
        h("td", { class: "right figures", title: exact }, text),
      ),
    ),
  );
  return wrapped("Results of the group", ["Metric", ...HEADS.map(([name]) => name)], body, [
    "",
    ...HEADS.map(([, help]) => help),
  ]);
}

function cells({ mean, std, min, max, interval, num_runs: numRuns }, all) {
  const number = (value) => (value === null ? ["–", null] : [format.measure(value), format.exact(value)]);
  const ends = interval ? `${format.measure(interval[0])} to ${format.measure(interval[1])}` : "–";
  const [deviation, exact] = number(std);
  return [
    number(mean),
    [std === null ? deviation : `± ${deviation}`, exact],
    number(min),
    number(max),
    [ends, interval?.map(format.exact).join(" to ") ?? null],
    [numRuns === all ? String(all) : `${numRuns} of ${all}`, null],
  ];
}

/** A row for each run: how it stands, and what it came to on the part that counts. */
export function runsTable({ figures, runs }) {
  const shown = figures.filter(({ part }) => part === figures[0].part).slice(0, MAX_FIGURES);
  const names = shown.map(({ metric, part }) => `${format.capitalize(format.metricName(metric))}, ${part}`);
  const body = runs.map((run, i) =>
    h(
      "tr",
      { class: "linked", data: { run: run.id } },
      h(
        "th",
        { scope: "row" },
        h("a", { class: "row-link", href: `/runs/${run.id}`, title: run.name }, format.capitalize(placeOf(run.group))),
      ),
      h(
        "td",
        {},
        h(
          "span",
          { class: "status", data: { status: run.status } },
          h("span", {}, run.status),
          h("span", { class: "muted small figures" }, share(run)),
        ),
      ),
      shown.map(({ values }, j) =>
        h("td", { class: "right figures" }, values[i] === null ? "–" : format.measure(values[i])),
      ),
      h("td", { class: "right" }, run.duration_s === null ? "–" : format.duration(run.duration_s)),
    ),
  );
  return wrapped("Runs of the group", ["Run", "Status", ...names, "Time"], body);
}

function share({ status, progress }) {
  return status === "running" && progress?.num_steps ? format.percent(progress.step / progress.num_steps) : "";
}

function wrapped(label, heads, rows, titles = []) {
  const isNumber = (i) => i > 0 && heads[i] !== "Status";
  const head = heads.map((name, i) =>
    h("th", { scope: "col", class: isNumber(i) ? "right" : null, title: titles[i] || null }, name),
  );
  return h(
    "div",
    { class: "table-wrap", tabindex: "0", role: "region", aria: { label } },
    h(
      "table",
      { class: "table group-table" },
      h("caption", { class: "visually-hidden" }, label),
      h("thead", {}, h("tr", {}, head)),
      h("tbody", {}, rows),
    ),
  );
}
