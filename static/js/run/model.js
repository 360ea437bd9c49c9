// The graph, the layers as a summary, the files that the run left, the checkpoints.

import { h, replace } from "../dom.js";
import * as format from "../format.js";
import { layerInWords } from "../layerwords.js";

let graphCard = null; // stays while news of the run come, with what is open and chosen in it

export async function showModel(panel, run) {
  if (!run.spec.model) {
    replace(panel, filesCard(run));
    return;
  }
  const { GraphCard } = await import("../models/graphcard.js");
  const isNew = !graphCard;
  graphCard ??= new GraphCard();
  const files = h("div", { class: "tab-columns" }, filesCard(run), checkpointsCard(run));
  replace(panel, usedModel(run), graphCard.element, layersCard(run), files);
  if (isNew) graphCard.show(run.inspection, run.spec.model);
}

/** The kept model that the run named; one that it wrote itself has no page. */
function usedModel({ model }) {
  if (!model?.id) return null;
  return h("p", {}, "The model ", h("a", { href: `/models/${model.id}` }, model.name), ", as it was when the run was submitted.");
}

/** As Keras' summary(). Layers count from 0, as PyTorch's own names of their parameters do. */
export function layersCard({ inspection, spec }) {
  const layers = inspection?.layers ?? [];
  const given = spec.model?.layers ?? [];
  const right = (text) => h("td", { class: "right" }, text);
  const rows = layers.map((layer, i) =>
    h(
      "tr",
      {},
      // The layers of a block share its number, which stands at the first of them.
      h("td", { class: "right muted wide-only" }, layers[i - 1]?.index === layer.index ? "" : String(layer.index)),
      h(
        "th",
        { scope: "row" },
        layer.type,
        layer.name === String(layer.index) ? null : [" ", h("span", { class: "muted small" }, layer.name)],
      ),
      h("td", { class: "muted", data: { label: "Settings" } }, layerInWords(layer.name.includes(".") ? null : given[layer.index])),
      h("td", { class: "right nowrap", data: { label: "Output" } }, format.shape(layer.output_shape)),
      h("td", { class: "right nowrap", data: { label: "Multiply-adds" } }, format.short(layer.num_multiply_adds)),
      h("td", { class: "right", data: { label: "Parameters" } }, parametersOf(layer)),
    ),
  );
  const head = [
    ["", 1],
    ["Layer", 0],
    ["Settings", 0],
    ["Output", 1],
    ["Multiply-adds", 1],
    ["Parameters", 1],
  ];
  return h(
    "section",
    { class: "card flush" },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, "Layers"),
      h("span", { class: "card-note figures" }, `input ${format.shape(inspection?.input_shape)}`),
    ),
    h(
      "div",
      { class: "table-wrap" },
      h(
        "table",
        { class: "table cards-when-narrow" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            head.map(([name, isRight]) =>
              name ? h("th", { scope: "col", class: isRight ? "right" : null }, name) : h("td", {}),
            ),
          ),
        ),
        h("tbody", {}, rows),
        h(
          "tfoot",
          {},
          h(
            "tr",
            {},
            h("td", { colspan: "4" }, "In all"),
            right(format.short(inspection?.num_multiply_adds)),
            right(parametersOf(inspection ?? {})),
          ),
        ),
      ),
    ),
  );
}

/** How many numbers are learned, and how many of them stay as they begin. */
function parametersOf({ num_parameters: num = null, num_frozen: numFrozen }) {
  return numFrozen ? [format.count(num), h("span", { class: "muted small" }, ` ${format.count(numFrozen)} frozen`)] : format.count(num);
}

function filesCard(run) {
  const rows = run.artifacts.map((file) =>
    h(
      "tr",
      {},
      h(
        "th",
        { scope: "row" },
        h(
          "a",
          { href: `/api/v1/runs/${run.id}/artifacts/${encodeURIComponent(file.name)}`, download: file.name },
          file.name,
        ),
      ),
      h("td", { class: "right" }, format.bytes(file.size_bytes)),
      h("td", { class: "mono muted small", title: `SHA-256 ${file.sha256}` }, file.sha256.slice(0, 12)),
    ),
  );
  const curves = h(
    "tr",
    {},
    h("th", { scope: "row" }, h("a", { href: `/api/v1/runs/${run.id}/metrics`, data: { csv: "true" } }, "curves.csv")),
    h("td", { class: "right muted" }, "every point"),
    h("td", {}),
  );
  const tensorboard = h(
    "tr",
    {},
    h("th", { scope: "row" }, h("a", { href: `/api/v1/runs/${run.id}/tensorboard`, download: "" }, "tensorboard.zip")),
    h("td", { class: "right muted" }, "every point, with its time"),
    h("td", {}),
  );
  const python = [
    ["code", "model.py", "the model in PyTorch"],
    ["script", "train.py", "trains it again, without Traindeck"],
  ].map(([route, name, note]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, h("a", { href: `/api/v1/runs/${run.id}/${route}`, download: name }, name)),
      h("td", { class: "right muted" }, note),
      h("td", {}),
    ),
  );
  const head = h(
    "thead",
    { class: "visually-hidden" },
    h(
      "tr",
      {},
      ["File", "Size", "SHA-256"].map((name) => h("th", { scope: "col" }, name)),
    ),
  );
  return h(
    "section",
    { class: "card flush" },
    h("div", { class: "card-head" }, h("h2", {}, "Downloads"), h("span", { class: "card-note" }, exportNote(run))),
    h("div", { class: "table-wrap" }, h("table", { class: "table" }, head, h("tbody", {}, rows, run.spec.model ? python : null, curves, tensorboard))),
  );
}

function exportNote({ export: state, status, dataset }) {
  if (!dataset) return "";
  if (state?.status === "failed") return `ONNX: ${state.error?.message ?? "could not be written"}`;
  if (state?.status === "running" || state?.status === "queued") return "ONNX is being written";
  return status === "succeeded" ? "" : "files follow a training that succeeded";
}

function checkpointsCard(run) {
  const rows = run.checkpoints.map((one) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, `step ${format.count(one.step)}`),
      h("td", { class: "right" }, `epoch ${format.count(one.epoch)}`),
      h("td", {}, one.is_best ? h("span", { class: "tag", title: "the best of those that are kept" }, "best kept") : ""),
      h("td", { class: "right" }, format.bytes(one.size_bytes)),
    ),
  );
  const content = rows.length
    ? h(
        "div",
        { class: "table-wrap" },
        h(
          "table",
          { class: "table" },
          h(
            "thead",
            { class: "visually-hidden" },
            h(
              "tr",
              {},
              ["Step", "Epoch", "Best", "Size"].map((name) => h("th", { scope: "col" }, name)),
            ),
          ),
          h("tbody", {}, rows),
        ),
      )
    : h(
        "p",
        { class: "empty inline muted" },
        "None yet: one is kept every so often, and training goes on from it if its worker is lost.",
      );
  return h("section", { class: "card flush" }, h("div", { class: "card-head" }, h("h2", {}, "Checkpoints")), content);
}

/** The curves as CSV: the same address answers by what is asked for. */
export async function downloadCurves(run) {
  const response = await fetch(`/api/v1/runs/${run.id}/metrics`, { headers: { Accept: "text/csv" } });
  if (!response.ok) throw new Error("The curves could not be fetched.");
  saveAs(await response.blob(), `${run.name}-curves.csv`);
}

export function saveAs(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
