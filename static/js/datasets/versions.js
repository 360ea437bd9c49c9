// The versions of a dataset: a switch between them, how this one was made, and what tells it from an older one.

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { select } from "../forms.js";
import * as format from "../format.js";
import { toastError } from "../shell.js";
import { madeInWords, standing } from "./names.js";

const STATES = { ingesting: ", being made", failed: ", failed" };

/** Every version, the newest first, and where this one stands among them. */
export async function familyOf(dataset) {
  const versions = await api.get(`/datasets/${dataset.id}/versions`);
  return { versions, ...standing(versions, dataset.id) };
}

/** A choice of the versions beside the dataset's name; nothing where there is one alone. */
export function drawSwitch(dataset, { versions, newest }, place) {
  if (versions.length < 2) return;
  const options = versions.map(({ id, version, status }) => ({
    value: id,
    label: `v${version}${id === newest?.id ? ", newest" : ""}${STATES[status] ?? ""}`,
  }));
  const go = (id) => location.assign(`/datasets/${id}`);
  replace(place, select(options, dataset.id, go, { class: "select small version-switch", "aria-label": "Version" }));
}

/** The card of a version: nothing where there is one alone. */
export function drawVersions(dataset, family, section) {
  const { versions, older, newest, making, isNewest } = family;
  section.hidden = versions.length < 2;
  if (section.hidden) return;
  const own = versions.find(({ id }) => id === dataset.id);
  const parent = versions.find(({ id }) => id === dataset.made?.from);
  const link = (one, text) => h("a", { href: `/datasets/${one.id}` }, text);
  const made = madeInWords(dataset.made);
  const changes = h("div", { class: "stack-s", "aria-live": "polite" });
  replace(
    section,
    h(
      "div",
      { class: "card-head" },
      h("h2", { id: "versions-title" }, `Version ${dataset.version}`),
      own ? h("span", { class: "card-note figures" }, heldInWords(own)) : null,
    ),
    h(
      "div",
      { class: "stack-s" },
      newest && !isNewest ? h("p", { class: "note" }, "There is a newer one: ", link(newest, `version ${newest.version}`), ".") : null,
      making ? h("p", { class: "note" }, link(making, `Version ${making.version}`), " is being made. It can be gone on from once it is ready.") : null,
      made.length
        ? h("p", {}, "Made of ", parent ? link(parent, `version ${parent.version}`) : `version ${dataset.made.version}`, `: ${made.join("; ")}.`)
        : h("p", {}, "The first, as it was taken in."),
      older.length && dataset.status === "ready" ? choice(dataset, older, changes) : null,
      changes,
    ),
  );
  if (older.length && dataset.status === "ready") compare(dataset, older[0], changes);
}

function choice(dataset, older, changes) {
  const options = older.map(({ id, version }) => ({ value: id, label: `version ${version}` }));
  const turn = (id) => compare(dataset, older.find((one) => one.id === id), changes);
  return h("label", { class: "row versions-since" }, "Changes since", select(options, older[0].id, turn, { class: "select small" }));
}

function heldInWords({ own_bytes: own, size_bytes: size }) {
  if (size === null) return "";
  const shared = Math.max(0, size - own);
  return shared ? `${format.bytes(size)}, of which ${format.bytes(shared)} are shared with other versions` : format.bytes(size);
}

let newest = 0; // of the comparisons that were asked for: the answer to an older one may come after it

async function compare(dataset, older, place) {
  const mine = ++newest;
  replace(place, h("p", { class: "muted small" }, "Comparing…"));
  try {
    const found = await api.get(`/datasets/${dataset.id}/changes${api.query({ since: older.id })}`);
    if (mine === newest) replace(place, changesOf(found));
  } catch (error) {
    if (mine !== newest) return;
    replace(place);
    toastError(error);
  }
}

function changesOf({ num_added: added, columns }) {
  const cells = columns.reduce((sum, { num_changed: num }) => sum + num, 0);
  const sums = [added ? `${format.plural(added, "row")} added` : "", cells ? `${format.plural(cells, "cell")} changed` : ""];
  const words = sums.filter(Boolean).join(", ") || "no row and no cell is another";
  return [h("p", {}, h("strong", {}, words)), columns.length ? table(columns) : null];
}

function table(columns) {
  const heads = [["Column", ""], ["Cells changed", "right"], ["What moved", ""]];
  return h(
    "div",
    { class: "table-wrap", tabindex: "0", role: "region", "aria-label": "What changed" },
    h(
      "table",
      { class: "table changes-table" },
      h("thead", {}, h("tr", {}, heads.map(([head, name]) => h("th", { scope: "col", class: name }, head)))),
      h("tbody", {}, columns.map(row)),
    ),
  );
}

const row = ({ name, num_changed: num, moved }) =>
  h(
    "tr",
    {},
    h("th", { scope: "row" }, name),
    h("td", { class: "right" }, format.count(num)),
    h("td", {}, h("ul", { class: "moved" }, moved.map(figure))),
  );

function figure({ name, before, after }) {
  const words = { num_missing: "missing", num_infinite: "infinite", num_distinct: "distinct", std: "deviation" };
  const side = (value) => (value === null ? "unknown" : format.number(value));
  return h("li", {}, h("span", { class: "muted" }, `${words[name] ?? name} `), h("span", { class: "figures" }, `${side(before)} → ${side(after)}`));
}
