// A run's page: one state, fed by its stream; each part of the page draws what changed of it.

import * as api from "../api.js";
import { $, debounce, h, pageData, replace } from "../dom.js";
import { live } from "../live.js";
import { loadGhosts } from "../run/ghosts.js";
import { startEditing } from "../run/edit.js";
import { Header } from "../run/header.js";
import { Log } from "../run/log.js";
import { Overview } from "../run/overview.js";
import { RunState } from "../runstate.js";
import { toastError } from "../shell.js";
import { startTabs } from "../tabs.js";

let { run } = pageData();
const state = new RunState(run);
const header = new Header(run, state);
const overview = new Overview(run, state);
const log = new Log($("#panel-log"), run, state);
let tryIt = null;
let layers = null;
let preflight = null;
let machine = null;

// What a tab needs beyond the first is fetched when it is opened: the curves stand sooner.
const panels = {
  overview: () => overview.drawCharts(),
  evaluation: async () => (await import("../run/evaluation.js")).showEvaluation($("#panel-evaluation"), run, state),
  try: async () => {
    const { TryIt } = await import("../run/tryit.js");
    tryIt ??= new TryIt($("#panel-try"));
    tryIt.show(run);
  },
  layers: async () => {
    const { Layers } = await import("../run/layers.js");
    layers ??= new Layers($("#panel-layers"), run, state);
    await layers.show();
  },
  machine: async () => {
    const { Machine } = await import("../run/machine.js");
    machine ??= new Machine($("#panel-machine"), state, overview.charts.group);
    await machine.show(run);
  },
  model: async () => (await import("../run/model.js")).showModel($("#panel-model"), run),
  data: async () => (await import("../run/data.js")).showData($("#panel-data"), run),
  log: () => log.show(),
};
const FROM_THE_STREAM = new Set(["layers", "machine"]); // nothing can be said of them before it has told what there is
const showPanel = async () => {
  if (state.isTold || !FROM_THE_STREAM.has(shownPanel)) await panels[shownPanel]();
  else replace($(`#panel-${shownPanel}`), h("p", { class: "muted" }, "Reading what was recorded…"));
};
let shownPanel = "overview";
const choose = startTabs($("#tabs"), (key) => {
  shownPanel = key;
  showPanel().catch(toastError);
});

startEditing(run.id);
overview.onLayer = async (layer) => {
  choose("layers", { focus: true });
  await panels.layers();
  await layers.choose(layer);
};
$("#try-button").addEventListener("click", () => choose("try", { focus: true }));
$("#panel-model").addEventListener("click", async (event) => {
  if (!event.target.closest("[data-csv]")) return;
  event.preventDefault();
  const { downloadCurves } = await import("../run/model.js");
  downloadCurves(run).catch(toastError);
});

/** What the stream does not carry whole: evaluation, files, checkpoints, the state of the export. */
const reload = debounce(150, async () => {
  try {
    run = await api.get(`/runs/${run.id}`);
  } catch (error) {
    if (error.status !== 0) toastError(error);
    return;
  }
  overview.run = run;
  header.update(run);
  overview.showResults();
  overview.showSettings();
  if (["evaluation", "model", "try", "machine"].includes(shownPanel)) showPanel().catch(toastError);
});

/** Most runs are looked at when they are under way: what was seen before is fetched behind the curves. */
async function showPreflight() {
  if (!state.preflight) return;
  try {
    preflight ??= new (await import("../run/preflight.js")).Preflight($("#preflight"), run);
    await preflight.show(state.preflight);
  } catch (error) {
    toastError(error);
  }
}

async function showGhosts() {
  try {
    await loadGhosts(run, state);
  } catch (error) {
    if (error.status !== 0) toastError(error);
  }
  overview.drawCharts();
}

/** Looks at layers are rare, steps are not. */
const drawLayers = debounce(500, async () => {
  if (!layers) return; // its tab is opened just now, and shows all there is
  try {
    await layers.show();
    if (state.numHistograms !== layers.numHistograms) await layers.ask();
    layers.numHistograms = state.numHistograms;
  } catch (error) {
    if (error.status !== 0) toastError(error);
  }
});

const drawMachine = debounce(500, () => showPanel().catch(toastError));

const NEEDS_RELOAD = ["status", "evaluation", "artifacts", "checkpoints", "controls"];
let frame = null;

function changed() {
  frame ??= requestAnimationFrame(() => {
    frame = null;
    const changes = state.takeChanges();
    if (changes.has("names")) overview.showCharts();
    if (changes.has("metrics") || changes.has("status")) {
      overview.drawCharts();
      overview.showResults();
    }
    if (changes.has("controls")) overview.drawCharts();
    if (changes.has("status") || changes.has("progress") || changes.has("controls")) header.show();
    if (changes.has("findings") || changes.has("status")) overview.showFindings();
    if (changes.has("preflight")) showPreflight();
    if (changes.has("log")) log.show();
    if (changes.has("told") && FROM_THE_STREAM.has(shownPanel)) showPanel().catch(toastError);
    if (shownPanel === "machine" && (changes.has("names") || changes.has("metrics"))) drawMachine();
    if (shownPanel === "layers" && (changes.has("metrics") || changes.has("histograms"))) drawLayers();
    if (changes.has("ghosts")) showGhosts();
    if (state.isCutInside) live.restart(run.job_id);
    state.isCutInside = false;
    if (NEEDS_RELOAD.some((kind) => changes.has(kind))) reload();
  });
}

showPreflight();

live.follow(run.job_id, {
  onEvents(events) {
    if (events[0].seq === 1) state.reset({}); // told from the beginning, it stands for all that was held
    state.apply(events);
    header.heard(events);
    changed();
  },
  onReset(snapshot) {
    state.reset(snapshot);
    changed();
  },
  onError: (message) => toastError(new Error(message)),
});

live.follow("runs", {
  onReset: reload,
  onItems(items) {
    const found = items.find((item) => item.id === run.id);
    if (!found) return;
    const exported = found.export.status !== run.export.status;
    run = { ...run, ...found };
    header.update(run, { isFresh: false });
    if (exported) reload();
  },
});
