// Which series share a chart, and how they are drawn. Pure.

import { capitalize, metricName } from "./format.js";

const ROLES = ["train", "validation", "test"];
const LOWER_IS_BETTER = /(^|_)(loss|mae|mse|rmse|error|perplexity)$/;
const HIGHER_IS_BETTER = /(accuracy|precision|recall|f1|r2|auc)/;
const LAST = ["optimizer", "system"];
const LAYER_SERIES = /^layers\/(.+)\/(grad_norm|weight_norm|update_ratio|mean|std|zeros|dead|saturated)$/;

/** "layers/stage.2.conv/mean" -> ["stage.2.conv", "mean"]; null for other series. */
export const layerParts = (name) => LAYER_SERIES.exec(name)?.slice(1) ?? null;

/** "train/loss" -> {part: "train", metric: "loss"} */
export function partsOf(name) {
  const cut = name.indexOf("/");
  return cut < 0 ? { part: "", metric: name } : { part: name.slice(0, cut), metric: name.slice(cut + 1) };
}

/** Whether a lower or a higher value is better: "min", "max", or null when neither is. */
export function goalOf(metric) {
  if (LOWER_IS_BETTER.test(metric)) return "min";
  return HIGHER_IS_BETTER.test(metric) ? "max" : null;
}

/**
 * The charts for some series names: [{key, title, goal, curves: [{name, role, label, isSmoothed, isDashed}]}], the
 * loss first, then what is measured on parts of the data, then optimizer and system. The test is no curve: it is one
 * value at the end, and stands among the results.
 */
export function chartsFor(names) {
  const charts = new Map();
  for (const name of [...names].sort()) {
    const { part, metric } = partsOf(name);
    if (part === "test" || isOfLayer(name)) continue;
    const isMeasured = ROLES.includes(part);
    const key = metric === "epoch_loss" ? "loss" : isMeasured ? metric : name;
    if (!charts.has(key))
      charts.set(key, {
        key,
        title: titleOf(name, isMeasured),
        goal: isMeasured ? goalOf(metric) : null,
        curves: [],
        group: isMeasured ? "" : part,
      });
    charts.get(key).curves.push(curveOf(name, part, metric, isMeasured));
  }
  for (const chart of charts.values()) chart.curves.sort((a, b) => rank(a) - rank(b));
  return [...charts.values()].sort((a, b) => order(a) - order(b) || a.key.localeCompare(b.key));
}

/** Whether a series tells of a layer: those have a tab of their own. */
export const isOfLayer = (name) => LAYER_SERIES.test(name);

function titleOf(name, isMeasured) {
  const { part, metric } = partsOf(name);
  if (isMeasured) return metric === "epoch_loss" ? "Loss" : capitalize(metricName(name));
  if (part === "system") return capitalize(metric.replaceAll("_", " ").replace(/ bytes$/, ""));
  return capitalize(part && part !== "optimizer" ? `${part} ${metricName(name)}`.replaceAll("_", " ") : metricName(name));
}

function curveOf(name, part, metric, isMeasured) {
  const isMean = metric === "epoch_loss";
  return {
    name,
    role: isMeasured ? part : "other",
    label: isMean ? "epoch mean" : isMeasured ? part : metricName(name),
    isSmoothed: (part === "train" && !isMean) || metric === "grad_norm",
    isDashed: isMean,
  };
}

const rank = (curve) => (curve.isDashed ? 0.5 : Math.max(0, ROLES.indexOf(curve.role)));

function order({ key, group }) {
  if (key === "loss") return 0;
  return 1 + LAST.indexOf(group) + 1;
}

/** The series that a run of this specification will have: their charts stand before the first point comes. */
export function expectedSeries(spec) {
  if (spec?.config) return []; // a script reports it: what it will say is not known before
  const training = spec?.training ?? {};
  const metrics = training.outputs
    ? Object.entries(training.outputs).flatMap(([name, one]) => ["loss", ...metricsOf(one)].map((own) => `${name}_${own}`))
    : metricsOf(training);
  const parts = hasValidation(spec) ? ["train", "validation"] : ["train"];
  return [
    ...["loss", ...metrics].flatMap((metric) => parts.map((part) => `${part}/${metric}`)),
    "optimizer/lr",
    "optimizer/grad_norm",
  ];
}

const metricsOf = ({ metrics }) =>
  (metrics ?? []).map(({ type, k }) => (type === "top_k_accuracy" ? `top_${k ?? 3}_accuracy` : type));

function hasValidation(spec) {
  const split = spec?.data?.split;
  if (!split) return false;
  return split.type === "column" ? split.validation?.length > 0 : split.validation > 0;
}
