// Curves, results, findings and settings.

import { chartsFor, goalOf } from "../curves.js";
import { $, h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { changesOf } from "../patchwords.js";
import { settingsOf } from "../settings.js";
import { toast, toastError } from "../shell.js";
import { RunCharts } from "./runcharts.js";

const SHOWN_FIGURES = 5;

export class Overview {
  constructor(run, state) {
    Object.assign(this, { run, state });
    this.charts = new RunCharts(run, state);
    $("#copy-spec").addEventListener("click", () => this.#copySpec());
    this.showResults();
    this.showFindings();
    this.showSettings();
  }

  showCharts() {
    this.charts.show();
  }

  drawCharts() {
    this.charts.draw();
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

  #finding(finding) {
    const { kind, title, text, fix, step, patch, layers } = finding;
    const changes = patch ? changesOf(this.run.spec, patch) : [];
    return h(
      "div",
      { class: "finding", data: { kind } },
      h("h3", {}, title),
      h("p", {}, text),
      fix ? h("p", { class: "finding-fix" }, fix) : null,
      changes.length ? h("p", { class: "small finding-changes" }, "Proposed: ", changes.join("; ")) : null,
      h(
        "div",
        { class: "row" },
        changes.length ? this.#tryThis(patch) : this.#clone(),
        layers?.length ? this.#button("Show the layer", () => this.onLayer?.(layers[0])) : this.#showCurve(finding),
        step ? h("span", { class: "muted small figures" }, `step ${format.count(step)}`) : null,
      ),
    );
  }

  #button(name, act, style = "quiet") {
    return h("button", { class: `button small ${style}`, type: "button", onclick: () => act()?.catch?.(toastError) }, name);
  }

  #clone() {
    return h("a", { class: "button small", href: `/runs/new?from=${this.run.id}` }, "Clone and change");
  }

  /** What the doctor proposes: looked at in the form first, or started as it is. */
  #tryThis(patch) {
    const act = (name) => async () => (await import("./trythis.js"))[name](this.run, patch);
    return [this.#button("Try this", act("openInForm"), ""), this.#button("Start it now", act("startAtOnce"))];
  }

  #showCurve({ series }) {
    const key = series?.length ? chartsFor(series)[0]?.key : null;
    if (!key || !this.run.dataset) return null;
    const show = () => {
      const chart = $(`[data-chart="${CSS.escape(key)}"]`);
      chart?.scrollIntoView({ block: "center" });
      chart?.querySelector("button")?.focus({ preventScroll: true });
    };
    return this.#button("Show the curve", show);
  }

  showSettings() {
    replace(
      $("#settings"),
      settingsOf(this.run, [...this.state.controls.values()]).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
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

/** Numbers, and the words for those that are not finite; not the lists beside them. */
const isFigure = (value) => typeof value === "number" || typeof value === "string";

function evaluated(evaluation, part) {
  const { baseline } = evaluation;
  const figures = Object.entries(evaluation.parts[part])
    .filter(([, value]) => isFigure(value))
    .map(([name, value]) => ({ value, label: format.metricName(name) }));
  figures.sort((a, b) => (a.label === "loss") - (b.label === "loss"));
  const shown = figures.slice(0, SHOWN_FIGURES);
  const compared = baseline && ["accuracy", "loss"].find((name) => isFigure(baseline[name]));
  if (compared) shown.push({ value: baseline[compared], label: `${compared} of ${baseline.name} (baseline)` });
  const naive = evaluation.forecast?.naive;
  if (naive) shown.push({ value: naive.mae, label: "MAE of the naive forecast" });
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
