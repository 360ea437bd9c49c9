// The filter: completed as it is typed, applied as soon as it can be read.

import * as api from "../api.js";
import { debounce, h, replace, setText } from "../dom.js";

const TAKES_VALUE = ["status", "is", "tag", "project", "dataset", "origin"];

export class FilterBox {
  #items = [];
  #place = { start: 0, end: 0 };
  #active = -1;
  #asking = 0;

  /** `onFilter(text, {isSettled})` is called when the text has changed; settled: it was asked for by Enter. */
  constructor({ input, list, error }, onFilter) {
    Object.assign(this, { input, list, error, onFilter });
    this.complete = debounce(60, () => this.#complete());
    this.apply = debounce(250, () => onFilter(input.value.trim(), { isSettled: false }));
    input.addEventListener("input", () => {
      this.complete();
      this.apply();
    });
    input.addEventListener("keydown", (event) => this.#onKey(event));
    input.addEventListener("focus", () => this.complete());
    input.addEventListener("blur", () => this.close());
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the field keeps the focus
      const option = event.target.closest("[role=option]");
      if (option) this.#take(Number(option.dataset.index));
    });
  }

  /** Tell why the filter cannot be read, or that it can. */
  tell(message = "") {
    setText(this.error, message);
    this.input.toggleAttribute("aria-invalid", Boolean(message));
    if (message) this.input.setAttribute("aria-invalid", "true");
  }

  close() {
    this.#asking += 1;
    this.#items = [];
    this.#show();
  }

  async #complete() {
    const asking = ++this.#asking;
    const { value, selectionStart } = this.input;
    try {
      const answer = await api.get(`/runs/filter/completions${api.query({ q: value, at: selectionStart })}`);
      if (asking !== this.#asking || document.activeElement !== this.input) return;
      const typed = value.slice(answer.start, answer.end);
      const chosen = this.#items[this.#active]?.text;
      this.#items = answer.items.filter(({ text }) => text !== typed);
      this.#place = answer;
      // The one value that is left is what Enter means.
      const isSole = this.#items.length === 1 && this.#items[0].kind === "value" && typed !== "";
      this.#show(isSole ? 0 : this.#items.findIndex(({ text }) => text === chosen));
    } catch {
      this.#items = []; // typing goes on without help
      this.#show();
    }
  }

  #show(active = -1) {
    this.#active = active;
    this.list.hidden = !this.#items.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    replace(this.list, this.#items.map(optionOf));
    this.#point();
  }

  #point() {
    [...this.list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === this.#active)));
    const option = this.list.children[this.#active];
    if (!option) return this.input.removeAttribute("aria-activedescendant");
    option.scrollIntoView({ block: "nearest" });
    return this.input.setAttribute("aria-activedescendant", option.id);
  }

  #onKey(event) {
    const count = this.#items.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!count) return this.complete();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.#active = (this.#active + step + count + (this.#active < 0 && step < 0 ? 1 : 0)) % count;
      return this.#point();
    }
    if ((event.key === "Enter" || event.key === "Tab") && this.#active >= 0) {
      event.preventDefault();
      return this.#take(this.#active);
    }
    if (event.key === "Escape" && count) {
      event.preventDefault(); // Escape alone would empty a search field
      return this.close();
    }
    if (event.key !== "Enter") return undefined;
    event.preventDefault();
    this.close();
    return this.onFilter(this.input.value.trim(), { isSettled: true });
  }

  #take(index) {
    const { text, kind } = this.#items[index];
    const { value, selectionStart } = this.input;
    const since = value.slice(this.#place.end, selectionStart); // typed while this was on its way
    if (selectionStart < this.#place.end || /[\s"():=<>~!,]/.test(since)) return this.complete();
    const end = kind === "value" ? " " : kind === "key" && TAKES_VALUE.includes(text) ? ":" : "";
    const before = value.slice(0, this.#place.start) + text + end;
    this.input.value = before + value.slice(selectionStart).trimStart();
    this.input.setSelectionRange(before.length, before.length);
    this.#items = [];
    this.#show();
    this.complete();
    return this.apply();
  }
}

const optionOf = ({ text, kind, detail }, i) =>
  h(
    "li",
    { role: "option", id: `completion-${i}`, class: "completion", data: { index: i }, aria: { selected: "false" } },
    h("span", { class: "mono" }, text),
    h("span", { class: "muted small" }, detail ?? (kind === "key" ? "setting or result" : "")),
  );
