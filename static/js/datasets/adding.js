// Rows that are added to a dataset: files are dropped, looked at, and together make the next version.

import * as api from "../api.js";
import { h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { arrive, forget, takeFiles } from "./arriving.js";
import { previewOf, problem } from "./previewview.js";

/** Fill the section, which `button` opens. `next` is the number of the version that would be made. */
export function setUpAdding(dataset, next, section, button) {
  const sources = new Map(); // by upload, in the order of the files; null while one is looked at
  const save = h("button", { class: "button primary", type: "button", disabled: true, onclick: () => make() }, "");
  const refusal = h("div", { "aria-live": "polite" });
  const list = h("ul", { class: "uploads", "aria-live": "polite" });
  const input = h("input", { class: "visually-hidden", type: "file", multiple: true, id: "more-files" });
  const folder = h("input", { class: "visually-hidden", type: "file", webkitdirectory: true, id: "more-folder" });
  replace(
    section,
    h(
      "div",
      { class: "stack-s" },
      h("h2", { id: "add-data-title" }, "Add data"),
      h(
        "p",
        { class: "muted" },
        "Drop files here, or choose them. Their rows come after those that are there, in a version of its own: " +
          "this one stays as it is. They have columns of this one, in any order; a column that a file lacks is missing in its rows.",
      ),
      h(
        "div",
        { class: "row" },
        h("label", { class: "button file-button" }, "Choose files", input),
        h("label", { class: "button file-button" }, "Choose a folder", folder),
      ),
    ),
    list,
    refusal,
    h("div", { class: "row" }, save),
  );
  showState();
  takeFiles(section, [input, folder], take);
  button.addEventListener("click", () => {
    section.hidden = !section.hidden;
    button.setAttribute("aria-expanded", String(!section.hidden));
    if (!section.hidden) input.focus();
  });
  button.hidden = false;

  async function take(files) {
    for (const file of files) await arrive(file, list, (sent, item) => present(sent, item, file.numFiles));
  }

  function present(sent, { show, remove }, numFiles) {
    const drop = () => {
      forget(sent);
      sources.delete(sent.id);
      remove();
      showState();
      input.focus();
    };
    const onSource = (source) => {
      sources.set(sent.id, source);
      showState();
    };
    show(previewOf(sent, { numFiles, onDiscarded: drop, onSource }));
  }

  function showState() {
    const isWhole = sources.size > 0 && [...sources.values()].every(Boolean);
    save.disabled = !isWhole;
    save.hidden = !sources.size;
    setText(save, `Save as version ${next}${sources.size > 1 ? `, with ${format.plural(sources.size, "file")}` : ""}`);
  }

  async function make() {
    save.disabled = true;
    replace(refusal);
    try {
      const uploads = [...sources.values()].map(({ type: _, ...source }) => source);
      const made = await api.post(`/datasets/${dataset.id}/versions`, { uploads });
      location.assign(`/datasets/${made.id}`);
    } catch (error) {
      replace(refusal, problem(error));
      showState();
    }
  }
}
