// Describe a run: data, model, training on one page; the server checks as one types.

import * as api from "../api.js";
import { $, $$, debounce, pageData } from "../dom.js";
import { draftOf, emptyDraft, nextName } from "../draft.js";
import { showProblems } from "../forms.js";
import { mergePatch } from "../mergepatch.js";
import { AfterStep } from "../newrun/after.js";
import { DataStep } from "../newrun/data.js";
import { DoctorPanel } from "../newrun/doctor.js";
import { fittedDraft } from "../newrun/fitting.js";
import { BUILDER, handOver, handedOver } from "../handover.js";
import { ModelStep } from "../newrun/model.js";
import { RepeatStep } from "../newrun/repeat.js";
import { Summary } from "../newrun/summary.js";
import { TrainingStep } from "../newrun/training.js";
import { toastError } from "../shell.js";
import { templatesAsks, templatesFor } from "../templates.js";

const CHECK_AFTER_MS = 250;
const page = pageData();

const builder = {
  draft: emptyDraft(),
  datasets: page.datasets,
  models: page.models,
  catalogue: page.catalogue,
  modelTouched: false,
  view: "form",

  /** Something in the draft changed: ask the server what it makes of it. */
  changed() {
    this.write();
    repeat.draw();
    check();
  },

  /** As JSON too, unless it is there that it was changed. */
  write() {
    if (this.view === "form" || !this.modelTouched) $("#json").value = JSON.stringify(body(), null, 2);
  },

  /** The target or the dataset changed: what follows from it is drawn again. */
  targetChanged() {
    this.model.isDue = true;
    drawAll();
    this.write();
    look();
  },

  /** To the page that has blocks, the graph and undo, and comes back with what was built. */
  openBuilder() {
    handOver(this.draft, BUILDER);
  },

  /** A merge patch to the draft, as the doctor proposes. */
  apply(patch) {
    this.draft = mergePatch(this.draft, patch);
    this.targetChanged();
  },
};
builder.data = new DataStep(builder, $("#data-step"));
builder.model = new ModelStep(builder, $("#model-step"));
builder.training = new TrainingStep(builder, $("#training-step"));
const doctor = new DoctorPanel(builder, $("#doctor"));
const summary = new Summary(builder);
const after = new AfterStep(builder);
const repeat = new RepeatStep(builder);
let answer = null;

function drawAll() {
  builder.data.draw();
  builder.model.draw();
  builder.training.draw();
  $("#name").value = builder.draft.name;
  $("#tags").value = (builder.draft.tags ?? []).join(", ");
  after.draw();
  repeat.draw();
}

/** The draft as the server takes it; a run without a name is called by its dataset. */
function body() {
  const { draft } = builder;
  const dataset = builder.datasets.find(({ id }) => id === draft.dataset)?.name ?? draft.dataset?.name;
  return { ...draft, name: draft.name || dataset || "run" };
}

/** The same; a kept model that nobody changed goes by its id, so that the run is found among those of the model. */
function submitted() {
  const made = body();
  return JSON.stringify(made.model) === builder.kept?.written ? { ...made, model: builder.kept.id } : made;
}

let request = null;

const check = debounce(CHECK_AFTER_MS, () => look());

async function look() {
  request?.abort();
  request = new AbortController();
  const { signal } = request;
  try {
    answer = await api.post("/runs/check", body(), { signal });
    if (await follow(answer, signal)) answer = await api.post("/runs/check", body(), { signal });
  } catch (error) {
    if (error.name === "AbortError") return;
    answer = {
      ok: false,
      errors: error.errors?.length ? error.errors : [{ loc: [], msg: error.message }],
      inspection: null,
      num_rows: null,
    };
  }
  if (builder.model.isDue) builder.model.settled();
  show();
}

/** Offer the models that fit what is fed and asked; one that nobody has changed follows them. Whether it did. */
async function follow({ input_shape: fed, output_shape: asked }, signal) {
  const asks = templatesAsks(builder.draft, builder.data.columns, fed, asked);
  if (!asks.length) return false; // not known: what was offered stands
  const templates = await templatesFor(asks).catch(() => null); // the form works without them
  signal.throwIfAborted();
  if (!templates) return false;
  const hasFollowed = builder.model.offer(templates);
  if (hasFollowed) builder.write();
  return hasFollowed;
}

