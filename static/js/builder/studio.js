// The model that is being built, what is selected in it, and what the server makes of it. Views listen and draw.

import * as api from "../api.js";
import { debounce } from "../dom.js";
import { templatesAsks, templatesFor } from "../templates.js";
import * as edits from "./edits.js";
import { Past } from "./past.js";
import { figuresOf, problemsAt, within } from "./places.js";
import { started } from "./starts.js";

const CHECK_AFTER_MS = 200;

/** Events: "model" (layers came, went, or were replaced), "edit" (a setting), "select", "answer", "templates", "data". */
export class Studio extends EventTarget {
  /** `draft` is a run that is being described, of which the model is built here. */
  constructor({ catalogue, datasets, draft, shape = null }) {
    super();
    Object.assign(this, { catalogue, datasets, draft });
    this.typed = { shape, outputShape: [1], numEmbeddings: null, numClasses: 2 };
    this.scope = null;
    this.at = this.layers.length ? 0 : -1;
    this.anchor = this.at; // the other end of what is selected
    this.past = new Past(this.#state());
    this.answer = { ok: false, errors: [], inspection: null, layers: [], input_shape: null };
    this.templates = [];
    this.asks = []; // what they were made for
  }

  get model() {
    return this.draft.model;
  }

  get layers() {
    return edits.layersIn(this.model, this.scope);
  }

  get layer() {
    return this.layers[this.at] ?? null;
  }

  /** The first and the last of the selected layers. */
  get range() {
    return this.at < this.anchor ? [this.at, this.anchor] : [this.anchor, this.at];
  }

  get columns() {
    return this.datasets.find(({ id }) => id === this.draft.dataset)?.columns ?? [];
  }

  get reports() {
    return this.answer.inspection?.layers ?? this.answer.layers ?? [];
  }

  /** Whether it is known what is fed: a dataset, which may be one that only comes with the run. */
  get hasData() {
    return Boolean(this.draft.dataset);
  }

  get inputShape() {
    return this.hasData ? this.answer.input_shape : this.typed.shape;
  }

  get outputShape() {
    const asked = this.answer.output_shape?.map((size) => size ?? this.typed.numClasses);
    return this.hasData ? asked : this.typed.outputShape;
  }

  problems() {
    return problemsAt(this.answer.errors, this.scope);
  }

  /** Of how many axes, beside that of channels, what comes out of the selected layer is; null where it is not known. */
  get axes() {
    const shape = this.at < 0 ? this.scope === null && this.inputShape : figuresOf(this.model, this.scope, this.reports)[this.at]?.shape;
    return shape ? shape.length - 1 : null;
  }

  entryOf(layer) {
    return this.catalogue.layers.find(({ type }) => type === layer?.type);
  }

  groupOf(layer) {
    return layer.type === "block" ? "fold" : (this.entryOf(layer)?.group ?? "");
  }

  #say(name) {
    this.dispatchEvent(new Event(name));
  }

