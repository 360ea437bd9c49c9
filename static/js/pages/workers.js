// Who trains: devices with their memory, slots, what each has in hand, and when it was last heard of.

import * as api from "../api.js";
import { $, h, pageData, replace, setText } from "../dom.js";
import { Clock, kindWords, plus, silence, workerState } from "../evidence.js";
import * as format from "../format.js";
import { keyed } from "../keyed.js";
import { live } from "../live.js";
import { confirmed, toast, toastError } from "../shell.js";

const RANK = { alive: 0, silent: 1, lost: 2, stopped: 3 };
const seen = new Map(); // by id
const clock = new Clock();

function take(workers) {
  for (const worker of workers) seen.set(worker.id, worker);
  show();
}

/** What the server has just been asked for; what a stream tells may be of some moments before. */
function takeFresh(workers) {
  if (workers.length) clock.sync(plus(workers[0].heartbeat_at, workers[0].heartbeat_age_s));
  seen.clear();
  take(workers);
}

const ageOf = (worker) => clock.age(worker.heartbeat_at);
const stateOf = (worker) => workerState(worker, ageOf(worker));

function show() {
  const workers = [...seen.values()].sort(
    (a, b) => RANK[stateOf(a)] - RANK[stateOf(b)] || a.name.localeCompare(b.name),
  );
  $("#no-workers").hidden = workers.length > 0;
  keyed($("#workers"), workers, { key: ({ id }) => id, make: newCard, fill: fillCard });
}

function newCard(worker) {
  const label = `Forget ${worker.name}`;
  return h(
    "li",
    { class: "card worker" },
    h("div", { class: "card-head" }, h("h2", {}, worker.name), h("span", { class: "status" }, h("span"))),
    h("p", { class: "small figures heard" }),
    h("ul", { class: "devices" }),
    h("dl", { class: "pairs" }),
    h("ul", { class: "stack-s in-hand" }),
    h(
      "button",
      { class: "button small", type: "button", aria: { label }, onclick: () => forget(worker), hidden: true },
      "Forget",
    ),
  );
}

function fillCard(card, worker) {
  const state = stateOf(worker);
  const age = ageOf(worker);
  const status = $(".status", card);
  status.dataset.status = state;
  setText(status.firstElementChild, state);
  fillHeard($(".heard", card), worker, state, age);
  const forgets = $("button", card);
  forgets.hidden = worker.running.length > 0 || (state !== "lost" && state !== "stopped");
  const shown = JSON.stringify([worker.devices, worker.running, worker.slots, worker.versions, worker.exp_timing]);
  if (card.dataset.shown === shown) return;
  card.dataset.shown = shown;
  replace($(".devices", card), worker.devices.map(deviceLine));
  replace(
    $(".pairs", card),
    pairsOf(worker).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
  replace($(".in-hand", card), worker.running.map(inHand));
}

function fillHeard(element, worker, state, age) {
  const limits = { silentAfter: worker.silent_after_s, lostAfter: worker.lost_after_s };
  const quiet = state === "silent" ? silence(age, limits) : null;
  element.classList.toggle("is-quiet", quiet !== null);
  element.classList.toggle("muted", quiet === null);
  const words = { lost: `last heard of ${format.age(age)}`, stopped: `stopped ${format.age(age)}` };
  setText(element, quiet ? quiet.replace("it is", "what it runs is") : (words[state] ?? `heartbeat ${format.age(age)}`));
}

function deviceLine(device) {
  const free = device.free_bytes === undefined ? "" : `${format.bytes(device.free_bytes)} free of `;
  return h(
    "li",
    {},
    h("span", { class: "tag" }, device.name),
    h("span", {}, device.cores ? `${device.type}, ${format.plural(device.cores, "core")}` : device.type),
    h("span", { class: "muted figures small" }, device.memory_bytes ? free + format.bytes(device.memory_bytes) : ""),
  );
}

function pairsOf(worker) {
  const names = { traindeck: "Traindeck", torch: "PyTorch", python: "Python" };
  const versions = Object.entries(names).map(([key, name]) => [name, worker.versions[key] ?? "–"]);
  return [
    ["host", `${worker.host}, process ${worker.pid}`],
    ["slots", `${worker.running.length} of ${worker.slots} in use`],
    ["started", new Date(worker.started_at).toLocaleString()],
    ...versions,
    ...timings(worker.exp_timing),
  ];
}

function inHand({ kind, run_id: runId, name }) {
  const words = kind === "train" ? name : `${kindWords(kind)}${name ? ` of ${name}` : ""}`;
  return h(
    "li",
    { class: "status", data: { status: "running" } },
    runId ? h("a", { href: `/runs/${runId}` }, words) : h("span", {}, words),
  );
}

/** The classic measure: 1,000 times exp over 230,400 floats. Workers measure it when they have nothing to do. */
function timings(timing) {
  if (!timing) return [];
  return Object.entries(timing)
    .filter(([, seconds]) => typeof seconds === "number")
    .map(([device, seconds]) => [`1,000 × exp on ${device}`, format.duration(seconds)]);
}

async function forget(worker) {
  const text = "Its runs stay, and no longer say that it trained them. Should it come back, it is listed again.";
  if (!(await confirmed({ title: `Forget ${worker.name}?`, text, action: "Forget it" }))) return;
  try {
    await api.remove(`/workers/${worker.id}`);
    seen.delete(worker.id);
    show();
    toast(`${worker.name} is forgotten.`);
  } catch (error) {
    toastError(error);
  }
}

async function load() {
  try {
    const { items } = await api.get("/workers");
    takeFresh(items);
  } catch {
    // the indicator says that the server is away; the ages go on
  }
}

takeFresh(pageData().workers ?? []);
live.follow("workers", { onItems: take, onReset: load });
setInterval(show, 1000);
setInterval(load, 10_000);
