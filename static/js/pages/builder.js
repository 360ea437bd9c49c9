// Build a model: layers from the palette, their settings, what each makes of its input; then keep it or train it.

import * as api from "../api.js";
import { keptModels, kerasForm, templateCards } from "../builder/beginnings.js";
import { DataBar } from "../builder/databar.js";
import { GraphView } from "../builder/graphview.js";
import { Inspector } from "../builder/inspector.js";
import { LayerList } from "../builder/layerlist.js";
import { Palette } from "../builder/palette.js";
import { placeOfProblem } from "../builder/places.js";
import { ScopeBar } from "../builder/scopebar.js";
import { misfitOf } from "../builder/reading.js";
import { Studio } from "../builder/studio.js";
import { $, h, pageData, redrawn, replace, setText } from "../dom.js";
import { draftOf, placeInWords } from "../draft.js";
import * as format from "../format.js";
import { FORM, handOver, handedOver } from "../handover.js";
import { icon } from "../icons.js";
import { toast, toastError } from "../shell.js";
import { startTabs } from "../tabs.js";

const page = pageData();
const begun = page.model ? null : handedOver();
const studio = new Studio({ catalogue: page.catalogue, datasets: page.datasets, draft: draftToBegin(), shape: page.model?.input_shape ?? null });

/** A kept model, the run that the form handed over, or nothing. */
function draftToBegin() {
  if (begun) return draftOf(begun);
  const kept = page.model && { name: page.model.name, ...page.model.definition };
  return draftOf(kept ? { model: kept } : {});
}

// views

const list = new LayerList(studio, $("#panel-layers"), {
  onEnter: () => {
    inspector.open();
    list.focus(); // which brings the layer out from under the settings
    inspector.focus();
  },
  onChosen: () => inspector.open(),
  onEmpty: () => palette.focus(),
  onGather: gather,
});
const inspector = new Inspector(studio, $("#inspector"), { onLeave: () => show("layers", () => list.focus()), onGather: gather });
const palette = new Palette(studio, $("#palette"), { onAdded: () => show("layers", () => list.focus()) });
const data = new DataBar(studio, $("#data-bar"));
const graph = new GraphView(studio, $("#panel-graph"), { onChosen: () => inspector.open() });
new ScopeBar(studio, $("#scope-bar"));

function gather() {
  if (studio.gather()) show("layers", () => list.focus());
  else toast("Other layers take from within these, or the model ends there: they cannot be a block of their own.");
}

const begin = ({ title, definition }) => {
  studio.replace(structuredClone(definition));
  show("layers", () => list.focus());
  toast(`${title}: undo brings back what was there.`);
};
$("#panel-templates").append(
  h("p", { class: "muted small" }, "Models to start from, each made for the data above. Undo brings back what stands here now."),
  templateCards(studio, begin),
  ...[keptModels(page.models, begin)].filter(Boolean),
  kerasForm(({ inputShape, ...found }) => {
    if (!studio.hasData) studio.typed.shape = inputShape;
    data.draw();
    begin(found);
  }),
);

const WITHOUT_DATA = "Choose a dataset above, and models that fit it are offered here. Or build your own: pick layers from the list, where the search knows their other names too.";
const WITH_DATA = "Those that fit your data come first: take one and change what you like. Or build your own: pick layers from the list.";
const beginning = h("p", { class: "muted" }, WITHOUT_DATA);
replace(
  list.empty,
  h("h2", {}, "How to begin"),
  h("p", {}, "A model is a row of layers. Each takes the numbers that the layer above gives, and hands on its own; the last one gives the answer."),
  beginning,
  templateCards(studio, begin),
);
studio.addEventListener("templates", () => setText(beginning, studio.templates.length ? WITH_DATA : WITHOUT_DATA));

let view = "layers";
let broken = null; // why what stands in the JSON is not what stands in the list
const choose = startTabs($("#views"), (key) => {
  view = key;
  $("#tools").hidden = key !== "layers";
  graph.draw();
  draw();
});

/** Bring a view into sight, then do something in it. */
function show(key, action) {
  if (view !== key) choose(key);
  action();
}

function draw() {
  list.empty.hidden = studio.layers.length > 0;
  if (view === "json") writeJson();
  if (document.activeElement !== $("#name")) $("#name").value = studio.model.name ?? "";
  $("#undo").disabled = !studio.past.canUndo;
  $("#redo").disabled = !studio.past.canRedo;
  for (const tool of $("#tools").children) tool.disabled = tool.dataset.needs === "layer" && studio.at < 0;
}

// tools

const tool = (label, symbol, action, keys) =>
  h(
    "button",
    { class: "button quiet small icon", type: "button", "aria-label": label, title: `${label} (${keys})`, data: { needs: "layer" }, onclick: action },
    icon(symbol),
  );
$("#tools").append(
  tool("Move up", "up", () => list.move(-1), "Alt ↑"),
  tool("Move down", "down", () => list.move(1), "Alt ↓"),
  tool("Duplicate", "copy", () => list.copy(), "Ctrl D"),
  tool("Make a block", "block", gather, "Ctrl G"),
  tool("Remove", "remove", () => list.remove(), "Delete"),
);

// JSON, written both ways

function definition() {
  const { name, ...rest } = studio.model;
  return name ? { name, ...rest } : rest;
}

function writeJson() {
  if (broken === null && document.activeElement !== $("#json")) $("#json").value = JSON.stringify(definition(), null, 2);
}

