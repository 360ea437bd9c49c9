// Who holds which device, and what waits: in which order, why, and until when. The order is a person's to change.

import * as api from "../api.js";
import { $, $$, h, pageData, replace, setText } from "../dom.js";
import { Clock, kindWords, likelyStart, silence, workerState } from "../evidence.js";
import * as format from "../format.js";
import { icon } from "../icons.js";
import { keyed } from "../keyed.js";
import { live } from "../live.js";
import { placed, step } from "../queueorder.js";
import { confirmed, toast, toastError } from "../shell.js";

const list = $("#waiting");
const clock = new Clock();
let { running, waiting, paused, workers, num_waiting: numWaiting } = pageData().queue;
clock.sync(pageData().queue.at);
let runningAt = Date.now(); // when that was so
let waitingAt = Date.now();
let pausedAt = Date.now();
let dragged = null; // the job that is being dragged; while it is, the list stays as it is
let numMoving = 0; // moves that the server has not answered yet

const passedSince = (at) => (Date.now() - at) / 1000;
const hrefOf = (job) => (job.run_id ? `/runs/${job.run_id}` : job.dataset_id ? `/datasets/${job.dataset_id}` : null);

function nameOf(job) {
  const href = hrefOf(job);
  return href ? h("a", { class: "row-link", href }, job.name) : h("strong", {}, job.name);
}

// who holds what

function showDevices() {
  keyed($("#devices"), workers, { key: (worker) => worker.id, make: newHolder, fill: fillHolder });
  $("#no-workers").hidden = workers.length > 0;
  const alive = workers.filter((worker) => worker.alive);
  const numSlots = alive.reduce((sum, worker) => sum + worker.slots, 0);
  const summary = `${format.count(running.length)} running, ${format.plural(numSlots, "slot")}`;
  setText($("#slots-summary"), workers.length ? summary : "");
}

function newHolder(worker) {
  const devices = worker.devices.map((device) => h("span", { class: "tag", title: device.type }, device.name));
  return h(
    "li",
    { class: "card holder" },
    h("div", { class: "card-head" }, h("h3", {}, worker.name), h("span", { class: "status" }, h("span"))),
    h("p", { class: "row small muted" }, devices, h("span", { class: "heard" })),
    h("ul", { class: "slots" }),
  );
}

function fillHolder(element, worker) {
  const age = clock.age(worker.heartbeat_at);
  const state = workerState(worker, age);
  const status = $(".status", element);
  status.dataset.status = state;
  setText(status.firstElementChild, state);
  const limits = { silentAfter: worker.silent_after_s, lostAfter: worker.lost_after_s };
  const quiet = state === "stopped" ? null : silence(age, limits);
  const heard = $(".heard", element);
  heard.classList.toggle("slot-warning", quiet !== null);
  setText(heard, quiet ?? `heartbeat ${format.age(age)}`);
  const held = running.filter((job) => job.worker_id === worker.id);
  const numFree = worker.alive ? Math.max(0, worker.slots - held.length) : 0;
  const free = Array.from({ length: numFree }, (_, i) => ({ job_id: `free ${i}` }));
  keyed($(".slots", element), [...held, ...free], { key: (job) => job.job_id, make: newSlot, fill: fillSlot });
}

function newSlot(job) {
  if (!job.name) return h("li", { class: "slot is-free small" }, "free");
  return h(
    "li",
    { class: "slot" },
    h("div", { class: "slot-line" }, nameOf(job), h("span", { class: "muted small figures", data: { field: "time" } })),
    h("progress", { max: "1", "aria-label": `Done of ${job.name}` }),
    h(
      "div",
      { class: "slot-line" },
      h("span", { class: "muted small figures", data: { field: "note" } }),
      h(
        "button",
        { class: "button quiet small", type: "button", onclick: () => cancel(job), aria: { label: `Cancel ${job.name}` } },
        "Cancel",
      ),
    ),
  );
}

function fillSlot(element, job) {
  if (!job.name) return;
  const passed = passedSince(runningAt);
  const left = job.left_s === null ? null : Math.max(0, job.left_s - passed);
  const time = left === null ? `for ${format.duration(job.elapsed_s + passed)}` : `${format.duration(left)} left`;
  const note = [
    job.kind === "train" ? job.device : kindWords(job.kind),
    job.attempt > 1 ? `attempt ${format.count(job.attempt)}` : null,
    job.share === null ? null : format.percent(job.share),
  ];
  setText($('[data-field="time"]', element), job.request ? (job.request === "pause" ? "pausing" : "stopping") : time);
  setText($('[data-field="note"]', element), note.filter(Boolean).join(" · "));
  $("progress", element).value = job.share ?? 0;
  $("button", element).disabled = job.request === "cancel";
}

