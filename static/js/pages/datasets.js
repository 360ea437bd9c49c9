// The datasets there are, and ways to add one: a file, several, or one that is built in.

import * as api from "../api.js";
import { arrive, forget, takeFiles } from "../datasets/arriving.js";
import { setUpGenerating } from "../datasets/generate.js";
import { previewOf } from "../datasets/previewview.js";
import { $, $$, h, setText } from "../dom.js";
import * as format from "../format.js";
import { toastError } from "../shell.js";

for (const time of $$("time[datetime]")) {
  const at = new Date(time.dateTime);
  setText(time, format.age((Date.now() - at) / 1000));
  time.title = at.toLocaleString();
}

async function add(files) {
  for (const file of files) {
    await arrive(file, $("#uploads"), (sent, item) => show(sent, item, file.numFiles, files.length === 1));
  }
}

/** Show what a file seems to be, or so many as one; `opensIt`: its dataset's page opens once it is added. */
function show(sent, { say, show, remove }, numFiles, opensIt) {
  const preview = previewOf(sent, {
    numFiles,
    add: (source, name) => api.post("/datasets", { name, source }),
    onAdded: (dataset) => {
      if (opensIt) location.assign(`/datasets/${dataset.id}`);
      say("added");
      show(h("a", { href: `/datasets/${dataset.id}` }, `Open ${dataset.name}`));
    },
    onDiscarded: () => {
      forget(sent);
      remove();
      $("#files").focus();
    },
  });
  show(preview);
}

takeFiles($("#upload"), [$("#files"), $("#folder")], add);
setUpGenerating();

$("#builtin-form")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = $("#builtin").value;
  try {
    const dataset = await api.post("/datasets", { name, source: { type: "builtin", name } });
    location.assign(`/datasets/${dataset.id}`);
  } catch (error) {
    toastError(error);
  }
});
