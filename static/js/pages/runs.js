// The list of runs: filter, page, select and cancel; rows follow the "runs" stream.

import * as api from "../api.js";
import { $, $$, debounce, h, pageData, replace, setText, svg } from "../dom.js";
import * as format from "../format.js";
import { live } from "../live.js";
import { confirmed, toast, toastError } from "../shell.js";

const page = pageData();
const runs = new Map(page.items.map((run) => [run.id, { run, seenAt: Date.now() }]));
let nextCursor = page.next_cursor;

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
  if (run.error) tags.push(h("span", { class: "tag bad", title: run.error.message }, run.error.kind.replaceAll("_", " ")));
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

/** A line through a few points, if the answer has them. */
function drawSpark(cell, run) {
  const points = (run.spark ?? run.metrics["train/loss"]?.spark ?? []).map(format.toNumber).filter(Number.isFinite);
  if (points.length < 2) return replace(cell);
  const [low, high] = [Math.min(...points), Math.max(...points)];
  const share = run.status === "running" && run.progress?.num_steps ? run.progress.step / run.progress.num_steps : 1;
  const x = (i) => ((i / (points.length - 1)) * 100 * share).toFixed(2);
  const y = (value) => (26 - ((value - low) / (high - low || 1)) * 24).toFixed(2);
  const path = points.map((value, i) => `${i ? "L" : "M"}${x(i)} ${y(value)}`).join("");
  const picture = svg("svg", { class: "spark", viewBox: "0 0 100 28", preserveAspectRatio: "none", role: "img", "aria-label": `loss from ${format.measure(points[0])} to ${format.measure(points.at(-1))}`, "data-status": run.status }, svg("path", { d: path }));
  return replace(cell, picture);
}

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
    if (!isShown) insertNew(row, run);
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
}

async function cancelSelected() {
  const active = selected().filter((id) => isActive(runs.get(id).run));
  const title = `Cancel ${format.plural(active.length, "run")}?`;
  if (!(await confirmed({ title, text: "What was learned so far is kept as a checkpoint.", action: "Cancel runs" }))) return;
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
filter.q.addEventListener("input", debounce(200, () => load()));
filter.status.addEventListener("change", () => load());
$("#more").addEventListener("click", () => load({ append: true }));
$("#cancel-selected").addEventListener("click", cancelSelected);
$("#runs").addEventListener("change", (event) => {
  if (event.target.id === "select-all") for (const box of $$("td.select-cell input", body)) box.checked = event.target.checked;
  showSelection();
});
body.addEventListener("click", (event) => {
  if (!event.target.closest("a, input, .select-cell")) event.target.closest("tr")?.querySelector("a").click();
});

for (const { run } of runs.values()) fillRow(rowOf(run), run);
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
