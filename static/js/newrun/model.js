// Second step: the layers, one below the other, with what the server says of their shapes.

import * as api from "../api.js";
import { $, h, replace, setText } from "../dom.js";
import { titled } from "../datasets/names.js";
import { nextName } from "../draft.js";
import { select, splitFields } from "../forms.js";
import { icon } from "../icons.js";
import * as format from "../format.js";
import { keyed } from "../keyed.js";
import { blockInWords } from "../layerwords.js";
import { toast, toastError } from "../shell.js";
import { keyFor, nameOf, proposed } from "../templates.js";

export class ModelStep {
  constructor(builder, container) {
    Object.assign(this, { builder, container, templates: [], presets: h("span", { class: "row" }) });
    // What the model follows has changed: until it does, what it was is not shown as what it will be.
    this.isDue = true;
  }

  get layers() {
    return this.builder.draft.model.layers;
  }

  draw() {
    this.height = this.list?.offsetHeight ?? 0; // kept while another model is due, so that what follows stays where it is
    this.list = h("ol", { class: "layers", aria: { label: "Layers" } });
    this.note = h("p", { class: "muted small figures", aria: { live: "polite" } });
    replace(
      this.container,
      this.#startBar(),
      h(
        "div",
        { data: { loc: "model" } },
        h("div", { data: { loc: "model.layers" } }, this.list, h("span", { class: "field-error" })),
        h("span", { class: "field-error" }),
      ),
      this.#addBar(),
      this.note,
    );
    this.#drawPresets();
    this.#drawLayers();
  }

