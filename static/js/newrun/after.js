// After which other run this one begins.

import * as api from "../api.js";
import { $, h, replace } from "../dom.js";

const UNDER_WAY = "(status:running OR status:queued OR status:paused) origin:worker";

export class AfterStep {
  constructor(builder) {
    this.builder = builder;
    this.runs = [];
    $("#after").addEventListener("change", (event) => {
      if (event.target.value) builder.draft.after = event.target.value;
      else delete builder.draft.after;
      builder.changed();
    });
  }

  /** Which runs there are to wait for; where there is none, nothing is asked. */
  async load() {
    try {
      this.runs = (await api.get(`/runs${api.query({ filter: UNDER_WAY, limit: 100, count: false })}`)).items;
    } catch {
      this.runs = []; // it can be said in the JSON all the same
    }
    this.draw();
  }

  draw() {
    const chosen = this.builder.draft.after ?? "";
    const known = this.runs.map(({ id, name, status }) => ({ id, text: `${name} (${status})` }));
    const own = chosen && !known.some(({ id }) => id === chosen) ? [{ id: chosen, text: chosen }] : [];
    const choices = [{ id: "", text: "at once" }, ...known, ...own];
    $("#after-field").hidden = choices.length === 1;
    replace($("#after"), choices.map(({ id, text }) => h("option", { value: id, selected: id === chosen }, text)));
  }
}
