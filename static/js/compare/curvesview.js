// The curves of all runs over one another: a chart for each series that was chosen, with one crosshair and one window.

import { ChartGroup } from "../chartgroup.js";
import { goalOf, partsOf } from "../curves.js";
import { $, debounce, h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { wordsOf } from "../machine.js";
import { Series } from "../series.js";
import { toastError } from "../shell.js";
import { faded, resolved } from "../statistical.js";
import { aggregate } from "./aggregate.js";
import { replaceControls } from "./controls.js";
import { MAX_CHARTS } from "./link.js";

const NEAR_PX = 40; // how near the pointer must come to a curve to mean it
const MAX_READ = 8; // runs whose values are told where the pointer is
const UNITS = { step: "step", epoch: "epoch", relative: "seconds since the start" };
const EVERY_MS = 250; // means over many runs are not made anew for each point

export class CurvesView {
  constructor(store, curves, element) {
    Object.assign(this, { store, curves, element, charts: new Map(), details: new Map() });
    this.controls = h("div", { class: "toolbar compare-controls" });
    this.note = h("p", { class: "muted small", role: "status" });
    this.grid = h("div", { class: "compare-charts" });
    replace(element, this.controls, this.note, this.grid);
    curves.addEventListener("curves", () => this.#drawSoon());
    addEventListener("themechange", () => this.#colorAgain());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#colorAgain());
    this.#startGroup();
  }

  #startGroup() {
    this.group = new ChartGroup("compare");
    this.group.isFinal = true;
    this.group.unit = this.store.state.x; // series hold what the server placed along it
    this.#smooth();
    this.group.window = this.store.state.window;
    this.group.onWindow = debounce(150, (window) => this.#windowChanged(window));
  }

  #smooth() {
    const { smooth } = this.store.state;
    Object.assign(this.group, { smoothing: smooth, isSmoothingAsked: smooth > 0 });
  }

  /** Bring everything in line with the state. `names`: the fields that changed, or null for everything. */
  async show(names = null) {
    const isNew = names === null || ["y", "x"].some((name) => names.has(name));
    if (isNew || names.has("by")) this.#showControls();
    if (names?.has("log") || names?.has("x")) this.#restart();
    if (isNew) {
      this.details.clear();
      this.#showCharts();
      await this.curves.show(this.#shownNames()).catch(toastError);
    }
    if (names?.has("smooth")) this.#smooth();
    this.draw();
  }

  #shownNames() {
    return this.store.state.y;
  }

  // controls

  #showControls() {
    const { state, data } = this.store;
    const others = data.series.filter(({ name }) => !state.y.includes(name));
    const add = h(
      "select",
      { class: "select", aria: { label: "Add a chart" }, disabled: state.y.length >= MAX_CHARTS || !others.length },
      h("option", { value: "" }, "Add a chart…"),
      others.map(({ name, num_runs: n }) =>
        h("option", { value: name }, n < this.store.runs.length ? `${name} (${format.plural(n, "run")})` : name),
      ),
    );
    add.addEventListener("change", () => add.value && this.store.set({ y: [...state.y, add.value], window: null }));
    replaceControls(
      this.controls,
      add,
      this.#select("Horizontal axis", "x", { step: "By step", epoch: "By epoch", relative: "By time" }),
      this.#select("Smoothing", "smooth", {
        0: "As recorded",
        0.9: "Smooth a little",
        0.97: "Smooth",
        0.99: "Smooth a lot",
      }),
      this.#select("Vertical axis", "log", { "": "Linear", true: "Logarithmic" }),
      state.by
        ? this.#select("Around the mean of a group", "spread", {
            range: "Lowest to highest",
            deviation: "± standard deviation",
          })
        : null,
    );
  }

  #select(label, name, options) {
    const { state } = this.store;
    const read = { smooth: Number, log: Boolean }[name] ?? String;
    const select = h(
      "select",
      { class: "select", aria: { label } },
      Object.entries(options).map(([value, text]) =>
        h("option", { value, selected: read(value) === state[name] }, text),
      ),
    );
    select.addEventListener("change", () =>
      this.store.set({ [name]: read(select.value), ...(name === "x" ? { window: null } : {}) }),
    );
    return select;
  }

  // charts

  #restart() {
    this.charts.clear();
    this.grid.replaceChildren();
    this.#startGroup();
    this.#showCharts();
  }

  #showCharts() {
    const { state } = this.store;
    for (const name of [...this.charts.keys()].filter((one) => !state.y.includes(one))) this.#restartWithout(name);
    for (const name of state.y) if (!this.charts.has(name)) this.charts.set(name, this.#chart(name));
    if (!state.window !== !this.group.window) this.group.setWindow(state.window);
  }

  #restartWithout(name) {
    const { chart, figure } = this.charts.get(name);
    this.charts.delete(name);
    this.group.charts = this.group.charts.filter((one) => one !== chart);
    figure.remove();
  }

  #chart(name) {
    const figure = h("figure", { class: "card chart large", data: { series: name } });
    this.grid.append(figure);
    const { part, metric } = partsOf(name);
    const isMeasured = ["train", "validation", "test"].includes(part);
    const title = isMeasured
      ? `${format.capitalize(format.metricName(metric))}, ${part}`
      : format.capitalize(format.metricName(name));
    const { log } = this.store.state;
    const chart = this.group.add(figure, { title, curves: [], goal: null, isLarge: true, isLog: log, words: wordsOf(name) });
    chart.logButton.hidden = true; // all charts together are logarithmic, or none
    const close = h(
      "button",
      {
        class: "button quiet small icon",
        type: "button",
        title: "Close this chart",
        aria: { label: `Close the chart of ${name}` },
        onclick: () => this.store.set({ y: this.store.state.y.filter((one) => one !== name) }),
      },
      "×",
    );
    $(".chart-tools", figure)?.append(close);
    const readout = h("p", { class: "compare-readout small figures", aria: { live: "polite" } });
    $(".chart-head", figure).after(readout);
    const plot = chart.plotElement;
    plot.addEventListener("mousemove", (event) => this.#point(chart, readout, event));
    plot.addEventListener("mouseleave", () => this.#leave(readout));
    return { chart, figure, readout, goal: goalOf(metric) };
  }

  #drawSoon() {
    this.drawTimer ??= setTimeout(() => {
      this.drawTimer = null;
      this.draw();
    }, EVERY_MS);
  }

  draw() {
    if (this.element.hidden) return;
    for (const [name, { chart, figure }] of this.charts) {
      const drawn = this.#curvesOf(name);
      chart.setCurves(drawn);
      figure.toggleAttribute("data-empty", !drawn.some(({ series }) => series.length));
    }
    this.#showNote();
    this.group.draw();
  }

  /** A curve for each run that is drawn; for groups, a mean with what lies around it. */
  #curvesOf(name) {
    const { store } = this;
    const curves = [];
    for (const { key, label, runs, style } of store.groups) {
      const shown = runs.filter((run) => !store.isHidden(run.id) && this.curves.seriesOf(run.id, name)?.length);
      if (!shown.length) continue;
      const ids = shown.map((run) => run.id);
      const look = { label, ids, group: key, ...this.#look(style, ids), isSmoothed: true };
      if (store.state.by && shown.length > 1) curves.push({ ...look, ...this.#mean(name, key, shown) });
      else curves.push(...shown.map((run) => this.#single(name, run, { ...look, ids: [run.id] })));
    }
    return curves.sort((a, b) => a.isPointed - b.isPointed);
  }

  #single(name, run, look) {
    const label = this.store.state.by ? `${look.label}: ${run.name}` : run.name;
    return { ...look, label, series: this.curves.seriesOf(run.id, name), detail: this.details.get(name)?.get(run.id) };
  }

  #mean(name, key, runs) {
    const members = runs.map((run) => this.curves.seriesOf(run.id, name));
    const made = aggregate(members, this.store.state.spread);
    const series = new Series(`${name} ${key}`);
    series.append(made.steps, made.mean);
    return { series, spread: { steps: made.steps, lows: made.low, highs: made.high } };
  }

  #look({ color, dash }, ids) {
    const { store } = this;
    const isFaded = ids.every((id) => store.isFaded(id));
    const isPointed = ids.some((id) => store.highlighted.has(id));
    this.colors ??= new Map();
    if (!this.colors.has(color)) this.colors.set(color, resolved(color));
    const solid = this.colors.get(color);
    return { color: isFaded ? faded(solid) : solid, dash, isPointed, width: isPointed ? 2.5 : null, role: "other" };
  }

  #colorAgain() {
    this.colors = null;
    requestAnimationFrame(() => this.draw());
  }

  /** That only some of the runs have a series, in words; "" where all of them do. */
  #lacking(name) {
    const { runs } = this.store;
    const found = runs.filter((run) => this.curves.seriesOf(run.id, name)?.length).length;
    if (found === runs.length || this.curves.names.length === 0) return "";
    if (!found) return `No run here has ${name}.`;
    return `${found} of ${format.plural(runs.length, "run")} ${found === 1 ? "has" : "have"} ${name}.`;
  }

  /** The same curves in other colours: another run is pointed at, or chosen. */
  recolor() {
    const looks = new Map(this.store.groups.map(({ key, style }) => [key, style]));
    for (const { chart } of this.charts.values()) {
      for (const curve of chart.curves) Object.assign(curve, this.#look(looks.get(curve.group), curve.ids));
      chart.curves.sort((a, b) => a.isPointed - b.isPointed);
    }
    this.group.draw();
  }

  #showNote() {
    const { store, curves } = this;
    if (!store.state.y.length) {
      setText(this.note, "No run here has a curve yet; charts appear with the first points.");
      this.note.hidden = false;
      return;
    }
    const parts = store.state.y.map((name) => this.#lacking(name)).filter(Boolean);
    if (store.state.x !== "step") parts.push(`Horizontal: ${UNITS[store.state.x]}.`);
    if (curves.numUnfollowed)
      parts.push(
        `${format.plural(curves.numUnfollowed, "running run")} are fetched every ten seconds, the others as they go.`,
      );
    setText(this.note, parts.join(" "));
    this.note.hidden = !parts.length;
  }

  // pointing

  #point(chart, readout, event) {
    const { plot } = chart;
    const box = plot.over.getBoundingClientRect();
    const at = plot.posToVal(event.clientX - box.left, "x");
    const found = nearest(chart, at, event.clientY - box.top);
    const others = valuesAt(chart.curves, at).filter(({ label }) => label !== found?.label);
    const shown = (found ? [found, ...others] : others).slice(0, MAX_READ);
    if (!shown.length) return this.#leave(readout);
    const { step } = shown[0];
    const where =
      this.store.state.x === "step"
        ? `step ${format.count(Math.round(step))}`
        : `${UNITS[this.store.state.x]} ${format.number(step)}`;
    const more = others.length + Number(Boolean(found)) - shown.length;
    const values = shown.map(({ label, value }) => `${label}: ${format.measure(value)}`);
    setText(readout, [`At ${where}`, ...values, ...(more ? [`and ${more} more`] : [])].join(" · "));
    return this.store.highlight(found?.ids ?? []);
  }

  #leave(readout) {
    setText(readout, "");
    this.store.highlight([]);
  }

  async #windowChanged(window) {
    this.store.set({ window });
    const asked = new Map();
    this.details = asked;
    const { x } = this.store.state;
    if (window) {
      const ids = this.store.shownRuns.map((run) => run.id);
      const found = await this.curves.detail(ids, window).catch(() => asked);
      if (this.details !== asked || this.store.state.x !== x) return; // of a window that is no longer shown
      this.details = found;
    }
    this.draw();
  }
}

/** What each curve is at a place of the axis, the least first. */
function valuesAt(curves, at) {
  const found = curves.flatMap(({ label, series }) => {
    const i = series.nearest(at);
    return i < 0 || !Number.isFinite(series.values[i]) ? [] : [{ label, value: series.values[i], step: series.steps[i] }];
  });
  return found.sort((a, b) => a.value - b.value);
}

/** The curve that runs nearest to a place of the plot, in pixels up and down; null when none is near. */
function nearest(chart, at, top) {
  let best = null;
  for (const curve of chart.curves) {
    const { series } = curve;
    const i = series.nearest(at);
    if (i < 0 || !Number.isFinite(series.values[i])) continue;
    const distance = Math.abs(chart.plot.valToPos(series.values[i], "y") - top);
    if (distance < (best?.distance ?? NEAR_PX))
      best = { ...curve, distance, value: series.values[i], step: series.steps[i] };
  }
  return best;
}