  /** Those that fit what is fed and asked. */
  #drawPresets() {
    const fitting = this.templates.filter(({ definition }) => definition);
    keyed(this.presets, fitting, {
      key: ({ key }) => key,
      make: ({ key }) => h("button", { class: "button small", type: "button", onclick: () => this.use(key) }),
      fill: (button, template) => {
        button.title = template.help;
        setText(button, nameOf(template, this.builder.draft));
      },
    });
  }

  #startBar() {
    const { models } = this.builder;
    const kept = models.length
      ? select(
          [{ value: "", label: "a kept model…" }, ...models.map((model) => ({ value: model.id, label: titled(model) }))],
          "",
          (id) => this.useKept(id),
          { class: "select kept-select", "aria-label": "Start from a kept model" },
        )
      : null;
    return h("div", { class: "row" }, h("span", { class: "muted small" }, "Start from"), this.presets, kept);
  }

  #addBar() {
    const groups = groupBy(this.builder.catalogue.layers, ({ group }) => group ?? "layers");
    const choice = h(
      "select",
      { class: "select add-select", "aria-label": "Type of the new layer" },
      [...groups].map(([group, entries]) =>
        h(
          "optgroup",
          { label: group },
          entries.map(({ type }) => h("option", { value: type }, type)),
        ),
      ),
    );
    const add = h(
      "button",
      { class: "button", type: "button", onclick: () => this.#add(choice.value) },
      "Add layer",
    );
    const keep = h("button", { class: "button quiet", type: "button", onclick: () => this.#keep() }, "Keep this model");
    const build = h("button", { class: "button quiet", type: "button", onclick: () => this.builder.openBuilder() }, "Open in the builder");
    return h("div", { class: "row" }, choice, add, h("span", { class: "grow" }), build, keep);
  }

  // layers

  #drawLayers() {
    const isDue = this.isDue && !this.builder.modelTouched;
    this.list.style.minHeight = isDue ? `${this.height}px` : "";
    if (isDue) {
      replace(this.list, h("li", { class: "empty inline muted" }, "Looking for a model that fits…"));
      return;
    }
    replace(
      this.list,
      this.layers.length
        ? this.layers.map((layer, i) => this.#layer(layer, i))
        : h(
            "li",
            { class: "empty inline muted" },
            "No layers yet. Start from one of the models above, or add a layer.",
          ),
    );
  }

  #layer(layer, i) {
    const entry = this.builder.catalogue.layers.find(({ type }) => type === layer.type);
    const last = this.layers.length - 1;
    const tool = (name, symbol, action, isDisabled = false) =>
      h(
        "button",
        {
          class: "button quiet small icon",
          type: "button",
          "aria-label": `${name} layer ${i}`,
          title: name,
          disabled: isDisabled,
          onclick: action,
        },
        icon(symbol),
      );
    const tools = h(
      "div",
      { class: "layer-tools" },
      tool("Move up", "up", () => this.#move(i, i - 1), i === 0),
      tool("Move down", "down", () => this.#move(i, i + 1), i === last),
      tool("Duplicate", "copy", () => this.#insert(i + 1, withoutName(layer))),
      tool("Remove", "remove", () => this.#remove(i)),
    );
    const { main, extra, isExtraSet } = entry
      ? splitFields(entry, layer, ["model", "layers", i], this.builder.catalogue, () => this.#edited(), { also: WIRING })
      : { main: [h("span", { class: "small" }, blockInWords(layer))], extra: [] };
    const more = h("div", { class: "form-grid layer-more", id: `layer-more-${i}`, hidden: !isExtraSet }, extra);
    tools.prepend(this.#moreButton(i, more));
    return h(
      "li",
      { class: "layer", data: { loc: `model.layers.${i}` } },
      h(
        "div",
        { class: "layer-row" },
        h("span", { class: "layer-number muted figures" }, String(i)),
        h("strong", { class: "layer-type", title: entry?.help }, layer.type),
        h(
          "div",
          { class: "layer-fields" },
          main.length ? main : h("span", { class: "muted small layer-help" }, entry?.help ?? ""),
        ),
        h(
          "div",
          { class: "layer-figures figures" },
          h("span", { class: "layer-shape", data: { shape: i } }),
          h("span", { class: "muted small", data: { parameters: i } }),
        ),
        tools,
      ),
      more,
      h("span", { class: "field-error" }),
    );
  }

  #moreButton(i, more) {
    return h(
      "button",
      {
        class: "button quiet small icon",
        type: "button",
        "aria-label": `More settings of layer ${i}`,
        title: "More settings",
        "aria-expanded": String(!more.hidden),
        "aria-controls": more.id,
        onclick: (event) => {
          more.hidden = !more.hidden;
          event.currentTarget.setAttribute("aria-expanded", String(!more.hidden));
        },
      },
      icon("more"),
    );
  }

  /** One that holds as it stands: what it needs is filled in as in its example. */
  #add(type) {
    const entry = this.builder.catalogue.layers.find((one) => one.type === type);
    const needed = (entry?.required ?? []).map((name) => [name, entry.example?.[name]]);
    this.#insert(this.layers.length, { type, ...Object.fromEntries(needed.filter(([, value]) => value !== undefined)) });
  }

  #insert(at, layer) {
    this.layers.splice(at, 0, structuredClone(layer));
    this.#changed(at);
  }

  #remove(at) {
    this.layers.splice(at, 1);
    this.#changed(Math.min(at, this.layers.length - 1));
  }

  #move(from, to) {
    this.layers.splice(to, 0, ...this.layers.splice(from, 1));
    this.#changed(to, from < to ? "Move down" : "Move up");
  }

  #edited() {
    this.builder.modelTouched = true;
    this.builder.changed();
  }

  #changed(focusAt, toolName = null) {
    this.settled();
    const item = this.list.children[focusAt];
    const wanted = toolName && $(`[title="${toolName}"]:not(:disabled)`, item);
    (wanted ?? $("input, select, button:not(:disabled)", item ?? this.list))?.focus({ preventScroll: false });
    this.#edited();
  }

  /** Take a template, which from now on follows what is fed and asked until somebody changes the model. */
  use(key) {
    this.preset = key;
    this.builder.modelTouched = false;
    this.#propose();
    this.settled();
    this.builder.changed();
  }

  /** Templates for what is fed and asked now. Whether the model, which nobody has changed, became another one. */
  offer(templates) {
    this.templates = templates;
    this.#drawPresets();
    const hasChanged = !this.builder.modelTouched && this.#propose();
    if (hasChanged) this.settled();
    return hasChanged;
  }

  #propose() {
    const { draft, data } = this.builder;
    const template = proposed(this.templates, this.preset, keyFor(draft, data.columns));
    if (!template) return false;
    const model = structuredClone({ ...template.definition, name: nameOf(template, draft).toLowerCase() });
    const isOther = JSON.stringify(model) !== JSON.stringify(draft.model);
    if (isOther) draft.model = model;
    return isOther;
  }

  /** The model is what it will be. */
  settled() {
    this.isDue = false;
    this.#drawLayers();
  }

  useKept(id) {
    const found = this.builder.models.find((model) => model.id === id);
    if (!found) return;
    this.builder.draft.model = structuredClone({ name: found.name, ...found.definition });
    this.builder.kept = { id, written: JSON.stringify(this.builder.draft.model) };
    this.builder.modelTouched = true;
    this.#drawLayers();
    this.builder.changed();
  }

  async #keep() {
    const { draft, models } = this.builder;
    let name = draft.model.name || draft.name || "model";
    while (models.some((one) => one.name === name)) name = nextName(name);
    const definition = { ...draft.model, name };
    const written = JSON.stringify(definition);
    try {
      const model = await api.post("/models", { name, definition });
      models.push(model);
      draft.model.name = name;
      this.builder.kept = { id: model.id, written };
      toast(`Kept as ${model.name}, under Models.`);
    } catch (error) {
      toastError(error);
    }
  }

  /** Put the server's answer beside the layers. */
  showInspection(inspection) {
    const reports = groupBy(inspection?.layers ?? [], ({ index }) => index);
    this.layers.forEach((_, i) => {
      const own = reports.get(i) ?? []; // several, of a block
      const numParameters = own.reduce((sum, report) => sum + report.num_parameters, 0);
      setText($(`[data-shape="${i}"]`, this.list), own.length ? format.shape(own.at(-1).output_shape) : "");
      setText(
        $(`[data-parameters="${i}"]`, this.list),
        numParameters ? format.plural(numParameters, "parameter") : "",
      );
    });
    setText(this.note, inspection ? this.#inWords(inspection) : "");
  }

  #inWords(inspection) {
    const parts = [
      `input ${format.shape(inspection.input_shape)} → output ${format.shape(inspection.output_shape)}`,
      format.plural(inspection.num_parameters, "parameter"),
      inspection.num_multiply_adds ? `${format.short(inspection.num_multiply_adds)} multiply-adds a row` : null,
    ];
    return parts.filter(Boolean).join(", ");
  }
}

// What every layer has beside its own fields.
const WIRING = {
  name: { anyOf: [{ type: "string" }, { type: "null" }], default: null, description: "what other layers call it by" },
  inputs: {
    anyOf: [{ type: "array", items: { type: "string" } }, { type: "null" }],
    default: null,
    description: "the layers it takes from; empty: the one before",
  },
};

const withoutName = ({ name, ...layer }) => layer;

function groupBy(entries, keyOf) {
  if (Map.groupBy) return Map.groupBy(entries, keyOf);
  const groups = new Map();
  for (const entry of entries) groups.set(keyOf(entry), [...(groups.get(keyOf(entry)) ?? []), entry]);
  return groups;
}
