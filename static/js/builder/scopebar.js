// Where one is: the model itself, or one of its blocks; of a block, what it is given and what its uses may say.

import { h, redrawn, replace, setText } from "../dom.js";
import { field } from "../forms.js";
import * as edits from "./edits.js";

export class ScopeBar {
  constructor(studio, container) {
    Object.assign(this, { studio, container });
    studio.addEventListener("model", () => this.draw());
    studio.addEventListener("answer", () => this.#tell());
    this.draw();
  }

  draw() {
    redrawn(this.container, () => this.#draw());
  }

  #draw() {
    const { studio } = this;
    const { scope } = studio;
    const names = Object.keys(studio.model.blocks ?? {});
    const tab = (name, label) =>
      h(
        "button",
        { class: "button small", type: "button", "aria-pressed": String(name === scope), onclick: () => studio.select(0, name) },
        label,
      );
    this.error = h("span", { class: "field-error", role: "status" });
    replace(
      this.container,
      names.length ? h("div", { class: "row" }, tab(null, "Model"), names.map((name) => tab(name, name))) : null,
      scope === null ? this.#ends() : this.#settings(scope),
      this.error,
    );
    this.#tell();
  }

  /** What a model of several towers or heads says beside its layers. */
  #ends() {
    const { studio } = this;
    const { model } = studio;
    const set = (name, text) => {
      const names = text.split(/[\s,]+/).filter(Boolean);
      const isUsual = !names.length || (name === "inputs" && names.join() === "input");
      if (isUsual) delete model[name];
      else model[name] = names;
      studio.edited(name);
      studio.dataChanged();
    };
    const box = (name, label, help) => {
      const input = h("input", { class: "input figures", value: (model[name] ?? []).join(", "), autocomplete: "off", spellcheck: "false" });
      input.addEventListener("change", () => set(name, input.value));
      return field({ label, help, loc: ["model", name] }, input);
    };
    return h(
      "details",
      { class: "more", open: Boolean(model.inputs || model.outputs) },
      h("summary", {}, "Inputs and outputs"),
      h(
        "div",
        { class: "form-grid wide-fields" },
        box("inputs", "Inputs", "names, where there are several: user, film"),
        box("outputs", "Outputs", "names of the layers that give the model's answers; empty: the last one"),
      ),
    );
  }

  #settings(scope) {
    const { studio } = this;
    const block = studio.model.blocks[scope];
    const changed = () => studio.edited(`blocks.${scope}`);
    const input = (label, help, value, read) =>
      field({ label, help }, h("input", { class: "input figures", value, autocomplete: "off", spellcheck: "false", onchange: ({ target }) => { read(target.value); changed(); } }));
    const setInputs = (text) => {
      const names = text.split(/[\s,]+/).filter(Boolean);
      if (names.length && names.join() !== "input") block.inputs = names;
      else delete block.inputs;
    };
    const setArguments = (text) => {
      const given = edits.readArguments(text);
      if (Object.keys(given).length) block.arguments = given;
      else delete block.arguments;
    };
    const remove = h(
      "button",
      {
        class: "button quiet small danger",
        type: "button",
        hidden: edits.isUsed(studio.model, scope),
        onclick: () => studio.replace(edits.withoutBlock(studio.model, scope)),
      },
      "Remove this block",
    );
    return h(
      "div",
      { class: "form-grid wide-fields" },
      input("Name of the block", "letters, digits and _", scope, (text) => studio.renameBlock(text.trim())),
      input("Arguments", "what may differ from use to use, as in: width, stride = 2. A setting then says $width.", edits.writeArguments(block.arguments), setArguments),
      input("Inputs", "names for what the block takes in", (block.inputs ?? ["input"]).join(", "), setInputs),
      remove,
    );
  }

  /** What is wrong with the block itself, and with none of its layers. */
  #tell() {
    const { scope, answer } = this.studio;
    const own = answer.errors.filter(({ loc }) => loc[1] === "blocks" && loc[2] === scope && loc[3] !== "layers");
    setText(this.error, own.map(({ msg }) => msg).join("; "));
  }
}
