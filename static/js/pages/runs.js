// The list of runs: filter, page, select and cancel; rows follow the "runs" stream.

import * as api from "../api.js";
import { $, $$, debounce, h, pageData, replace, setText, svg } from "../dom.js";
import * as format from "../format.js";
import { live } from "../live.js";
import { sparkPath } from "../scale.js";
import { confirmed, toast, toastError } from "../shell.js";

const page = pageData();
const runs = new Map(page.items.map((run) => [run.id, { run, seenAt: Date.now() }]));
let nextCursor = page.next_cursor;

const SPARK_POINTS = 60;
const SPARKS_AT_ONCE = 3;
const SPARKS_EVERY_MS = 3000;

const body = $("#runs tbody");
const filter = $("#filter");
const isActive = (run) => run.status === "running" || run.status === "queued" || run.status === "paused";

// rows

function rowOf(run) {
  let row = $(`tr[data-run="${CSS.escape(run.id)}"]`, body);
  if (!row) {
    row = $("#run-row").content.firstElementChild.cloneNode(true);
    row.dataset.run = run.id;
  }
  return row;
}

function fillRow(row, run) {
  const field = (name) => $(`[data-field="${name}"]`, row);
  const link = field("name");
  setText(link, run.name);
  link.setAttribute("href", `/runs/${run.id}`);
  const box = $("input", row);
  box.value = run.id;
  box.setAttribute("aria-label", `Select ${run.name}`);
  replace(field("tags"), tagsOf(run));
  const status = field("status");
  status.dataset.status = run.status;
  setText(status.firstElementChild, run.status);
  setText(field("share"), shareOf(run));
  setMetric(field("loss"), run.metrics["validation/loss"] ?? run.metrics["train/loss"]);
  setMetric(field("accuracy"), run.metrics["validation/accuracy"] ?? run.metrics["train/accuracy"]);
  setText(field("dataset"), run.dataset?.name ?? "");
  setText(field("device"), run.worker?.device ?? "");
  drawSpark(field("spark"), run);
  setTime(field("time"), run);
}

function tagsOf(run) {
  const tags = run.tags.map((tag) => h("span", { class: "tag" }, tag));
  if (run.error)
    tags.push(h("span", { class: "tag bad", title: run.error.message }, run.error.kind.replaceAll("_", " ")));
  return tags.flatMap((tag) => [tag, " "]);
}

function shareOf(run) {
  const { step, num_steps: numSteps } = run.progress ?? {};
  return run.status === "running" && numSteps ? format.percent(step / numSteps) : "";
}

function setMetric(cell, metric) {
  setText(cell, metric ? format.measure(metric.last) : "");
  cell.title = metric ? format.exact(metric.last) : "";
}

function setTime(cell, run) {
  const { seenAt } = runs.get(run.id);
  const passed = (Date.now() - seenAt) / 1000;
  if (run.status === "running" && run.progress?.left_s > 0) {
    setText(cell, `${format.duration(Math.max(0, run.progress.left_s - passed))} left`);
  } else if (run.status === "running") setText(cell, format.duration((run.duration_s ?? 0) + passed));
  else setText(cell, run.duration_s === null ? "" : format.duration(run.duration_s));
  cell.title = run.created_at ? `submitted ${new Date(run.created_at).toLocaleString()}` : "";
}

// curves in small: fetched for the rows in view, a few at a time, again while a run goes on

const sparks = new Map(); // run id -> {points, last_step}
const wanted = [];
let numFetching = 0;

function drawSpark(cell, run) {
  const points = (sparks.get(run.id)?.points ?? []).filter(Number.isFinite);
  if (points.length < 2) return replace(cell);
  const isWhole = run.status !== "running" || !run.progress?.num_steps;
  const path = sparkPath(points, isWhole ? 1 : run.progress.step / run.progress.num_steps);
  const label = `loss from ${format.measure(points[0])} to ${format.measure(points.at(-1))}`;
  return replace(
    cell,
    svg(
      "svg",
      {
        class: "spark",
        viewBox: "0 0 100 28",
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": label,
        "data-status": run.status,
      },
      svg("path", { d: path }),
    ),
  );
}

function wantSpark(id) {
  const { run } = runs.get(id) ?? {};
  const last = run?.metrics["train/loss"]?.last_step;
  if (last === undefined || sparks.get(id)?.last === last || wanted.includes(id)) return;
  wanted.push(id);
  fetchSparks();
}

async function fetchSparks() {
  if (numFetching >= SPARKS_AT_ONCE || !wanted.length) return;
  const id = wanted.shift();
  numFetching += 1;
  try {
    const last = runs.get(id)?.run.metrics["train/loss"]?.last_step;
    const { series } = await api.get(
      `/runs/${id}/metrics${api.query({ name: "train/loss", max_points: SPARK_POINTS })}`,
    );
    sparks.set(id, { last, points: series[0].values.map(format.toNumber) });
    if (runs.has(id)) drawSpark($('[data-field="spark"]', rowOf(runs.get(id).run)), runs.get(id).run);
  } catch {
    // a row without its picture is still a row
  } finally {
    numFetching -= 1;
    fetchSparks();
  }
}

