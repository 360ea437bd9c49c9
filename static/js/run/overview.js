// Curves, results, findings and settings.

import * as api from "../api.js";
import { ChartGroup } from "../chartgroup.js";
import { chartsFor, expectedSeries, goalOf } from "../curves.js";
import { $, debounce, h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { Series } from "../series.js";
import { settingsOf } from "../settings.js";
import { toast } from "../shell.js";

const SHOWN_FIGURES = 5;
const DETAIL_POINTS = 4000;

export class Overview {
  constructor(run, state) {
    Object.assign(this, { run, state, charts: new Map() });
    this.group = new ChartGroup(`run-${run.id}`);
    this.group.onWindow = debounce(150, (window) => this.#loadDetail(window));
    this.names = new Set(expectedSeries(run.spec));
    $("#copy-spec").addEventListener("click", () => this.#copySpec());
    this.showCharts();
    this.showResults();
    this.showFindings();
    this.#showSettings();
  }

  /** Bring the set of charts in line with the series there are; those that stand keep their place. */
  showCharts() {
    for (const name of this.state.series.keys()) this.names.add(name);
    for (const chart of chartsFor(this.names)) this.#showChart(chart);
    this.drawCharts();
  }

  #showChart({ key, title, goal, curves }) {
    const bound = curves.map((curve) => ({ ...curve, series: this.state.seriesNamed(curve.name) }));
    const shown = this.charts.get(key);
    const signature = curves.map((curve) => curve.name).join(" ");
    if (shown?.signature === signature) return;
    if (shown) shown.chart.setCurves(bound);
    const chart =
      shown?.chart ?? this.group.add(this.#figureFor(key), { title, goal, curves: bound, isLarge: key === "loss" });
    this.charts.set(key, { chart, signature });
  }

  #figureFor(key) {
    if (key === "loss") return $('[data-chart="loss"]');
    return $("#small-charts").appendChild(h("figure", { class: "card chart", data: { chart: key } }));
  }

  drawCharts() {
    this.group.end = this.state.progress?.num_steps ?? null;
    this.group.isFinal = this.state.isFinished;
    this.group.draw();
  }

  /** A window into a series that came as a summary: fetch that part in its full detail. */
  async #loadDetail(window) {
    if (!window) return;
    const [from, to] = [Math.max(0, Math.floor(window[0])), Math.ceil(window[1])];
    for (const { chart } of this.charts.values()) {
      for (const curve of chart.curves.filter(({ series }) => series.isResampled)) {
        const path = `/runs/${this.run.id}/metrics${api.query({ name: curve.name, from_step: from, to_step: to, max_points: DETAIL_POINTS })}`;
        const answer = await api.get(path).catch(() => null);
        const found = answer?.series?.[0] ?? null;
        if (!found) continue;
        const series = new Series(curve.name);
        series.reset(found);
        curve.detail = { from, to, series };
        this.group.draw();
      }
    }
  }

  // results

  showResults() {
    const { part, figures } = resultsOf(this.run, this.state);
    setText($("#results-part"), part);
    if (!figures.length) {
      replace(
        $("#results"),
        h(
          "p",
          { class: "muted wide" },
          this.state.isFinished
            ? "The run ended before there was a result."
            : "Figures appear here once the first epoch is done.",
        ),
      );
      return;
    }
    replace(
      $("#results"),
      figures.map(({ value, label }) =>
        h(
          "div",
          {},
          h("p", { class: "figure-value", title: format.exact(value) }, format.measure(value)),
          h("p", { class: "figure-label" }, label),
        ),
      ),
    );
  }

  showFindings() {
    const { findings } = this.state;
    setText($("#doctor-count"), findings.length ? format.plural(findings.length, "finding") : "");
    if (!findings.length) {
      const text = this.state.isFinished
        ? "Nothing stood out in the curves."
        : "Watches the curves while it learns. Nothing to say so far.";
      replace($("#findings"), h("p", { class: "muted" }, text));
      return;
    }
    replace(
      $("#findings"),
      findings.map((finding) => this.#finding(finding)),
    );
  }

  #finding({ title, text, fix, step }) {
    const hint = typeof fix === "string" ? fix : fix?.label;
    return h(
      "div",
      { class: "finding" },
      h("h3", {}, title),
      h("p", {}, text),
      hint ? h("p", { class: "finding-fix" }, hint) : null,
      h(
        "div",
        { class: "row" },
        h("a", { class: "button small", href: `/runs/new?from=${this.run.id}` }, "Clone and change"),
        step ? h("span", { class: "muted small figures" }, `step ${format.count(step)}`) : null,
      ),
    );
  }

  #showSettings() {
    replace(
      $("#settings"),
      settingsOf(this.run).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    );
  }

  async #copySpec() {
    try {
      await navigator.clipboard.writeText(JSON.stringify(this.run.spec, null, 2));
      toast("Copied the specification.");
    } catch {
      toast("The browser does not let this page copy.", { isError: true });
    }
  }
}

/** What the run has reached: its evaluation on rows it never saw, or the validation figures so far. */
export function resultsOf(run, state) {
  const parts = run.evaluation?.parts;
  const part = parts && ["test", "validation", "train"].find((name) => parts[name]);
  return part ? evaluated(run.evaluation, part) : measured(state);
}

function evaluated(evaluation, part) {
  const { baseline } = evaluation;
  const figures = Object.entries(evaluation.parts[part])
    .filter(([, value]) => typeof value === "number")
    .map(([name, value]) => ({ value, label: format.metricName(name) }));
  figures.sort((a, b) => (a.label === "loss") - (b.label === "loss"));
  const shown = figures.slice(0, SHOWN_FIGURES);
  const compared = baseline && ["accuracy", "loss"].find((name) => typeof baseline[name] === "number");
  if (compared) shown.push({ value: baseline[compared], label: `${compared} of ${baseline.name} (baseline)` });
  return { part: part === "train" ? "training rows" : `${part} rows`, figures: shown };
}

function measured(state) {
  const part = [...state.series.keys()].some((name) => name.startsWith("validation/") && state.seriesNamed(name).length)
    ? "validation"
    : "train";
  const figures = [];
  for (const series of state.series.values()) {
    if (!series.name.startsWith(`${part}/`) || !series.length || series.name.endsWith("epoch_loss")) continue;
    const metric = series.name.slice(part.length + 1);
    const best = part === "validation" && metric === "loss" ? series.best(goalOf(metric) ?? "min") : null;
    figures.push(
      best ? { value: best.value, label: "best loss" } : { value: series.last, label: format.metricName(metric) },
    );
  }
  figures.sort((a, b) => a.label.includes("loss") - b.label.includes("loss"));
  return {
    part: figures.length
      ? `${part === "train" ? "training" : "validation"} rows${state.isFinished ? "" : ", so far"}`
      : "",
    figures: figures.slice(0, SHOWN_FIGURES + 1),
  };
}