// what waits

function showWaiting() {
  if (dragged) return;
  const hadFocus = list.contains(document.activeElement);
  keyed(list, waiting, { key: (job) => job.job_id, make: newRow, fill: fillRow });
  if (hadFocus && !list.contains(document.activeElement)) $("#waiting-title").focus();
  const isEmpty = waiting.length === 0;
  list.hidden = $("#waiting-help").hidden = isEmpty;
  $("#nothing-waits").hidden = !isEmpty;
  const total = Math.max(numWaiting, waiting.length);
  const shown = total > waiting.length ? `the first ${format.count(waiting.length)} of ${format.count(total)}` : null;
  setText($("#waiting-summary"), isEmpty ? "" : (shown ?? format.plural(total, "job")));
}

function newRow(job) {
  const button = (label, symbol, act) =>
    h("button", { class: "button quiet small icon", type: "button", data: { move: label }, onclick: act }, icon(symbol));
  const id = job.job_id;
  return h(
    "li",
    { data: { job: id }, tabindex: "0" },
    h("span", { class: "grip", title: "Drag to another place", draggable: "true", "aria-hidden": "true" }, icon("grip")),
    h("span", { class: "place" }),
    h("div", { class: "what" }),
    h("div", { class: "why" }, h("span"), h("span", { class: "muted figures" })),
    h(
      "div",
      { class: "moves" },
      button("up", "up", () => moveBy(id, -1)),
      button("down", "down", () => moveBy(id, 1)),
      button("to the front", "first", () => move(id, { to: "first" })),
      button("to the back", "last", () => move(id, { to: "last" })),
      button("cancel", "remove", () => cancel(waiting.find((one) => one.job_id === id))),
    ),
  );
}

function fillRow(row, job, i) {
  const [, place, what, why, moves] = row.children;
  setText(place, format.count(i + 1));
  const shown = JSON.stringify([job.name, job.kind, job.priority, job.cause?.kind]);
  if (what.dataset.shown !== shown) {
    what.dataset.shown = shown;
    replace(what, nameOf(job), tagsOf(job));
  }
  setText(why.children[0], job.why);
  const passed = passedSince(waitingAt);
  const since = `submitted ${format.age(job.waits_s + passed)}`;
  const starts = job.why === "starts at once" ? null : likelyStart(job.likely_start_s, passed);
  setText(why.children[1], [starts, since].filter(Boolean).join(" · "));
  for (const button of moves.children) {
    const action = button.dataset.move;
    const label = action === "cancel" ? `Cancel ${job.name}` : `Move ${job.name} ${action}`;
    if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
    button.title = format.capitalize(action === "cancel" ? "cancel" : `move ${action}`);
    const isAtEnd = ["up", "to the front"].includes(action) ? i === 0 : i === waiting.length - 1;
    button.setAttribute("aria-disabled", String(action !== "cancel" && isAtEnd));
  }
}

function tagsOf(job) {
  return [
    job.kind === "train" ? null : h("span", { class: "tag" }, kindWords(job.kind)),
    job.priority ? h("span", { class: "tag" }, `priority ${format.number(job.priority)}`) : null,
    job.cause && job.cause.kind !== "stopped"
      ? h("span", { class: "tag warn", title: job.cause.message }, job.cause.kind.replaceAll("_", " "))
      : null,
  ];
}

// what is paused

function showPaused() {
  const section = $("#paused-section");
  const hadFocus = section.contains(document.activeElement);
  keyed($("#paused"), paused, { key: (job) => job.job_id, make: newPaused, fill: fillPaused });
  section.hidden = paused.length === 0;
  if (hadFocus && !$("#paused").contains(document.activeElement)) $(section.hidden ? "#waiting-title" : "#paused-title").focus();
  setText($("#paused-summary"), format.plural(paused.length, "run"));
}

function newPaused(job) {
  const act = (label, what) =>
    h("button", { class: "button small", type: "button", aria: { label: `${label} ${job.name}` }, onclick: what }, label);
  return h(
    "li",
    {},
    h("div", { class: "what" }, nameOf(job)),
    h("div", { class: "why" }, h("span")),
    h("div", { class: "moves" }, act("Resume", () => resume(job)), act("Cancel", () => cancel({ ...job, kind: "train" }))),
  );
}

function fillPaused(row, job) {
  const done = job.share === null ? "not begun" : `${format.percent(job.share)} done`;
  const why = job.cause && job.cause.kind !== "paused" ? job.cause.message : null;
  setText($(".why span", row), [done, why].filter(Boolean).join(" · "));
}

async function resume(job) {
  try {
    await api.post(`/runs/${job.run_id}/resume`);
    setText($("#said"), `${job.name} waits again`);
    load();
  } catch (error) {
    toastError(error);
  }
}

