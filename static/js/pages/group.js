// Runs that are one experiment: how they stand, their mean with what lies around it, and the figures with deviation.

import * as api from "../api.js";
import { CurveData } from "../compare/curvedata.js";
import { CurvesView } from "../compare/curvesview.js";
import { $, debounce, pageData, replace, setText } from "../dom.js";
import { GroupStore, firstCharts } from "../groups/store.js";
import { figuresTable, runsTable } from "../groups/tables.js";
import { statusesInWords } from "../groups/words.js";
import { live } from "../live.js";
import { FINISHED } from "../runstate.js";
import { confirmed, toastError } from "../shell.js";

const REFRESH_AFTER_MS = 300;

let { group } = pageData();
const store = new GroupStore(group.runs);
const charts = new CurvesView(store, new CurveData(store), $("#curves"));

function showGroup() {
  setText($("#statuses"), statusesInWords(group.statuses));
  replace($("#figures"), figuresTable(group));
  showRuns();
  const isEnded = group.runs.every(({ status }) => FINISHED.has(status));
  $("#cancel").hidden = isEnded;
  $("#delete").hidden = !isEnded;
}

function showRuns() {
  const focused = document.activeElement?.closest?.("#group-runs [data-run]")?.dataset.run;
  replace($("#group-runs"), group.runs.length ? runsTable(group) : "Its runs were deleted.");
  if (focused) $(`#group-runs [data-run="${CSS.escape(focused)}"] a`)?.focus();
}

const refresh = debounce(REFRESH_AFTER_MS, async () => {
  try {
    group = await api.get(`/groups/${group.id}`);
    showGroup();
  } catch {
    // the next news will bring it
  }
});

/** News of runs; what they came to in the end is asked for when one has ended. */
function hear(items) {
  const news = new Map(items.map((run) => [run.id, run]));
  const known = group.runs.filter(({ id }) => news.has(id));
  if (!known.length) return;
  store.update(items);
  if (known.some((run) => news.get(run.id).status !== run.status)) refresh();
  group.runs = group.runs.map((run) => ({ ...run, ...news.get(run.id) }));
  showRuns();
}

function showCharts(names = null) {
  const isEmpty = !store.data.series.length;
  $("#no-curves").hidden = !isEmpty;
  $("#curves").hidden = isEmpty;
  if (isEmpty) return;
  if (!store.state.y.length) store.state.y = firstCharts(store.data.series.map(({ name }) => name));
  charts.show(names);
}

async function ask(question, work) {
  if (!(await confirmed(question))) return;
  try {
    await work();
  } catch (error) {
    toastError(error);
  }
}

$("#cancel").addEventListener("click", () =>
  ask(
    {
      title: `Cancel ${group.name}?`,
      text: "Every run that has not ended is asked to stop; curves and logs are kept.",
      action: "Cancel its runs",
    },
    async () => {
      group = await api.post(`/groups/${group.id}/cancel`);
      showGroup();
    },
  ),
);
$("#delete").addEventListener("click", () =>
  ask(
    {
      title: `Delete ${group.name}?`,
      text: "All its runs go too, with their curves, checkpoints and files. This cannot be undone.",
      action: "Delete the group and its runs",
    },
    async () => {
      await api.remove(`/groups/${group.id}`);
      location.assign("/runs");
    },
  ),
);
$("#shown-as").addEventListener("change", (event) => store.set({ by: event.target.value }));

store.addEventListener("data", () => showCharts());
store.addEventListener("change", ({ detail }) => {
  if (detail.has("figures") && detail.size === 1) return; // the curves are brought by their own streams
  showCharts(detail);
});
store.addEventListener("highlight", () => charts.recolor());

showGroup();
live.follow("runs", { onItems: hear });
if (group.runs.length) store.load().catch(toastError);
