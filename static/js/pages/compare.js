// Runs side by side: one store; a list of the runs, and views of which one shows.

import { Chooser } from "../compare/chooser.js";
import { CurveData } from "../compare/curvedata.js";
import { CurvesView } from "../compare/curvesview.js";
import { DifferenceView } from "../compare/differenceview.js";
import { ParallelView } from "../compare/parallelview.js";
import { RunList } from "../compare/runlist.js";
import { ScatterView } from "../compare/scatterview.js";
import { Store } from "../compare/store.js";
import { TableView } from "../compare/tableview.js";
import { $, h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { live } from "../live.js";
import { toastError } from "../shell.js";
import { startTabs } from "../tabs.js";

const FIRST_CHARTS = ["validation/loss", "train/loss", "validation/accuracy", "train/accuracy"];

const store = new Store();
const curves = new CurveData(store);
const chooser = new Chooser(store);
const runList = new RunList(store, $("#compare-runs"));
const views = {
  curves: new CurvesView(store, curves, $("#panel-curves")),
  table: new TableView(store, $("#panel-table")),
  scatter: new ScatterView(store, $("#panel-scatter")),
  parallel: new ParallelView(store, $("#panel-parallel")),
  difference: new DifferenceView(store, $("#panel-difference")),
};

const askedView = store.state.view;
let isReady = false;
const choose = startTabs($("#compare-tabs"), (view) => {
  if (!isReady) return; // the address's own parameter says which view, not what stands behind its #
  store.set({ view });
  store.keepLink();
  if (store.runs.length) views[view].show();
});

/** The charts to begin with: the loss and the accuracy that most runs have; of equals, on rows that were not trained on. */
function firstCharts() {
  const names = store.data.series.map(({ name }) => name);
  const numRuns = (wanted) => store.data.series.find(({ name }) => name === wanted).num_runs;
  const known = FIRST_CHARTS.filter((name) => names.includes(name)).sort((a, b) => numRuns(b) - numRuns(a));
  const found = ["loss", "accuracy"].map((metric) => known.find((name) => name.endsWith(`/${metric}`))).filter(Boolean);
  return found.length ? found : names.filter((name) => !/^(system|time)\//.test(name)).slice(0, 2);
}

function showGrouping() {
  const { state, columns } = store;
  const settings = columns.filter(({ kind }) => kind === "setting");
  const options = [
    ["", "Each run by itself"],
    ["project", "Project"],
    ["tag", "Tags"],
    ...(store.runs.some(({ group }) => group) ? [["group", "Folds or seeds of one group"]] : []),
    ...settings.map(({ key }) => [key, key]),
  ];
  replace(
    $("#group-by"),
    options.map(([value, name]) => h("option", { value, selected: value === state.by }, name)),
  );
}

function showAll() {
  const isEmpty = !store.runs.length;
  $("#compare-empty").hidden = !isEmpty || store.isAsked;
  $("#compare-none").hidden = !isEmpty || !store.isAsked;
  $("#compare").hidden = isEmpty;
  $("#compare-one").hidden = store.runs.length !== 1;
  setText($("#compare-count"), format.plural(store.runs.length, "run"));
  if (isEmpty) return;
  if (!store.state.y.length) store.set({ y: firstCharts() });
  showGrouping();
  views[store.state.view].show();
}

store.addEventListener("data", showAll);
store.addEventListener("change", ({ detail }) => {
  const { view } = store.state;
  if (detail.has("hide")) setText($("#hide-all"), store.shownRuns.length ? "Draw none" : "Draw all");
  if (store.runs.length && !(detail.size === 1 && detail.has("view"))) views[view].show(detail);
  showChosen();
});
store.addEventListener("highlight", () => store.state.view === "curves" && views.curves.recolor());

function showChosen() {
  const note = $("#compare-chosen");
  note.hidden = !store.chosen;
  if (store.chosen)
    setText($("span", note), `${format.count(store.chosen.size)} of ${format.plural(store.runs.length, "run")} chosen`);
}

$("#chosen-only").addEventListener("click", () => {
  const ids = [...store.chosen];
  store.chosen = null;
  store.set({ ids, filter: "", hide: [] }).then(showChosen).catch(toastError);
});
$("#chosen-clear").addEventListener("click", () => store.choose(null));
$("#group-by").addEventListener("change", (event) => store.set({ by: event.target.value }));
$("#hide-all").addEventListener("click", () => {
  const ids = store.runs.map((run) => run.id);
  store.setHidden(ids, store.shownRuns.length > 0);
});

live.follow("runs", { onItems: (items) => store.update(items) });
isReady = true;
choose(askedView);
chooser.show();
runList.show();
store.load().catch((error) => {
  showAll();
  chooser.show();
  chooser.refused(error);
});
