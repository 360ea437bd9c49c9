// A row of the list and what is in it. Rows are kept for their runs while they are in view.

import { $, h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { placeOf } from "../groups/words.js";
import { cellOf, column } from "./columns.js";

const MAX_TAGS = 3;

/** An empty row with cells for these columns. */
export function makeRow(keys) {
  const box = h("input", { type: "checkbox" });
  const star = h("button", { class: "star", type: "button", data: { star: "" } }, "☆");
  const name = h("a", { class: "row-link", data: { field: "name" } });
  const head = h("th", { scope: "row" }, h("div", { class: "run-name" }, star, name, h("span", { class: "run-tags" })));
  const cells = keys.map((key) => {
    const { title, isRight } = column(key);
    const kind = key === "curve" ? "spark-cell" : isRight ? "right" : "";
    return h("td", { class: kind || null, data: { column: key, label: title } }, key === "status" ? statusOf() : null);
  });
  return h("tr", { class: "linked" }, h("td", { class: "select-cell" }, box), head, cells);
}

const statusOf = () =>
  h("span", { class: "status" }, h("span"), h("span", { class: "muted small figures", data: { field: "share" } }));

/** Show a run in its row; `seenAt`: when the server said so, in ms. */
export function fillRow(row, run, keys, seenAt) {
  row.dataset.run = run.id;
  const link = $('[data-field="name"]', row);
  setText(link, run.name);
  link.title = run.name;
  link.setAttribute("href", `/runs/${run.id}`);
  $("input", row).setAttribute("aria-label", `Select ${run.name}`);
  fillStar($(".star", row), run);
  fillTags($(".run-tags", row), run);
  for (const key of keys) if (key !== "curve") fillCell($(`[data-column="${CSS.escape(key)}"]`, row), run, key, seenAt);
}

function fillStar(star, run) {
  setText(star, run.is_favorite ? "★" : "☆");
  star.setAttribute("aria-pressed", String(run.is_favorite));
  star.setAttribute("aria-label", `Favourite ${run.name}`);
}

function fillTags(place, run) {
  const words = run.tags.slice(0, MAX_TAGS).map((tag) => ["", tag]);
  if (run.tags.length > MAX_TAGS) words.push(["", `+${run.tags.length - MAX_TAGS}`]);
  if (run.archived_at) words.push(["warn", "archived"]);
  if (run.error?.kind) words.push(["bad", run.error.kind.replaceAll("_", " ")]);
  const signature = JSON.stringify([words, run.group]);
  if (place.dataset.tags === signature) return;
  place.dataset.tags = signature;
  const group = run.group
    ? h("a", { class: "tag", href: `/groups/${run.group.id}`, title: `${placeOf(run.group)}, ${run.group.name}` }, "group")
    : null;
  replace(place, group, words.map(([kind, text]) => h("span", { class: `tag ${kind}`.trim() }, text)));
}

function fillCell(cell, run, key, seenAt) {
  if (key === "status") return fillStatus(cell.firstElementChild, run);
  if (key === "duration") return fillTime(cell, run, seenAt);
  if (key === "created") return fillCreated(cell, run);
  const { text, title = "" } = cellOf(run, key);
  setText(cell, text);
  cell.title = title || text;
  return undefined;
}

function fillStatus(status, run) {
  status.dataset.status = run.status;
  setText(status.firstElementChild, run.status);
  const { step, num_steps: numSteps } = run.progress ?? {};
  setText(status.lastElementChild, run.status === "running" && numSteps ? format.percent(step / numSteps) : "");
}

function fillCreated(cell, run) {
  const at = new Date(run.created_at);
  setText(cell, format.age((Date.now() - at) / 1000));
  cell.title = at.toLocaleString();
}

export function fillTime(cell, run, seenAt) {
  const passed = (Date.now() - seenAt) / 1000;
  if (run.status === "running" && run.progress?.left_s > 0) {
    setText(cell, `${format.duration(Math.max(0, run.progress.left_s - passed))} left`);
  } else if (run.status === "running") setText(cell, format.duration((run.duration_s ?? 0) + passed));
  else setText(cell, run.duration_s === null ? "" : format.duration(run.duration_s));
  cell.title = `submitted ${new Date(run.created_at).toLocaleString()}`;
}