  #state() {
    return { model: this.model, scope: this.scope, at: this.at };
  }

  // changes

  /** Layers changed their number, order or names; then `at` is selected, with `more` below it. */
  apply({ model, at }, more = 0) {
    this.draft.model = model;
    this.anchor = within(model, this.scope, at);
    this.at = within(model, this.scope, at + more);
    this.past.record(this.#state());
    this.#say("model");
    this.check();
  }

  /** A setting was changed in place; `key` joins what is typed in one field to one thing that can be undone. */
  edited(key) {
    if (!this.past.record(this.#state(), key)) return;
    this.#say("edit");
    this.check();
  }

  /** Another model altogether: a template, a kept one, or what was written as JSON. */
  replace(model, key = null) {
    this.draft.model = model;
    this.scope = model.blocks?.[this.scope] ? this.scope : null;
    this.at = this.anchor = within(model, this.scope, key ? Math.max(this.at, 0) : 0);
    this.past.record(this.#state(), key);
    this.#say("model");
    this.check();
  }

  undo() {
    this.#restore(this.past.undo());
  }

  redo() {
    this.#restore(this.past.redo());
  }

  #restore(state) {
    if (!state) return;
    this.draft.model = state.model;
    this.scope = state.model.blocks?.[state.scope] ? state.scope : null;
    this.at = this.anchor = within(state.model, this.scope, state.at);
    this.#say("model");
    this.check();
  }

  select(at, scope = this.scope) {
    if (at === this.at && at === this.anchor && scope === this.scope) return;
    const isOther = scope !== this.scope;
    this.scope = scope;
    this.at = this.anchor = within(this.model, scope, at);
    this.#say(isOther ? "model" : "select");
  }

  /** All from where the selection began up to a layer. */
  selectTo(at) {
    this.at = within(this.model, this.scope, at);
    this.#say("select");
  }

  /** One that holds as it stands, as far as that can be said. */
  add(type, at = this.range[1] + 1) {
    const entry = this.catalogue.layers.find((one) => one.type === type);
    const layer = started(entry, this.asks[0]);
    if (entry.num_inputs[0] > 1) layer.inputs = this.#lastTwo(at, entry.num_inputs[0]);
    this.apply(edits.inserted(this.model, this.scope, at, layer));
  }

  /** What a layer of several inputs takes from to begin with: the layers right before it, the input where there are none. */
  #lastTwo(at, count) {
    const before = this.layers.slice(0, at).map((_, i) => edits.callOf(this.layers, i));
    const all = [...edits.inputsOf(this.model, this.scope), ...before];
    return Array.from({ length: count }, (_, i) => all.at(-1 - i) ?? all[0]).reverse();
  }

  addUse(block, at = this.range[1] + 1) {
    const { arguments: given = {}, inputs = ["input"] } = this.model.blocks[block];
    const asked = Object.entries(given).filter(([, value]) => value === null);
    const layer = { type: "block", block };
    // As another use has it; else it is told that a value is needed.
    const like = [this.model.layers, ...Object.values(this.model.blocks).map(({ layers }) => layers)].flat().find((one) => one.block === block);
    if (asked.length && like?.arguments) layer.arguments = structuredClone(like.arguments);
    if (inputs.length > 1) layer.inputs = this.#lastTwo(at, inputs.length);
    this.apply(edits.inserted(this.model, this.scope, at, layer));
  }

  /** Call the block that is open otherwise. Whether that could be. */
  renameBlock(name) {
    if (!name || name in this.model.blocks) return false;
    const model = edits.renamedBlock(this.model, this.scope, name);
    this.draft.model = model;
    this.scope = name;
    this.apply({ model, at: this.at });
    return true;
  }

  /** The selected layers as a block of its own, which is opened. Whether that could be. */
  gather() {
    const found = this.layer && edits.gathered(this.model, this.scope, ...this.range);
    if (!found) return false;
    this.draft.model = found.model;
    this.scope = found.name;
    this.apply({ model: found.model, at: 0 });
    return true;
  }

  // what the server says

  /** Load a dataset's columns, which lists leave out. */
  async load(id) {
    const at = this.datasets.findIndex((dataset) => dataset.id === id);
    if (at >= 0 && !this.datasets[at].isWhole)
      this.datasets[at] = { ...(await api.get(`/datasets/${id}`)), isWhole: true };
  }

  dataChanged() {
    this.#say("data");
    this.check();
  }

  check = debounce(CHECK_AFTER_MS, () => this.#check());

  async #check() {
    this.request?.abort();
    this.request = new AbortController();
    const { signal } = this.request;
    try {
      this.answer = this.hasData
        ? await api.post("/runs/check", { ...this.draft, name: this.draft.name || "model" }, { signal })
        : await api.post("/models/check", { model: this.model, ...this.#shapes() }, { signal });
    } catch (error) {
      if (error.name === "AbortError") return;
      this.answer = { ok: false, errors: [{ loc: [], msg: error.message }], inspection: null, layers: [] };
    }
    this.#say("answer");
    await this.#ask();
  }

  #shapes() {
    const several = this.model.inputs?.length > 1;
    return several ? { input_shapes: this.typed.shapes ?? {} } : { input_shape: this.typed.shape };
  }

  async #ask() {
    const asks = templatesAsks(this.draft, this.columns, this.inputShape, this.outputShape, this.typed);
    if (JSON.stringify(asks) === JSON.stringify(this.asks)) return;
    this.asks = asks;
    const found = await templatesFor(asks).catch(() => null);
    if (this.asks !== asks) return; // asked otherwise meanwhile
    if (!found) this.asks = []; // so that the next change asks again
    this.templates = found ?? [];
    this.#say("templates");
  }
}
