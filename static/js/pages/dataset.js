// One version of a dataset: its columns and rows, how they go together, its classes, texts and series, what may become of
// them, and how far the reading is.

import * as api from "../api.js";
import { columnCards } from "../columns.js";
import { setUpAdding } from "../datasets/adding.js";
import { ClassesView } from "../datasets/classesview.js";
import { setUpDoctor } from "../datasets/doctor.js";
import { setUpEditBar } from "../datasets/editbar.js";
import { Edits } from "../datasets/edits.js";
import { setAsideInWords } from "../datasets/guess.js";
import { freedInWords, titled } from "../datasets/names.js";
import { pickedRows, pickedTable } from "../datasets/picked.js";
import { RelationsView } from "../datasets/relationsview.js";
import { RatingsView } from "../datasets/ratingsview.js";
import { RowsView } from "../datasets/rowsview.js";
import { SeriesView } from "../datasets/seriesview.js";
import { showTexts, textColumns } from "../datasets/textsview.js";
import { drawSwitch, drawVersions, familyOf } from "../datasets/versions.js";
import { Wall } from "../datasets/wall.js";
import { $, h, pageData, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { live } from "../live.js";
import { ratingsOf } from "../lookupdraft.js";
import { confirmed, toastError } from "../shell.js";
import { startTabs } from "../tabs.js";

let { dataset } = pageData();

/** What a person should know of how the file was read. */
function showReading() {
  const num = dataset.num_set_aside;
  $("#set-aside").hidden = !num;
  if (num) setText($("#set-aside-text"), setAsideInWords(num, dataset.source));
  const notes = dataset.source.notes ?? [];
  $("#notes").hidden = !notes.length;
  replace(
    $("#notes"),
    notes.map((note) => h("p", {}, note)),
  );
}

/** Tabs whose panels are filled when they are first seen. */
function showTabs() {
  const seen = new Set();
  const fill = {
    relations: (panel) => new RelationsView(dataset, panel, goToColumn).show(),
    classes: (panel) => new ClassesView(dataset, panel).show(),
    texts: (panel) => showTexts(dataset, panel),
    series: (panel) => new SeriesView(dataset, panel).show(),
    ratings: (panel) => new RatingsView(dataset, panel).show(),
  };
  const hidden = [];
  if (!textColumns(dataset.columns).length) hidden.push("texts");
  if (!ratingsOf(dataset.columns)) hidden.push("ratings");
  for (const key of hidden) for (const part of ["tab", "panel"]) $(`#${part}-${key}`)?.remove();
  $("#tabs").hidden = false;
  const choose = startTabs($("#tabs"), (key) => {
    if (!seen.has(key)) fill[key]?.($(`#panel-${key}`));
    seen.add(key);
  });

  function goToColumn(name) {
    choose("table");
    const row = $(`#columns [data-column="${CSS.escape(name)}"]`);
    if (!row) return;
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "center" });
  }
}

async function showReady() {
  $("#ingest").hidden = true;
  $("#new-run").hidden = false;
  showReading();
  replace($("#columns"), columnCards(dataset.columns, { numRows: dataset.num_rows }));
  const facts = [
    format.plural(dataset.num_rows, "row"),
    format.plural(dataset.columns.length, "column"),
    format.bytes(dataset.size_bytes),
  ];
  if (dataset.content_hash)
    facts.push(
      h(
        "span",
        { class: "mono", title: `SHA-256 of the content: ${dataset.content_hash}` },
        dataset.content_hash.slice(0, 16),
      ),
    );
  replace(
    $("#facts"),
    facts.map((fact) => h("li", {}, fact)),
  );
  setUpDoctor(dataset, $("#doctor"));
  const [picked, wall, rows] = [h("div"), h("div"), h("div")];
  replace($("#rows"), picked, wall, rows);
  const edits = await setUpChanges();
  new RowsView(dataset, rows, { edits, onAll: setAll }).load();
  new Wall(dataset, wall, { edits }).load();
  showTabs();
  try {
    const numbers = pickedRows(location.search);
    if (!numbers.length) return;
    const found = await pickedTable(dataset, numbers);
    replace(picked, found);
    found.scrollIntoView({ block: "center" });
  } catch (error) {
    toastError(error);
  }
}

