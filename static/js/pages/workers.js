// Who trains: devices, slots, what each has in hand, and when it was last heard of.

import * as api from "../api.js";
import { $, h, pageData, replace } from "../dom.js";
import * as format from "../format.js";
import { live } from "../live.js";

const seen = new Map();

function take(workers) {
  for (const worker of workers) seen.set(worker.id, { worker, seenAt: Date.now() });
  show();
}

function show() {
  const workers = [...seen.values()].sort(
    (a, b) => b.worker.alive - a.worker.alive || a.worker.name.localeCompare(b.worker.name),
  );
  $("#no-workers").hidden = workers.length > 0;
  replace($("#workers"), workers.map(card));
}

function card({ worker, seenAt }) {
  const age = worker.heartbeat_age_s + (Date.now() - seenAt) / 1000;
  const pairs = [
    ["host", `${worker.host}, process ${worker.pid}`],
    ["slots", `${worker.running.length} of ${worker.slots} in use`],
    ["PyTorch", worker.torch_version ?? "–"],
    ...timings(worker.exp_timing),
  ];
  return h(
    "li",
    { class: "card worker" },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, worker.name),
      h(
        "span",
        { class: "status", data: { status: worker.alive ? "alive" : "lost" } },
        h("span", {}, worker.alive ? "alive" : "lost"),
      ),
    ),
    h(
      "p",
      { class: "muted small figures", title: "A worker that is silent for a lease loses its runs to another." },
      `heartbeat ${format.age(age)}`,
    ),
    h(
      "ul",
      { class: "devices" },
      worker.devices.map((device) =>
        h(
          "li",
          {},
          h("span", { class: "tag" }, device.name),
          h("span", {}, device.cores ? `${device.type}, ${format.plural(device.cores, "core")}` : device.type),
          h("span", { class: "muted figures" }, device.memory_bytes ? format.bytes(device.memory_bytes) : ""),
        ),
      ),
    ),
    h(
      "dl",
      { class: "pairs" },
      pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    ),
    worker.running.length
      ? h(
          "ul",
          { class: "stack-s" },
          worker.running.map(({ kind, run_id: runId }) =>
            h(
              "li",
              { class: "status", data: { status: "running" } },
              runId
                ? h("a", { href: `/runs/${runId}` }, kind === "train" ? "training a run" : `${kind} of a run`)
                : h("span", {}, kind),
            ),
          ),
        )
      : null,
  );
}

/** The classic measure: 1,000 times exp over 230,400 floats. */
function timings(timing) {
  if (!timing) return [];
  return Object.entries(timing)
    .filter(([, seconds]) => typeof seconds === "number")
    .map(([device, seconds]) => [`1,000 × exp on ${device.replace(/_s$/, "")}`, format.duration(seconds)]);
}

take(pageData().workers ?? []);
live.follow("workers", { onItems: take });
setInterval(show, 1000);
setInterval(
  () =>
    api.get("/workers").then(
      ({ items }) => {
        seen.clear();
        take(items);
      },
      () => null,
    ),
  10_000,
);