// another order

const ids = () => waiting.map((job) => job.job_id);

function moveBy(id, by) {
  const place = step(ids(), id, by);
  if (place) move(id, place);
}

async function move(id, place) {
  const order = placed(ids(), id, place);
  if (order.join() === ids().join()) return;
  const byId = new Map(waiting.map((job) => [job.job_id, job]));
  waiting = order.map((one) => byId.get(one));
  showWaiting();
  setText($("#said"), `${byId.get(id).name} is now ${order.indexOf(id) + 1} of ${order.length}`);
  numMoving += 1;
  try {
    await api.post(`/queue/${id}/move`, place);
  } catch (error) {
    toastError(error);
  } finally {
    numMoving -= 1;
    if (!numMoving) load();
  }
}

async function cancel(job) {
  if (!job) return;
  const text =
    job.kind === "train"
      ? "One that runs saves its state first, so what it has learned so far is not lost."
      : "What it has done so far is dropped.";
  if (!(await confirmed({ title: `Cancel ${job.name}?`, text, action: "Cancel it" }))) return;
  try {
    await api.post(`/queue/${job.job_id}/cancel`);
    toast(`Asked ${job.name} to stop.`);
    load();
  } catch (error) {
    toastError(error);
  }
}

list.addEventListener("keydown", (event) => {
  if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
  const row = event.target.closest("li");
  if (!row) return;
  event.preventDefault();
  moveBy(row.dataset.job, event.key === "ArrowUp" ? -1 : 1);
});

// by dragging

const rowAt = (event) => event.target.closest?.("#waiting > li");

function clearMarks() {
  for (const row of $$(".drop-before, .drop-after", list)) row.classList.remove("drop-before", "drop-after");
}

function placeAt(event) {
  const row = rowAt(event);
  if (!row || row.dataset.job === dragged) return null;
  const { top, height } = row.getBoundingClientRect();
  return { row, isBefore: event.clientY < top + height / 2 };
}

list.addEventListener("dragstart", (event) => {
  const row = rowAt(event);
  if (!event.target.closest?.(".grip") || !row) return event.preventDefault();
  dragged = row.dataset.job;
  row.classList.add("is-dragged");
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged);
  event.dataTransfer.setDragImage(row, 16, 16);
});

list.addEventListener("dragover", (event) => {
  if (!dragged) return;
  event.preventDefault();
  clearMarks();
  const place = placeAt(event);
  place?.row.classList.add(place.isBefore ? "drop-before" : "drop-after");
});

list.addEventListener("drop", (event) => {
  const place = dragged && placeAt(event);
  const id = endDrag();
  if (!place) return;
  event.preventDefault();
  const beside = place.row.dataset.job;
  move(id, place.isBefore ? { before: beside } : { after: beside });
});

list.addEventListener("dragend", () => {
  endDrag();
  showWaiting();
});

function endDrag() {
  const id = dragged;
  dragged = null;
  clearMarks();
  $(".is-dragged", list)?.classList.remove("is-dragged");
  return id;
}

// news

/** A page that was made a moment ago may know more than the first that it is told. */
function take(parts) {
  for (const part of parts) {
    const at = clock.local(part.at);
    if (part.part === "running" && at >= runningAt) {
      ({ running, workers } = part);
      runningAt = at;
      showDevices();
    } else if (part.part === "waiting" && !numMoving && at >= waitingAt) {
      ({ waiting, num_waiting: numWaiting } = part);
      waitingAt = at;
      showWaiting();
    } else if (part.part === "paused" && at >= pausedAt) {
      ({ paused } = part);
      pausedAt = at;
      showPaused();
    }
  }
}

/** Beats are told of workers alone: nothing else of the queue has changed then. */
function takeBeats(told) {
  const byId = new Map(told.map((worker) => [worker.id, worker]));
  workers = workers.map((known) => {
    const worker = byId.get(known.id);
    return worker && worker.heartbeat_at >= known.heartbeat_at ? worker : known;
  });
  showDevices();
}

async function load() {
  try {
    const queue = await api.get("/queue");
    clock.sync(queue.at);
    take([
      { part: "running", ...queue },
      { part: "waiting", ...queue },
      { part: "paused", ...queue },
    ]);
  } catch (error) {
    if (error.status !== 0) toastError(error);
  }
}

showDevices();
showWaiting();
showPaused();
live.follow("queue", { onItems: take, onReset: load });
live.follow("workers", { onItems: takeBeats });
let wasOffline = false;
live.addEventListener("state", () => {
  if (live.state === "live" && wasOffline) load();
  wasOffline = live.state === "offline";
});
setInterval(() => {
  showDevices();
  showWaiting();
}, 1000);
