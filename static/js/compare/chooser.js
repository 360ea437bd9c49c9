// Which runs are compared: those of a filter, or some chosen by hand.

import * as api from "../api.js";
import { $, debounce, h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { toast, toastError } from "../shell.js";

const MAX_RUNS = 200;
const LISTED = 50;

export class Chooser {
  constructor(store) {
    Object.assign(this, { store, picked: new Set() });
    this.form = $("#compare-filter");
    this.dialog = $("#add-dialog");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const filter = this.form.filter.value.trim();
      if (filter) store.set({ filter, ids: [], hide: [] }).catch((error) => this.refused(error));
    });
    for (const button of document.querySelectorAll("[data-add-runs]"))
      button.addEventListener("click", () => this.#open());
    $("#copy-link").addEventListener("click", () => this.#copy());
    $("#clear-runs").addEventListener("click", () => store.set({ ids: [], filter: "", hide: [] }).catch(toastError));
    $("#add-search").addEventListener(
      "input",
      debounce(200, () => this.#list()),
    );
    $("#add-chosen").addEventListener("click", () => this.#add());
    store.addEventListener("data", () => this.show());
  }

  show() {
    const { state, data } = this.store;
    if (document.activeElement !== this.form.filter) this.form.filter.value = state.filter;
    $("#clear-runs").hidden = !this.store.isAsked;
    $("#copy-link").hidden = !data.runs.length;
    this.form.filter.removeAttribute("aria-invalid");
    const parts = [];
    if (data.missing.length)
      parts.push(
        `${format.plural(data.missing.length, "run")} of this link ${data.missing.length === 1 ? "is" : "are"} no longer there.`,
      );
    if (data.num_matching > data.runs.length)
      parts.push(`The newest ${data.runs.length} of ${format.plural(data.num_matching, "run")} that match.`);
    const note = $("#compare-note");
    setText(note, parts.join(" "));
    note.hidden = !parts.length;
  }

  /** Why the filter, or the link, could not be followed. */
  refused(error) {
    const note = $("#compare-note");
    setText(note, [error.message, error.hint].filter(Boolean).join(" "));
    note.hidden = false;
    $("#compare-none").hidden = true;
    this.form.filter.setAttribute("aria-invalid", String(Boolean(this.store.state.filter)));
  }

  #open() {
    this.picked.clear();
    $("#add-search").value = "";
    this.dialog.showModal();
    this.#list();
  }

  async #list() {
    const q = $("#add-search").value.trim();
    try {
      const { items } = await api.get(`/runs${api.query({ q, limit: LISTED })}`);
      const known = new Set(this.store.runs.map((run) => run.id));
      const found = items.filter((run) => !known.has(run.id));
      replace(
        $("#add-list"),
        found.length
          ? found.map((run) => this.#item(run))
          : h("li", { class: "muted" }, q ? "No other run has that name or tag." : "There is no other run."),
      );
      this.#showCount();
    } catch (error) {
      toastError(error);
    }
  }

  #item(run) {
    const box = h("input", { type: "checkbox", value: run.id, checked: this.picked.has(run.id) });
    box.addEventListener("change", () => {
      if (box.checked) this.picked.add(run.id);
      else this.picked.delete(run.id);
      this.#showCount();
    });
    return h(
      "li",
      {},
      h(
        "label",
        { class: "check" },
        box,
        h("span", { class: "compare-name" }, run.name),
        h("span", { class: "status small muted", data: { status: run.status } }, run.status),
      ),
    );
  }

  #showCount() {
    const button = $("#add-chosen");
    button.disabled = !this.picked.size;
    setText(button, this.picked.size ? `Add ${format.plural(this.picked.size, "run")}` : "Add");
  }

  #add() {
    this.dialog.close();
    if (this.store.runs.length + this.picked.size > MAX_RUNS) {
      toast(`At most ${MAX_RUNS} runs are compared at a time.`, { isError: true });
      return;
    }
    this.store.add([...this.picked]).catch(toastError);
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(location.href);
      toast("Copied the link: it shows just this comparison.");
    } catch {
      toast("The browser does not let this page copy; the address bar has the link.", { isError: true });
    }
  }
}