function show() {
  const places = showProblems($("#steps"), answer.errors);
  // What stood beside the layers holds no more once something about them or their input does not fit.
  const isStale = answer.errors.some(({ loc }) => loc[0] === "model" || loc[0] === "data" || loc[0] === "dataset");
  if (answer.inspection || isStale) builder.model.showInspection(answer.inspection);
  builder.training.showRates(answer.rates);
  summary.show(answer, places);
  doctor.look(answer.inspection?.num_parameters);
}

async function start(event) {
  event.preventDefault();
  const button = $("#start");
  if (button.getAttribute("aria-disabled") === "true") {
    $("#problems button")?.click();
    return;
  }
  button.setAttribute("aria-disabled", "true");
  try {
    const { said: over } = repeat;
    const made = over ? await api.post("/groups", { ...submitted(), over }) : await api.post("/runs", submitted());
    location.assign(`/${over ? "groups" : "runs"}/${made.id}`);
  } catch (error) {
    button.setAttribute("aria-disabled", "false");
    if (error.errors?.length) {
      answer = { ...answer, ok: false, errors: error.errors };
      show();
    } else toastError(error);
  }
}

// JSON view

function setView(view) {
  builder.view = view;
  $("#steps").hidden = view !== "form";
  $("#json-view").hidden = view !== "json";
  for (const button of $$("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === view));
  if (view === "form") drawAll();
  builder.changed();
}

function onJson() {
  const area = $("#json");
  try {
    const spec = JSON.parse(area.value);
    if (spec === null || typeof spec !== "object" || Array.isArray(spec))
      throw new SyntaxError("A run is an object: { … }");
    builder.draft = draftOf(spec);
    builder.modelTouched = true;
    area.removeAttribute("aria-invalid");
    $("#json-error").textContent = "";
    check();
  } catch (error) {
    area.setAttribute("aria-invalid", "true");
    $("#json-error").textContent = error.message;
  }
}

// beginning

/**
 * A run to clone, a program of the gallery, a model, a dataset: or nothing. All that is known of the dataset comes first:
 * a form that is drawn again while somebody types would lose what is typed.
 */
async function begin() {
  const asked = new URLSearchParams(location.search);
  const spec = page.from_spec ?? handedOver();
  if (spec) {
    builder.draft = draftOf(spec, { name: page.is_clone ? nextName(spec.name) : spec.name });
    if (typeof builder.draft.model === "string") {
      const kept = builder.models.find(({ id }) => id === builder.draft.model);
      builder.draft.model = kept
        ? structuredClone({ name: kept.name, ...kept.definition })
        : { name: null, layers: [] };
    }
    builder.modelTouched = true;
    await builder.data.load(builder.draft.dataset);
    return;
  }
  const ready = builder.datasets.filter(({ status }) => status === "ready");
  const dataset = ready.find(({ id }) => id === asked.get("dataset")) ?? (asked.get("dataset") ? null : ready[0]);
  const model = asked.get("model");
  if (model && !asked.get("dataset")) return beginWithModel(model);
  if (dataset) await builder.data.load(dataset.id);
  drawAll();
  if (model) builder.model.useKept(model);
  if (dataset) await builder.data.choose(dataset.id);
}

async function beginWithModel(id) {
  builder.model.draw();
  builder.model.useKept(id);
  const { draft, words } = await fittedDraft(builder, id);
  builder.draft = draft;
  builder.data.origin = words;
}

$("#name").addEventListener("input", (event) => {
  builder.draft.name = event.target.value;
  builder.changed();
});
$("#tags").addEventListener("input", (event) => {
  builder.draft.tags = event.target.value
    .split(",")
    .map((tag) => tag.trim())
    .filter(Boolean);
  builder.changed();
});
$("#new-run").addEventListener("submit", start);
$("#json").addEventListener("input", onJson);
for (const button of $$("[data-view]")) button.addEventListener("click", () => setView(button.dataset.view));

after.load();
await begin();
drawAll();
summary.show(null, []);
builder.write();
look();
