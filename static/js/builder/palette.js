// What a model can be built of: every layer, found by any of its names, and the model's own blocks.

import { $$, h, replace } from "../dom.js";
import { labelOf } from "../schema.js";
import { groupLine, groupTitle } from "./concepts.js";
import { freeName } from "./edits.js";
import { forAxes, found } from "./finding.js";

export const DRAGGED = "application/x-traindeck-layer";

export class Palette {
  constructor(studio, container, { onAdded }) {
    Object.assign(this, { studio, container, onAdded });
    this.search = h("input", {
      class: "input",
      type: "search",
      id: "palette-search",
      placeholder: "Find a layer",
      autocomplete: "off",
      "aria-label": "Find a layer",
      "aria-describedby": "palette-hint",
      data: { search: "" },
      oninput: () => this.draw(),
      onkeydown: (event) => this.#onSearchKey(event),
    });
    this.list = h("div", { class: "palette-list" });
    this.list.addEventListener("keydown", (event) => this.#onListKey(event));
    replace(
      container,
      this.search,
      h("p", { class: "visually-hidden", id: "palette-hint" }, "Enter adds the first one below the selected layer; the arrow key down goes to the list."),
      this.list,
    );
    studio.addEventListener("model", () => this.#drawBlocks());
    this.draw();
  }

  focus() {
    this.search.focus();
    this.search.select();
  }

  draw() {
    const words = this.search.value.trim();
    const entries = this.#found(words);
    this.first = entries[0] ?? null;
    if (words) {
      const items = entries.map((entry) => this.#item(entry));
      replace(this.list, items.length ? h("ul", { class: "palette-items" }, items) : h("p", { class: "muted small" }, `Nothing is called ${words}.`));
      return;
    }
    this.blocks = h("div");
    replace(this.list, this.blocks, [...groupsOf(entries)].map(([group, some]) => this.#group(group, some)));
    this.#drawBlocks();
  }

  /** Layers by their names, the model's own blocks among them; those for what stands here now come first. */
  #found(words) {
    const { studio } = this;
    if (!words) return studio.catalogue.layers;
    return forAxes(found([...this.#own(), ...studio.catalogue.layers], words), studio.axes);
  }

  /** The model's own blocks as entries; within a block not itself. */
  #own() {
    const { model, scope } = this.studio;
    const names = Object.keys(model.blocks ?? {}).filter((name) => name !== scope);
    return names.map((name) => ({ type: name, group: "fold", help: "A block of this model", isBlock: true }));
  }

  #group(group, entries) {
    const isOpen = group === "basic" || group === "convolution" || group === "activation";
    return h(
      "details",
      { class: `palette-group of-${group}`, open: isOpen },
      h("summary", {}, groupTitle(group), h("span", { class: "muted small figures" }, String(entries.length))),
      h("p", { class: "muted small palette-line" }, groupLine(group)),
      h("ul", { class: "palette-items" }, entries.map((entry) => this.#item(entry))),
    );
  }

  #item(entry) {
    const { type, help, isBlock = false } = entry;
    return h(
      "li",
      {},
      h(
        "button",
        {
          class: isBlock ? "palette-item block" : "palette-item",
          type: "button",
          draggable: "true",
          title: help,
          data: { type },
          onclick: () => this.#add(entry),
          ondragstart: (event) => {
            event.dataTransfer.setData(DRAGGED, JSON.stringify(isBlock ? { block: type } : { type }));
            event.dataTransfer.effectAllowed = "copy";
          },
        },
        isBlock ? type : labelOf(type),
      ),
    );
  }

  /** The model's own blocks; within a block only those that are not made of it are of use, which the server says. */
  #drawBlocks() {
    if (!this.blocks?.isConnected) return;
    const own = this.#own();
    const make = h("button", { class: "button quiet small", type: "button", onclick: () => this.#newBlock() }, "New block");
    replace(
      this.blocks,
      h(
        "details",
        { class: "palette-group of-fold", open: own.length > 0 },
        h("summary", {}, "Blocks", h("span", { class: "muted small figures" }, String(own.length))),
        h("p", { class: "muted small palette-line" }, groupLine("fold")),
        h("ul", { class: "palette-items" }, own.map((entry) => this.#item(entry))),
        make,
      ),
    );
  }

  /** A block of one layer, used once and opened. */
  #newBlock() {
    const { studio } = this;
    const name = freeName(Object.keys(studio.model.blocks ?? {}), "block");
    const blocks = { ...studio.model.blocks, [name]: { layers: [{ type: "relu" }] } };
    studio.draft.model = { ...studio.model, blocks };
    studio.addUse(name);
    studio.select(0, name);
    this.onAdded();
  }

  #add({ type, isBlock }) {
    if (isBlock) this.studio.addUse(type);
    else this.studio.add(type);
    this.onAdded();
  }

  #onSearchKey(event) {
    if (event.key === "Enter" && this.first) {
      event.preventDefault();
      this.#add(this.first);
      this.search.value = "";
      this.draw();
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      this.#items()[0]?.focus();
    } else if (event.key === "Escape" && this.search.value) {
      event.stopPropagation();
      this.search.value = "";
      this.draw();
    }
  }

  #onListKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const items = this.#items();
    const at = items.indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    if (at + step < 0) this.search.focus();
    else items[at + step]?.focus();
  }

  #items() {
    return $$(".palette-item", this.list).filter((item) => !item.closest("details:not([open])"));
  }
}

function groupsOf(entries) {
  const groups = new Map();
  for (const entry of entries) groups.set(entry.group, [...(groups.get(entry.group) ?? []), entry]);
  return groups;
}