const inView = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    target.toggleAttribute("data-in-view", isIntersecting);
    if (isIntersecting) wantSpark(target.dataset.run);
  }
});

// the list

function show(items, { append = false } = {}) {
  if (!append) {
    runs.clear();
    body.replaceChildren();
  }
  for (const run of items) {
    runs.set(run.id, { run, seenAt: Date.now() });
    const row = rowOf(run);
    fillRow(row, run);
    body.append(row);
    inView.observe(row);
  }
  showState();
}

function showState() {
  const asked = new FormData(filter);
  const isFiltered = Boolean(asked.get("q") || asked.get("status"));
  $("#runs").hidden = runs.size === 0;
  $("#no-match").hidden = runs.size > 0 || !isFiltered;
  $("#no-runs").hidden = runs.size > 0 || isFiltered;
  $("#more").hidden = !nextCursor;
  const numRunning = [...runs.values()].filter(({ run }) => run.status === "running").length;
  const numQueued = [...runs.values()].filter(({ run }) => run.status === "queued").length;
  const shown = nextCursor ? `first ${format.plural(runs.size, "run")}` : format.plural(runs.size, "run");
  setText($("#summary"), `${shown} · ${numRunning} running, ${numQueued} queued · updated live`);
}

async function load({ append = false } = {}) {
  const { q, status } = Object.fromEntries(new FormData(filter));
  const cursor = append ? nextCursor : null;
  history.replaceState(null, "", `/runs${api.query({ q, status })}`);
  try {
    const answer = await api.get(`/runs${api.query({ q, status, cursor })}`);
    nextCursor = answer.next_cursor;
    show(answer.items, { append });
  } catch (error) {
    toastError(error);
  }
}

function update(items) {
  const asked = new FormData(filter);
  for (const run of items) {
    const isShown = runs.has(run.id);
    if (!isShown && (asked.get("q") || asked.get("status"))) continue;
    runs.set(run.id, { run, seenAt: Date.now() });
    const row = rowOf(run);
    fillRow(row, run);
    if (!isShown) {
      insertNew(row, run);
      inView.observe(row);
    } else if (row.hasAttribute("data-in-view") && run.status !== "running") wantSpark(run.id);
  }
  showState();
}

/** Newest first: identifiers sort by time. */
function insertNew(row, run) {
  const older = $$("tr", body).find((other) => other.dataset.run < run.id);
  if (older) older.before(row);
  else if (!nextCursor) body.append(row);
}

// selection

const selected = () => $$("td.select-cell input:checked", body).map((box) => box.value);

function showSelection() {
  const active = selected().filter((id) => runs.has(id) && isActive(runs.get(id).run));
  const button = $("#cancel-selected");
  button.hidden = active.length === 0;
  setText(button, `Cancel ${format.plural(active.length, "run")}`);
  const compare = $("#compare-selected");
  compare.hidden = selected().length === 0;
  compare.href = `/compare?ids=${selected().join(",")}`;
}

async function cancelSelected() {
  const active = selected().filter((id) => isActive(runs.get(id).run));
  const title = `Cancel ${format.plural(active.length, "run")}?`;
  if (!(await confirmed({ title, text: "What was learned so far is kept as a checkpoint.", action: "Cancel runs" })))
    return;
  const answers = await Promise.allSettled(active.map((id) => api.post(`/runs/${id}/cancel`)));
  const failed = answers.find((answer) => answer.status === "rejected");
  if (failed) toastError(failed.reason);
  else toast(`Asked ${format.plural(active.length, "run")} to stop.`);
  for (const box of $$("td.select-cell input:checked", body)) box.checked = false;
  showSelection();
}

filter.addEventListener("submit", (event) => {
  event.preventDefault();
  load();
});
filter.q.addEventListener(
  "input",
  debounce(200, () => load()),
);
filter.status.addEventListener("change", () => load());
$("#more").addEventListener("click", () => load({ append: true }));
$("#cancel-selected").addEventListener("click", cancelSelected);
$("#runs").addEventListener("change", (event) => {
  if (event.target.id === "select-all")
    for (const box of $$("td.select-cell input", body)) box.checked = event.target.checked;
  showSelection();
});
body.addEventListener("click", (event) => {
  if (!event.target.closest("a, input, .select-cell")) event.target.closest("tr")?.querySelector("a").click();
});

for (const { run } of runs.values()) {
  fillRow(rowOf(run), run);
  inView.observe(rowOf(run));
}
showState();
live.follow("runs", { onItems: update });
let wasOffline = false;
live.addEventListener("state", () => {
  if (live.state === "live" && wasOffline) load();
  wasOffline = live.state === "offline";
});
setInterval(() => {
  for (const { run } of runs.values()) if (run.status === "running") setTime($('[data-field="time"]', rowOf(run)), run);
}, 1000);
setInterval(() => {
  for (const row of $$("tr[data-in-view]", body))
    if (runs.get(row.dataset.run)?.run.status === "running") wantSpark(row.dataset.run);
}, SPARKS_EVERY_MS);
