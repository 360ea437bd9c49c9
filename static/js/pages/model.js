// One model: its layers, with shapes and parameters for an input of any shape.

import * as api from "../api.js";
import { $, pageData, replace, setText } from "../dom.js";
import { drawGraph } from "../modelgraph.js";
import { layersOf } from "../modellayout.js";
import { layersCard } from "../run/model.js";
import { confirmed, toast, toastError } from "../shell.js";

const { model } = pageData();

function show(inspection) {
  replace($("#layers"), layersCard({ inspection, spec: { model: model.definition } }));
  graph = showGraph({
    input: { name: "input", shape: inspection.input_shape },
    layers: inspection.layers,
    definition: model.definition,
  });
}

let graph = null;

function showGraph(given) {
  if (!graph) return drawGraph($("#graph"), given);
  graph.update(given);
  return graph;
}

function withoutShapes() {
  return { input_shape: null, num_parameters: null, layers: layersOf(model.definition) };
}

$("#inspect").addEventListener("submit", async (event) => {
  event.preventDefault();
  const shape = $("#shape")
    .value.split(/[^0-9]+/)
    .filter(Boolean)
    .map(Number);
  setText($("#inspect-error"), "");
  const body = { model: model.definition, input_shape: shape };
  try {
    const [inspection, code] = await Promise.all([
      api.post("/models/inspect", body),
      api.download("/models/code", body).then((blob) => blob.text()),
    ]);
    show(inspection);
    setText($("#code pre"), code);
    $("#code").hidden = false;
  } catch (error) {
    setText($("#inspect-error"), error.message);
  }
});

async function copy(text, words) {
  await navigator.clipboard.writeText(text).then(
    () => toast(words),
    () => toast("The browser does not let this page copy.", { isError: true }),
  );
}

$("#copy").addEventListener("click", () => copy(JSON.stringify(model.definition, null, 2), "Copied the definition."));
$("#copy-code").addEventListener("click", () => copy($("#code pre").textContent, "Copied the code."));

$("#delete").addEventListener("click", async () => {
  if (
    !(await confirmed({
      title: `Delete ${model.name}?`,
      text: "Runs that used it keep their own copy.",
      action: "Delete the model",
    }))
  )
    return;
  try {
    await api.remove(`/models/${model.id}`);
    location.assign("/models");
  } catch (error) {
    toastError(error);
  }
});

show(withoutShapes());