function readJson() {
  const area = $("#json");
  try {
    const model = JSON.parse(area.value);
    if (!Array.isArray(model?.layers)) throw new SyntaxError('A model is an object with layers: { "layers": [ … ] }');
    const misfit = misfitOf(model);
    if (misfit) throw new SyntaxError(misfit);
    area.removeAttribute("aria-invalid");
    setText($("#json-error"), "");
    broken = null;
    studio.replace(model, "json");
  } catch (error) {
    area.setAttribute("aria-invalid", "true");
    setText($("#json-error"), error.message);
    broken = error.message;
    tell();
  }
}

// what is wrong: told at its layer; here how much that is with the way to it, and what is wrong with no layer

function tell() {
  const { answer } = studio;
  const isKnown = studio.hasData || studio.typed.shape !== null;
  const problems = isKnown && studio.model.layers.length ? answer.errors : [];
  const seen = new Set();
  const items = problems.filter(({ loc, msg }) => !seen.has(`${loc} ${msg}`) && seen.add(`${loc} ${msg}`));
  const places = items.map(placeToGo).filter(Boolean);
  replace($("#problems"), items.filter((problem) => !placeToGo(problem)).map(problemItem));
  if (broken) setText($("#state"), `The JSON cannot be read: ${broken}`);
  else if (places.length) redrawn($("#state"), () => replace($("#state"), countOf(places)));
  else setText($("#state"), answer.ok ? "Everything fits." : "");
  $("#train").setAttribute("aria-disabled", String(Boolean(broken) || !(answer.ok && studio.hasData)));
  $("#train").title = studio.hasData ? "" : "Choose a dataset first";
}

/** The layer that a problem is told at; of one of a block itself, the first layer below the words. */
function placeToGo(problem) {
  const [, part, name] = problem.loc;
  const isOfBlock = part === "blocks" && Boolean(studio.model.blocks?.[name]);
  return placeOfProblem(problem) ?? (isOfBlock ? { scope: name, at: 0 } : null);
}

/** How many mistakes there are at layers; it goes from each to the next. */
function countOf(places) {
  const go = () => {
    const at = places.findIndex(({ scope, at }) => scope === studio.scope && at === studio.at);
    const next = places[(at + 1) % places.length];
    studio.select(next.at, next.scope);
    show("layers", () => list.focus());
  };
  const words = format.plural(places.length, "mistake at its layer", "mistakes at their layers");
  return h("button", { class: "problem-count", type: "button", onclick: go }, words);
}

function problemItem({ loc, msg }) {
  const go = () => $("select, input", $("#data-bar"))?.focus();
  return h(
    "li",
    {},
    h(
      "button",
      { class: "problem", type: "button", onclick: go },
      h("span", { class: "problem-place" }, placeInWords(loc)),
      h("span", {}, msg),
    ),
  );
}

// keys

addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target.closest("#json, #name, dialog")) return;
  const key = event.key.toLowerCase();
  const isRedo = key === "y" || (key === "z" && event.shiftKey);
  if (!isRedo && key !== "z") return;
  event.preventDefault();
  const hadRow = event.target.closest("[role=option]");
  if (isRedo) studio.redo();
  else studio.undo();
  if (hadRow || !document.activeElement || document.activeElement === document.body) list.focus();
});

// keep it, train it

async function save() {
  const { name, ...rest } = definition();
  const kept = name || "model";
  try {
    const body = { name: kept, definition: { ...rest, name: kept } };
    if (page.model) body.parent_id = page.model.id;
    if (studio.answer.ok) body.input_shape = studio.inputShape;
    const model = await api.post("/models", body);
    isSaved = true;
    location.assign(`/models/${model.id}`);
  } catch (error) {
    toastError(error);
  }
}

/** The run as it is proposed: the dataset, what was settled of it, and this model. */
function run() {
  const { dataset: given } = studio.draft;
  const dataset = (studio.datasets.find(({ id }) => id === given) ?? given)?.name;
  const name = studio.draft.name || [studio.model.name, dataset].filter(Boolean).join(" on ") || "run";
  const isKept = page.model && JSON.stringify(definition()) === first;
  return { ...studio.draft, model: isKept ? page.model.id : definition(), name };
}

async function train() {
  const button = $("#train");
  if (button.getAttribute("aria-disabled") === "true") {
    ($("#state button, #problems button") ?? $("select", $("#data-bar")))?.focus();
    return;
  }
  button.setAttribute("aria-disabled", "true");
  try {
    const made = await api.post("/runs", run());
    isSaved = true;
    location.assign(`/runs/${made.id}`);
  } catch (error) {
    button.setAttribute("aria-disabled", "false");
    toastError(error);
  }
}

let isSaved = false;
const first = JSON.stringify(definition());

addEventListener("beforeunload", (event) => {
  if (!isSaved && JSON.stringify(definition()) !== first) event.preventDefault();
});

$("#undo").addEventListener("click", () => studio.undo());
$("#redo").addEventListener("click", () => studio.redo());
$("#save").addEventListener("click", save);
$("#train").addEventListener("click", train);
$("#set-up").addEventListener("click", () => {
  isSaved = true;
  handOver(run(), FORM);
});
$("#json").addEventListener("input", readJson);
$("#name").addEventListener("input", ({ target }) => {
  studio.model.name = target.value || null;
  studio.edited("name");
});
studio.addEventListener("select", draw);
for (const name of ["model", "edit"])
  studio.addEventListener(name, () => {
    broken = null;
    draw();
  });
studio.addEventListener("answer", tell);

inspector.draw();
list.draw();
draw();
if (begun) await data.goOn();
const asked = new URLSearchParams(location.search).get("dataset");
if (asked && studio.datasets.some(({ id, status }) => id === asked && status === "ready")) await data.choose(asked);
else studio.check();
