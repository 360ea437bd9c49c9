// The versions of a model: a switch between them, a table of them, and what tells this one from another.

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import * as format from "../format.js";
import { select } from "../forms.js";
import { becameOf, costInWords, fieldInWords, folded, signOf, sumInWords } from "./difference.js";

/** A choice of the versions beside the model's name; nothing where there is one alone. */
export function drawSwitch(model, versions, place) {
  if (versions.length < 2) return;
  const options = versions.map(({ id, version }, i) => ({ value: id, label: `v${version}${i ? "" : ", newest"}` }));
  const go = (id) => location.assign(`/models/${id}${location.hash}`);
  replace(place, select(options, model.id, go, { class: "select small version-switch", "aria-label": "Version" }));
}

/** All versions, and below them what this one has otherwise than the one that it was made of, or any other. */
export function drawVersions(model, versions, panel) {
  const others = versions.filter(({ id }) => id !== model.id);
  if (!others.length) {
    replace(panel, onlyOne(model));
    return;
  }
  const first =
    others.find(({ id }) => id === model.parent_id) ??
    others.find(({ version }) => version < model.version) ??
    others[0];
  const found = h("div", { class: "stack-s", "aria-live": "polite" });
  const turn = (id) =>
    compare(
      model,
      others.find((one) => one.id === id),
      found,
    );
  const options = others.map(({ id, version }) => ({ value: id, label: `version ${version}` }));
  const choice = select(options, first.id, turn, { class: "select small" });
  replace(
    panel,
    versionsCard(model, versions),
    h(
      "section",
      { class: "card stack-s", "aria-label": "What changed" },
      h("label", { class: "row versions-since" }, `What version ${model.version} has otherwise than`, choice),
      found,
    ),
  );
  turn(first.id);
}

const onlyOne = (model) =>
  h(
    "section",
    { class: "card empty" },
    h("h2", {}, "One version"),
    h("p", {}, "What is changed in a model is kept as its next version, and the two can be compared here."),
    h("a", { class: "button", href: `/models/${model.id}/edit` }, "Edit as a new version"),
  );

function versionsCard(model, versions) {
  const numbers = new Map(versions.map(({ id, version }) => [id, version]));
  const row = (one) =>
    h(
      "tr",
      { class: "linked" },
      h(
        "th",
        { scope: "row" },
        h(
          "a",
          { class: "row-link", href: `/models/${one.id}`, "aria-current": one.id === model.id ? "true" : null },
          `Version ${one.version}`,
        ),
        one.id === model.id ? [" ", h("span", { class: "tag" }, "shown here")] : null,
      ),
      h("td", { data: { label: "Name" } }, one.name),
      h(
        "td",
        { data: { label: "Made of" } },
        numbers.has(one.parent_id) ? `version ${numbers.get(one.parent_id)}` : "",
      ),
      h("td", { class: "right", data: { label: "Layers" } }, format.count(one.num_layers)),
      h(
        "td",
        { class: "right", data: { label: "Parameters" } },
        one.num_parameters === null ? "" : format.count(one.num_parameters),
      ),
      h("td", { class: "right", data: { label: "Runs" } }, format.count(one.num_runs)),
      h("td", { class: "right muted", data: { label: "Kept" } }, moment(one.created_at)),
    );
  const heads = [["Version"], ["Name"], ["Made of"], ["Layers", 1], ["Parameters", 1], ["Runs", 1], ["Kept", 1]];
  return h(
    "section",
    { class: "card flush", "aria-label": "Versions" },
    h(
      "div",
      { class: "table-wrap" },
      h("table", { class: "table cards-when-narrow" }, headOf(heads), h("tbody", {}, versions.map(row))),
    ),
  );
}

export const headOf = (heads) =>
  h(
    "thead",
    {},
    h(
      "tr",
      {},
      heads.map(([name, isRight]) => h("th", { scope: "col", class: isRight ? "right" : null }, name)),
    ),
  );

export function moment(text) {
  const at = new Date(text);
  return h("time", { datetime: text, title: at.toLocaleString("en-GB") }, at.toLocaleDateString("en-GB"));
}

let newest = 0; // of the comparisons that were asked for: the answer to an older one may come after it

async function compare(model, older, place) {
  const mine = ++newest;
  replace(place, h("p", { class: "muted small" }, "Comparing…"));
  try {
    const found = await api.get(`/models/${older.id}/difference${api.query({ to: model.id })}`);
    if (mine === newest) replace(place, differenceOf(found));
  } catch (error) {
    if (mine === newest) replace(place, h("p", { class: "field-error", role: "alert" }, error.message));
  }
}

function differenceOf(found) {
  const blocks = found.blocks.filter(({ change }) => change !== "same");
  return [
    h("p", {}, h("strong", {}, format.capitalize(sumInWords(found.layers)))),
    costs(found),
    found.misfits.map((text) => h("p", { class: "note warn" }, text)),
    layersTable(found.layers, "Layers"),
    blocks.map((block) => [
      h("h3", {}, `Block ${block.name}`, " ", h("span", { class: "tag" }, block.change)),
      block.fields.length ? h("p", { class: "small" }, block.fields.map(fieldInWords).join("; ")) : null,
      block.change === "changed" ? layersTable(block.layers, `Layers of ${block.name}`) : null,
    ]),
  ];
}

function costs({ input_shape: shape, num_parameters: parameters, num_multiply_adds: adds }) {
  const words = [
    ["parameters", costInWords(parameters)],
    ["multiply-adds of a row", costInWords(adds, format.short)],
  ].flatMap(([name, text]) => (text === null ? [] : [`${name} ${text}`]));
  if (shape === null)
    return h("p", { class: "muted small" }, "No input is known for either, so neither is what they cost.");
  if (!words.length) return null; // one of them does not fit, which is said
  return h(
    "p",
    { class: "muted small figures" },
    `${format.capitalize(words.join(", "))}, for input ${format.shape(shape)}.`,
  );
}

function layersTable(layers, label) {
  return h(
    "div",
    { class: "table-wrap", tabindex: "0", role: "region", "aria-label": label },
    h(
      "table",
      { class: "table difference-table" },
      h(
        "thead",
        { class: "visually-hidden" },
        h(
          "tr",
          {},
          ["", "Layer", "What changed"].map((text) => h(text ? "th" : "td", text ? { scope: "col" } : {}, text)),
        ),
      ),
      h(
        "tbody",
        {},
        folded(layers).map(({ layer, numSame }) => (layer ? row(layer) : sameRow(numSame))),
      ),
    ),
  );
}

const sameRow = (num) =>
  h(
    "tr",
    { class: "is-same" },
    h("td"),
    h("td", { class: "muted small", colspan: "2" }, `${format.plural(num, "layer")} as before`),
  );

function row(layer) {
  const place = [layer.before, layer.after].filter((one) => one !== null);
  const where =
    place.length === 2 && place[0] !== place[1] ? `layer ${place[0]}, now ${place[1]}` : `layer ${place[0]}`;
  return h(
    "tr",
    { class: `is-${layer.change === "same" ? "moved" : layer.change}` },
    h("td", { class: "difference-sign", "aria-hidden": "true" }, signOf(layer)),
    h(
      "th",
      { scope: "row" },
      layer.type,
      layer.name ? h("span", { class: "muted" }, ` ${layer.name}`) : null,
      h("span", { class: "muted small" }, ` ${where}`),
    ),
    h("td", {}, [becameOf(layer), layer.fields.map(fieldInWords).join("; ")].filter(Boolean).join(": ")),
  );
}
