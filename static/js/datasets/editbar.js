// What a person has changed so far, at the foot of the page: to be saved as a version, or taken back.

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import * as format from "../format.js";
import { toastError } from "../shell.js";
import { MAX_CELLS } from "./edits.js";

/** A bar that is there while there are edits. `next` is the number of the version that would be made. */
export function setUpEditBar(dataset, edits, next, bar) {
  let isSaving = false;

  function draw() {
    bar.hidden = !edits.size;
    if (!edits.size) return replace(bar);
    const isTooMuch = edits.size > MAX_CELLS;
    const button = (label, onclick, properties = {}) => h("button", { class: "button", type: "button", onclick, ...properties }, label);
    replace(
      bar,
      h("p", { role: "status" }, h("strong", {}, `${format.plural(edits.size, "cell")} changed`), isTooMuch ? `; at most ${format.count(MAX_CELLS)} are saved at once` : ""),
      h(
        "div",
        { class: "row" },
        button("Undo", () => edits.undo()),
        button("Discard", () => edits.clear()),
        button(`Save as version ${next}`, save, { class: "button primary", disabled: isSaving || isTooMuch }),
      ),
    );
  }

  async function save() {
    isSaving = true;
    draw();
    try {
      const made = await api.post(`/datasets/${dataset.id}/versions`, edits.body());
      removeEventListener("beforeunload", ask);
      location.assign(`/datasets/${made.id}`);
    } catch (error) {
      isSaving = false;
      draw();
      toastError(error);
    }
  }

  function ask(event) {
    if (edits.size) event.preventDefault();
  }

  addEventListener("beforeunload", ask);
  edits.onChange(draw);
}