/** What the next version can be made of, where this is the newest: gives the edits of a person, else null. */
async function setUpChanges() {
  const family = await showFamily();
  if (!family?.canGoOn) return null;
  const edits = new Edits();
  setUpAdding(dataset, family.next, $("#add-data"), $("#add-data-button"));
  setUpEditBar(dataset, edits, family.next, $("#edit-bar"));
  return edits;
}

async function showFamily() {
  try {
    const family = await familyOf(dataset);
    drawSwitch(dataset, family, $("#version-place"));
    drawVersions(dataset, family, $("#versions"));
    return family;
  } catch (error) {
    toastError(error);
    return null;
  }
}

/** Make a version in which a column holds one value in all rows that match. */
async function setAll(column, filter, value) {
  try {
    const made = await api.post(`/datasets/${dataset.id}/versions`, { relabel: { column, filter, value } });
    location.assign(`/datasets/${made.id}`);
  } catch (error) {
    toastError(error);
  }
}

function showFailure(error) {
  $("#ingest").hidden = true;
  const box = $("#failure");
  box.hidden = false;
  setText(box.children[0], error?.message ?? "The file could not be read.");
  setText(box.children[1], error?.hint ?? "");
}

function showStatus() {
  const badge = $("#status");
  badge.dataset.status = dataset.status;
  setText(badge.firstElementChild, dataset.status === "ingesting" ? "reading" : dataset.status);
  if (dataset.status === "ready") return showReady();
  if (dataset.status === "failed") showFailure(dataset.error);
  showFamily();
}

async function reload() {
  try {
    dataset = await api.get(`/datasets/${dataset.id}`);
    showStatus();
  } catch (error) {
    toastError(error);
  }
}

function onEvents(events) {
  for (const { kind, body } of events) {
    if (kind === "progress") showProgress(body);
    else if (kind === "log") setText($("#ingest-text"), body.text);
    else if (kind === "status" && ["succeeded", "failed", "cancelled"].includes(body.status)) reload();
  }
}

function showProgress(body) {
  const share = body.share ?? (body.num_bytes ? (body.bytes ?? 0) / body.num_bytes : null);
  if (share !== null && share !== undefined) $("#ingest-bar").value = share;
  if (body.num_rows ?? body.rows)
    setText($("#ingest-text"), `${format.plural(body.num_rows ?? body.rows, "row")} read`);
}

$("#cancel").addEventListener("click", async () => {
  const text = "What is read of it so far is dropped, and the file that was sent with it.";
  if (!(await confirmed({ title: `Stop reading ${titled(dataset)}?`, text, action: "Stop reading" }))) return;
  try {
    $("#cancel").disabled = true;
    dataset = await api.post(`/datasets/${dataset.id}/cancel`);
    if (dataset.status === "ingesting") setText($("#ingest-text"), "Asked the worker to stop.");
    else showStatus();
  } catch (error) {
    $("#cancel").disabled = false;
    toastError(error);
  }
});

$("#cancel").hidden = false;

$("#delete").addEventListener("click", async () => {
  try {
    const { versions } = await familyOf(dataset);
    const others = versions.filter(({ id }) => id !== dataset.id);
    const own = versions.find(({ id }) => id === dataset.id);
    const text = `${freedInWords(own)} As long as runs were trained on it, it stays: delete those first.`;
    const action = others.length ? "Delete this version" : "Delete the dataset";
    if (!(await confirmed({ title: `Delete ${titled(dataset)}?`, text, action }))) return;
    await api.remove(`/datasets/${dataset.id}`);
    location.assign(others.length ? `/datasets/${others[0].id}` : "/datasets");
  } catch (error) {
    toastError(error);
  }
});

showStatus();
if (dataset.status === "ingesting" && dataset.job_id) live.follow(dataset.job_id, { onEvents, onReset: reload });
