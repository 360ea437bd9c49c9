// The curves of a run: its charts, what is set of them, and the address that brings the very view back.

import * as api from "../api.js";
import { STEPS, UNITS, axisOf } from "../axis.js";
import { GroupControls } from "../chartcontrols.js";
import { eventsOf } from "../chartevents.js";
import { ChartGroup } from "../chartgroup.js";
import { readView, writeView } from "../chartview.js";
import { chartsFor, expectedSeries } from "../curves.js";
import { $, debounce } from "../dom.js";
import { isReading, wordsOf } from "../machine.js";
import { toast } from "../shell.js";
import { Detail } from "./detail.js";
import { Workspace } from "./workspace.js";

const ADDRESS_AFTER_MS = 200;
const TIME_KNOTS = 1000;
const TIMED = new Set(["time", "relative"]);

export class RunCharts {
  constructor(run, state) {
    Object.assign(this, { run, state });
    this.names = new Set(expectedSeries(run.spec));
    this.view = readView(location.search);
    this.#startGroup();
    this.detail = new Detail(run, this.group);
    this.controls = new GroupControls(this.group, $("#chart-controls"), { onUnit: (unit) => this.#setUnit(unit) });
    this.workspace = new Workspace({
      element: $("#small-charts"),
      mainFigure: $('[data-chart="loss"]'),
      addChart: (panel, chart, menu) => this.#bind(panel, chart, menu),
      sharedId: this.view.layout,
    });
    this.show();
    this.#restore();
  }

  #startGroup() {
    const { view } = this;
    this.group = new ChartGroup(`run-${this.run.id}`);
    this.group.fileName = this.run.name;
    if (view.smoothing !== null) Object.assign(this.group, { smoothing: view.smoothing, isSmoothingAsked: true });
    this.group.isLogX = view.isLogX;
    this.writeAddress = debounce(ADDRESS_AFTER_MS, () => this.#writeAddress());
    this.group.onWindow = () => this.detail.ask();
    this.group.onView = () => {
      this.controls.show();
      this.writeAddress();
    };
  }

  // the view

  /** What the address asks for: the unit first, for the window is in it. */
  async #restore() {
    const { view, group } = this;
    if (view.unit !== "step") await this.#setUnit(view.unit);
    if (view.unit === group.unit && view.window) group.window = view.window;
    for (const chart of group.charts) chart.showWindow(Boolean(group.window));
    group.charts.find(({ key }) => key === view.enlarged)?.enlarge(true);
    this.detail.ask();
    this.draw();
    this.isRestored = true;
  }

  #writeAddress() {
    if (!this.isRestored) return;
    const { group } = this;
    const search = writeView(location.search, {
      window: group.window,
      unit: group.unit,
      smoothing: group.isSmoothingAsked ? group.smoothing : null,
      isLogX: group.isLogX,
      logs: group.charts.filter(({ isLog }) => isLog).map(({ key }) => key),
      enlarged: group.charts.find(({ isEnlarged }) => isEnlarged)?.key ?? null,
    });
    if (search !== location.search) history.replaceState(null, "", location.pathname + search + location.hash);
  }

  // the x axis

  async #setUnit(unit) {
    if (TIMED.has(unit)) await this.#loadTimes();
    const axis = this.#axis(unit);
    if (!axis) toast("When the points were made is not known yet.", { isError: true });
    this.group.setAxis(axis ?? STEPS);
    this.controls.show(this.#units());
  }

  #axis(unit) {
    const { progress, times } = this.state;
    const stepsPerEpoch = progress?.num_epochs ? progress.num_steps / progress.num_epochs : null;
    return axisOf(unit, { stepsPerEpoch, times, start: this.#start });
  }

  /** When the run began, in seconds since the epoch. */
  get #start() {
    return Date.parse(this.run.started_at ?? this.run.created_at) / 1000;
  }

  #units() {
    return Object.keys(UNITS).filter((unit) => TIMED.has(unit) || this.#axis(unit));
  }

  /** When the steps were made that the page did not see arrive. */
  async #loadTimes() {
    const { state, run } = this;
    if (this.hasTimes) return;
    const longest = [...state.series.values()].sort((a, b) => b.numPoints - a.numPoints)[0];
    const name = longest?.length ? longest.name : "train/loss";
    const asked = { name, x: "relative", max_points: TIME_KNOTS };
    const answer = await api.get(`/runs/${run.id}/metrics${api.query(asked)}`).catch(() => null);
    const found = answer?.series[0];
    if (!found) return;
    state.times.prepend([0, ...found.steps], [0, ...found.x].map((seconds) => this.#start + seconds));
    this.hasTimes = true;
  }

  // charts

  /** Bring the set of charts in line with the series there are. */
  show() {
    for (const name of this.state.series.keys()) this.names.add(name);
    this.workspace.show(chartsFor(this.#drawnHere()));
    this.draw();
  }

  /** Readings of what was trained here have a tab of their own. */
  #drawnHere() {
    return this.run.dataset ? [...this.names].filter((name) => !isReading(name)) : this.names;
  }

  #bind(panel, { key, title, goal, curves }, menu) {
    const signature = curves.map((curve) => curve.name).join(" ");
    if (panel.signature === signature) return panel.chart;
    panel.signature = signature;
    const bound = curves.map((curve) => ({ ...curve, series: this.state.seriesNamed(curve.name) }));
    if (panel.chart) {
      panel.chart.setCurves(bound);
      return panel.chart;
    }
    const isLog = this.view.logs.includes(key);
    return this.group.add(panel.figure, { key, title, goal, curves: bound, isLarge: key === "loss", isLog, menu, words: wordsOf(curves[0].name) });
  }

  draw() {
    const { group, state } = this;
    group.end = state.progress?.num_steps ?? null;
    group.isFinal = state.isFinished;
    group.events = eventsOf(state);
    this.controls.show(this.#units());
    if (group.window) this.detail.ask();
    group.draw();
  }
}
