// The selected layer: what it is, its settings, what it takes from, what it makes. Where there is no room beside the
// list it lies over the page's end, opened from a layer and closed again.

import { $, h, redrawn, replace } from "../dom.js";
import { field, select, showProblems, splitFields, textField } from "../forms.js";
import * as format from "../format.js";
import { icon } from "../icons.js";
import { labelOf } from "../schema.js";
import { FIGURES, groupLine, groupTitle } from "./concepts.js";
import * as edits from "./edits.js";
import { figuresOf, withoutPlace } from "./places.js";
import { weightsFiles } from "./weightsfiles.js";

const PACE = ["freeze", "unfreeze_after", "lr_factor"]; // of all layers of a block

export class Inspector {
  constructor(studio, container, { onLeave, onGather }) {
    Object.assign(this, { studio, container, onLeave, onGather, body: h("div") });
    const close = h("button", { class: "button quiet small icon inspector-close", type: "button", "aria-label": "Close the settings", title: "Close (Esc)" }, icon("remove"));
    close.addEventListener("click", () => this.close());
    replace(container, close, this.body);
    container.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.close();
    });
    for (const name of ["model", "select"]) studio.addEventListener(name, () => this.draw());
    studio.addEventListener("answer", () => this.#tell());
  }

  open() {
    this.container.classList.add("is-open");
  }

  close() {
    this.container.classList.remove("is-open");
    this.onLeave();
  }

  /** The first setting of the layer. */
  focus() {
    this.open();
    ($("input, select", this.form) ?? $("input, select, button", this.body))?.focus();
  }

  draw() {
    redrawn(this.body, () => this.#draw());
  }

  #draw() {
    const { studio } = this;
    const { layer } = studio;
    if (!layer) {
      this.form = h("div");
      this.container.classList.remove("is-open");
      replace(this.body, h("p", { class: "muted" }, "No layer is selected."));
      return;
    }
    const [first, last] = studio.range;
    if (first < last) {
      this.form = this.#several(first, last);
      this.figures = null;
      replace(this.body, this.form);
      return;
    }
    const entry = studio.entryOf(layer);
    this.figures = h("dl", { class: "pairs" });
    this.form = layer.type === "block" ? this.#blockForm(layer) : this.#form(entry, layer);
    const loc = this.#loc();
    replace(
      this.body,
      h(
        "div",
        { class: "stack-s", data: { loc: loc.join(".") } },
        h(
          "div",
          { class: "inspector-head" },
          h("h2", {}, layer.type === "block" ? `Block ${layer.block}` : labelOf(layer.type)),
          h("span", { class: "tag" }, groupTitle(studio.groupOf(layer))),
        ),
        h("p", { class: "muted small inspector-help" }, entry?.help ?? groupLine(studio.groupOf(layer)), " ", this.#source(entry)),
        h("span", { class: "field-error" }),
        this.form,
        this.#wiring(layer, entry),
        this.figures,
      ),
    );
    this.#tell();
  }

  #several(first, last) {
    const gather = h("button", { class: "button", type: "button", onclick: () => this.onGather() }, "Make a block of them");
    return h(
      "div",
      { class: "stack-s" },
      h("h2", {}, `${last - first + 1} layers`),
      h("p", { class: "muted small" }, `Layers ${first} to ${last} are selected: they are moved, copied and removed together. As a block they get a name, and can be used again elsewhere.`),
      h("div", { class: "row" }, gather),
    );
  }

  #loc(...rest) {
    const { scope, at } = this.studio;
    const place = scope === null ? ["model", "layers", at] : ["model", "blocks", scope, "layers", at];
    return [...place, ...rest];
  }

  #source(entry) {
    if (!entry?.source) return null;
    return h("a", { href: entry.source, target: "_blank", rel: "noreferrer" }, "More");
  }

  #form(entry, layer) {
    if (!entry) return h("div");
    const key = this.#loc().join(".");
    const onChange = () => this.studio.edited(`${key}.${document.activeElement?.id}`);
    const { main, extra, isExtraSet } = splitFields(entry, layer, this.#loc(), this.studio.catalogue, onChange, { isQuiet: false });
    const more = h(
      "details",
      { class: "more", open: isExtraSet },
      h("summary", {}, "More settings"),
      h("div", { class: "inspector-fields" }, extra),
    );
    const files = layer.type === "backbone" ? this.#files(layer) : null;
    const fields = main.length ? h("div", { class: "inspector-fields" }, main) : null;
    return h("div", { class: "stack-s" }, fields, files, extra.length ? more : null);
  }

  #files(layer) {
    return weightsFiles(layer, () => {
      this.studio.edited(`${this.#loc().join(".")}.weights`);
      this.draw();
    });
  }

  /** Which block, how often, and what its settings are here. */
  #blockForm(layer) {
    const { studio } = this;
    const names = Object.keys(studio.model.blocks ?? {});
    const changed = (key) => studio.edited(`${this.#loc().join(".")}.${key}`);
    const choice = select(names, layer.block, (name) => {
      layer.block = name;
      delete layer.arguments;
      changed();
      this.draw();
    });
    const repeat = { name: "repeat", kind: "integer", help: "how many times it stands here, each taking what the one before gives", choices: [], default: 1 };
    const given = Object.entries(studio.model.blocks?.[layer.block]?.arguments ?? {});
    const set = (name, value) => {
      layer.arguments = { ...layer.arguments, [name]: value };
      if (value === undefined) delete layer.arguments[name];
      if (!Object.keys(layer.arguments).length) delete layer.arguments;
      changed(name);
    };
    const entry = studio.catalogue.layers.find(({ type }) => type === "linear"); // what every layer that learns may say
    const pace = Object.fromEntries(PACE.map((name) => [name, entry.fields[name]]));
    const { extra, isExtraSet } = splitFields({ fields: pace }, layer, this.#loc(), studio.catalogue, () => changed("pace"), { isQuiet: false });
    const more = h(
      "details",
      { class: "more", open: isExtraSet },
      h("summary", {}, "More settings"),
      h("div", { class: "inspector-fields" }, extra),
    );
    const fields = given.map(([name, usual]) => {
      const descriptor = { name, kind: "mixed", items: "number", choices: [], help: "", isRequired: usual === null, default: usual ?? undefined };
      return textField(descriptor, layer.arguments?.[name], this.#loc("arguments", name), (value) => set(name, value), { isQuiet: false });
    });
    const times = textField(repeat, layer.repeat, this.#loc("repeat"), (value) => {
      if (value === undefined) delete layer.repeat;
      else layer.repeat = value;
      changed("repeat");
    }, { isQuiet: false });
    return h(
      "div",
      { class: "stack-s" },
      h("div", { class: "inspector-fields" }, field({ label: "block", loc: this.#loc("block") }, choice), fields, times),
      more,
      h("button", { class: "button", type: "button", onclick: () => studio.select(0, layer.block) }, "Open the block"),
    );
  }

  // name and inputs

  #wiring(layer, entry) {
    const { studio } = this;
    const name = { name: "name", kind: "text", help: "what others call it by, and its weights", choices: [], isNullable: false };
    const nameField = textField(name, layer.name, this.#loc("name"), () => {}, { isQuiet: false });
    $("input", nameField).addEventListener("change", ({ target }) => {
      studio.apply(edits.renamed(studio.model, studio.scope, studio.at, target.value.trim()));
    });
    const least = entry?.num_inputs?.[0] ?? 1;
    const isWired = Boolean(layer.inputs) || least > 1;
    return h(
      "details",
      { class: "more", open: isWired || Boolean(layer.name) },
      h("summary", {}, "Name and inputs"),
      h("div", { class: "stack-s" }, nameField, this.#inputs(layer, entry)),
    );
  }

  #inputs(layer, entry) {
    const { studio } = this;
    const [least, most] = entry?.num_inputs ?? [1, null];
    const set = (inputs) => {
      if (inputs.length) layer.inputs = inputs;
      else delete layer.inputs;
      studio.edited(`${this.#loc().join(".")}.inputs`);
      this.draw();
    };
    const taken = layer.inputs ?? [""];
    const rows = taken.map((call, j) => {
      const choice = select(this.#sources(call), call, (value) => set(value === "" ? [] : taken.with(j, value)), {
        "aria-label": taken.length > 1 ? `Input ${j + 1}` : "Takes from",
      });
      const remove = h(
        "button",
        {
          class: "button quiet small icon",
          type: "button",
          "aria-label": `Take no longer from input ${j + 1}`,
          hidden: taken.length <= Math.max(least, 1),
          onclick: () => set(taken.toSpliced(j, 1)),
        },
        "×",
      );
      return h("div", { class: "row nowrap", data: { loc: this.#loc("inputs", j).join(".") } }, choice, remove, h("span", { class: "field-error" }));
    });
    const canAdd = layer.inputs && (most === null || taken.length < most);
    const add = h(
      "button",
      { class: "button quiet small", type: "button", hidden: !canAdd, onclick: () => set([...taken, this.#sources("")[1].value]) },
      "One more input",
    );
    return h(
      "div",
      { class: "field", data: { loc: this.#loc("inputs").join(".") } },
      h("span", { class: "field-label" }, "takes from"),
      rows,
      add,
      h("span", { class: "field-error" }),
    );
  }

  /** The layer before, the inputs, every earlier layer; and what is said although it is not there. */
  #sources(call) {
    const { studio } = this;
    const earlier = studio.layers.slice(0, studio.at).map((layer, i) => {
      const own = edits.callOf(studio.layers, i);
      return { value: own, label: layer.name ? `${own} (${layer.type})` : `${i} ${layer.type}` };
    });
    const given = edits.inputsOf(studio.model, studio.scope).map((name) => ({ value: name, label: name }));
    const options = [{ value: "", label: "the layer before" }, ...given, ...earlier.reverse()];
    if (!options.some(({ value }) => value === call)) options.push({ value: call, label: `${call} (not there)` });
    return options;
  }

  // what the server says

  #tell() {
    const { studio } = this;
    if (!studio.layer || !this.figures) return;
    const own = studio.problems().get(studio.at) ?? [];
    showProblems(this.body, own.map((problem) => ({ ...problem, msg: withoutPlace(problem.msg) })));
    const known = figuresOf(studio.model, studio.scope, studio.reports)[studio.at];
    const values = known
      ? [
          format.shape(known.shape),
          format.count(known.numParameters) + (known.numFrozen ? `, ${format.count(known.numFrozen)} frozen` : ""),
          format.short(known.numMultiplyAdds),
          format.bytes(4 * known.numKept),
        ]
      : [];
    const pairs = Object.entries(FIGURES).map(([name, help], i) =>
      h("div", { title: help }, h("dt", {}, name), h("dd", {}, values[i] ?? "–")),
    );
    replace(this.figures, pairs);
  }
}
