// What is done to the runs that are chosen: one request, an outcome for each.

import * as api from "../api.js";
import { $, $$, setText } from "../dom.js";
import * as format from "../format.js";
import { confirmed, toast, toastError } from "../shell.js";
import { askEdit, askText } from "./ask.js";
import { sensibleActions } from "./selection.js";

const DONE = {
  pause: "asked to pause",
  resume: "resumed",
  cancel: "asked to stop",
  requeue: "queued again",
  archive: "archived",
  unarchive: "taken out of the archive",
  favorite: "starred",
  unfavorite: "no longer starred",
  tag: "tagged",
  untag: "untagged",
  project: "moved",
  delete: "deleted",
};

const WARNINGS = {
  cancel: ["Cancel", "What was learned so far is kept as a checkpoint.", "Cancel runs"],
  requeue: ["Queue again", "Each is trained anew with the same specification.", "Queue again"],
  delete: ["Delete", "Their curves, checkpoints and files go with them, at once and for good.", "Delete"],
};

const TEXTS = {
  tag: { title: "Tag runs", label: "Tag", key: "tag", action: "Add the tag" },
  untag: { title: "Remove a tag", label: "Tag", key: "tag", action: "Remove the tag" },
  project: { title: "Move to a project", label: "Project", key: "project", action: "Move", isRequired: false, help: "Empty: of no project" },
};

export class Actions {
  /** `list` says what is chosen: {selection, total, filter, find(id), reload()}. */
  constructor(bar, list) {
    Object.assign(this, { bar, list });
    bar.addEventListener("click", (event) => {
      const { action } = event.target.closest("button[data-action]")?.dataset ?? {};
      if (action === "edit") this.#edit().catch(toastError);
      else if (action) this.#do(action).catch(toastError);
    });
    $("#clear-selection").addEventListener("click", () => this.#clear());
    $("#select-matching").addEventListener("click", () => {
      list.selection.all();
      list.selectionChanged();
    });
  }

  show() {
    const { selection, total, filter } = this.list;
    const count = selection.count(total);
    this.bar.hidden = count === 0;
    if (!count) return;
    setText($("#num-selected"), `${format.plural(count, "run")} selected`);
    const matching = $("#select-matching");
    matching.hidden = count >= total;
    setText(matching, `Select all ${format.count(total)} that match`);
    const compare = $("#compare-selected");
    compare.href = selection.isAll ? `/compare${api.query({ filter })}` : `/compare?ids=${[...selection.ids].join(",")}`;
    compare.hidden = selection.isAll && !filter;
    const sensible = sensibleActions(selection.isAll ? [undefined] : [...selection.ids].map((id) => this.list.find(id)));
    for (const button of $$("[data-action]", this.bar)) button.hidden = !sensible.has(button.dataset.action);
    $('[data-action="edit"]', this.bar).hidden = count !== 1 || selection.isAll;
  }

  #clear() {
    this.list.selection.clear();
    this.list.selectionChanged();
  }

  async #edit() {
    const [id] = this.list.selection.ids;
    if (await askEdit(await api.get(`/runs/${id}`))) this.#finish({});
  }

  async #do(action) {
    const { selection, total, filter } = this.list;
    const count = selection.count(total);
    const request = { ...selection.asked(filter), action };
    if (WARNINGS[action]) {
      const [verb, text, label] = WARNINGS[action];
      if (!(await confirmed({ title: `${verb} ${format.plural(count, "run")}?`, text, action: label }))) return;
    }
    if (TEXTS[action]) {
      request.value = await askText(TEXTS[action]);
      if (request.value === null) return;
    }
    this.bar.toggleAttribute("aria-busy", true);
    try {
      this.#finish(inWords(action, await api.post("/runs/batch", request)));
    } finally {
      this.bar.removeAttribute("aria-busy");
    }
  }

  #finish({ text = "Saved.", isError = false }) {
    toast(text, { isError });
    this.#clear();
    this.list.reload();
  }
}

/** What became of a batch, in a sentence or two. */
export function inWords(action, { outcomes, num_ok: numOk, freed_bytes: freed }) {
  const done = `${format.plural(numOk, "run")} ${DONE[action]}${freed ? `; ${format.bytes(freed)} freed` : ""}.`;
  const failed = outcomes.filter(({ ok }) => !ok);
  if (!failed.length) return { text: done };
  const first = failed[0].message;
  const others = failed.length > 1 ? ` (and ${format.count(failed.length - 1)} more)` : "";
  return { text: `${numOk ? `${done} ` : ""}${first}${others}`, isError: true };
}
