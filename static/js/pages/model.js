// One model: its graph and layers for an input of any shape, its versions, the runs that trained it.

import * as api from "../api.js";
import { $, pageData, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { layersOf } from "../modellayout.js";
import { GraphCard } from "../models/graphcard.js";
import { drawRuns } from "../models/runs.js";
import { drawSwitch, drawVersions } from "../models/versions.js";
import { layersCard } from "../run/model.js";
import { confirmed, toast, toastError } from "../shell.js";
import { startTabs } from "../tabs.js";

const { model } = pageData();
const graphCard = new GraphCard();
const familyFound = api.get(`/models/${model.id}/versions`);

// the model for an input

let inspection = { input_shape: null, num_parameters: null, layers: layersOf(model.definition) };

/** Fill what is seen of the two; a graph needs to be seen to know its size. */
function show() {
  if (!$("#panel-graph").hidden) graphCard.show(inspection, model.definition);
  replace($("#panel-layers"), layersCard({ inspection, spec: { model: model.definition } }));
}

async function inspect() {
  const shape = $("#shape")
    .value.split(/[^0-9]+/)
    .filter(Boolean)
    .map(Number);
  setText($("#inspect-error"), "");
  const body = { model: model.definition, input_shape: shape };
  try {
    const [found, code] = await Promise.all([
      api.post("/models/inspect", body),
      api.download("/models/code", body).then((blob) => blob.text()),
    ]);
    inspection = found;
    setText($("#costs"), costsInWords(found));
    setText($("#code pre"), code);
    $("#code").hidden = false;
    show();
  } catch (error) {
    setText($("#inspect-error"), error.message);
  }
}

const costsInWords = ({ output_shape: output, num_parameters: parameters, num_multiply_adds: adds }) =>
  `output ${format.shape(output)}, ${format.plural(parameters, "parameter")}, ${format.short(adds)} multiply-adds a row`;

$("#inspect").addEventListener("submit", (event) => {
  event.preventDefault();
  inspect();
});

// tabs, filled when they are first seen

const seen = new Set();
const fill = {
  versions: (panel) => familyFound.then((versions) => drawVersions(model, versions, panel)).catch(toastError),
  runs: (panel) => drawRuns(model, panel),
};

replace($("#panel-graph"), graphCard.element);
startTabs($("#tabs"), (key) => {
  if (key === "graph") graphCard.show(inspection, model.definition);
  if (!seen.has(key)) fill[key]?.($(`#panel-${key}`));
  seen.add(key);
});
familyFound.then((versions) => drawSwitch(model, versions, $("#version-place"))).catch(toastError);
show();
if (model.input_shape) inspect();

// what can be done with it

async function copy(text, words) {
  await navigator.clipboard.writeText(text).then(
    () => toast(words),
    () => toast("The browser does not let this page copy.", { isError: true }),
  );
}

$("#copy").addEventListener("click", () => copy(JSON.stringify(model.definition, null, 2), "Copied the definition."));
$("#copy-code").addEventListener("click", () => copy($("#code pre").textContent, "Copied the code."));

$("#delete").addEventListener("click", async () => {
  const isOneOfSeveral = model.num_versions > 1;
  const sure = await confirmed({
    title: isOneOfSeveral ? `Delete version ${model.version} of ${model.name}?` : `Delete ${model.name}?`,
    text: isOneOfSeveral
      ? "Its other versions stay. Runs that used it keep their own copy."
      : "Runs that used it keep their own copy.",
    action: isOneOfSeveral ? "Delete this version" : "Delete the model",
  });
  if (!sure) return;
  try {
    await api.remove(`/models/${model.id}`);
    location.assign("/models");
  } catch (error) {
    toastError(error);
  }
});
