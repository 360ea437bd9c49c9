// "Import" on the list of runs: TensorBoard's event files, a folder of them, or an archive.

import * as api from "../api.js";
import { $, h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { importedInWords, isEventFile } from "../importing.js";

const button = $("#import-runs");
button.addEventListener("click", () => open());

function open() {
  const files = h("input", { class: "input", type: "file", id: "import-files", multiple: true });
  const folder = h("input", { class: "input", type: "file", id: "import-folder", webkitdirectory: true });
  const project = h("input", { class: "input", id: "import-project", maxlength: "200", autocomplete: "off" });
  const told = h("div", { class: "stack-s", role: "status" });
  const send = h("button", { class: "button primary", type: "submit" }, "Import");
  const close = h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Close");
  const form = h(
    "form",
    { class: "stack", method: "dialog" },
    h(
      "p",
      { class: "muted" },
      "TensorBoard's event files become runs, one for each folder, with their curves, times and hyperparameters.",
    ),
    field("Event files, or a zip of folders", files),
    field("or a folder", folder),
    field("Project", project),
    told,
    h("div", { class: "dialog-actions" }, close, send),
  );
  const dialog = h("dialog", { aria: { labelledby: "import-title" } }, h("h2", { id: "import-title" }, "Import runs"), form);
  const stopping = new AbortController();
  dialog.addEventListener("close", () => {
    stopping.abort();
    dialog.remove();
    button.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = [...files.files, ...folder.files].filter(({ name }) => isEventFile(name));
    if (!chosen.length) {
      say(told, ["Choose event files (their names hold “tfevents”), a folder of them, or a zip."]);
      return;
    }
    submit(chosen, project.value.trim(), { told, send, signal: stopping.signal });
  });
  document.body.append(dialog);
  dialog.showModal();
}

async function submit(chosen, project, { told, send, signal }) {
  const body = new FormData();
  for (const file of chosen) body.append("files", file, file.webkitRelativePath || file.name);
  body.append("project", project);
  send.disabled = true;
  const progress = h("p", { class: "muted" }, "Sending…");
  replace(told, progress);
  try {
    const onProgress = (share) => setText(progress, share < 1 ? `Sending, ${format.percent(share)}` : "Reading…");
    const answer = await api.upload("/import/tensorboard", body, onProgress, signal);
    say(told, importedInWords(answer), answer.runs.find((run) => run.run_id)?.run_id);
  } catch (error) {
    if (error.name !== "AbortError") say(told, [error.message, error.hint].filter(Boolean));
  }
  send.disabled = false;
}

function say(place, lines, runId) {
  const link = runId ? h("p", {}, h("a", { href: `/runs/${runId}` }, "Open the run")) : null;
  replace(place, h("ul", { class: "plain" }, lines.map((line) => h("li", {}, line))), link);
}

const field = (label, input) => h("div", { class: "field" }, h("label", { class: "field-label", for: input.id }, label), input);
