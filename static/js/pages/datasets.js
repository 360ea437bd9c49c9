// The datasets there are, and ways to add one: a file, several, or one that is built in.

import * as api from "../api.js";
import { setUpGenerating } from "../datasets/generate.js";
import { $, $$, h, setText } from "../dom.js";
import * as format from "../format.js";
import { toastError } from "../shell.js";

const upload = $("#upload");

for (const time of $$("time[datetime]")) {
  const at = new Date(time.dateTime);
  setText(time, format.age((Date.now() - at) / 1000));
  time.title = at.toLocaleString();
}

async function add(files) {
  for (const file of files) await addOne(file, files.length === 1);
}

async function addOne(file, opensIt) {
  const bar = h("progress", { max: "1", value: 0, "aria-label": `Sending ${file.name}` });
  const state = h("span", { class: "muted small figures" }, "sending");
  const stop = new AbortController();
  const cancel = h("button", { class: "button quiet small", type: "button", onclick: () => stop.abort() }, "Stop");
  const item = h(
    "li",
    { class: "upload-item" },
    h(
      "div",
      { class: "row" },
      h("strong", {}, file.name),
      h("span", { class: "muted small" }, format.bytes(file.size)),
      state,
      cancel,
    ),
    bar,
  );
  $("#uploads").append(item);
  const form = new FormData();
  form.append(
    "definition",
    JSON.stringify({ name: file.name.replace(/(\.(csv|tsv|txt|json|jsonl|ndjson|parquet|gz))+$/i, "") }),
  );
  form.append("file", file);
  try {
    const dataset = await api.upload(
      "/datasets",
      form,
      (share) => {
        bar.value = share;
        setText(state, share < 1 ? format.percent(share) : "checking");
      },
      stop.signal,
    );
    setText(state, "added");
    cancel.remove();
    item.append(h("a", { href: `/datasets/${dataset.id}` }, `Open ${dataset.name}`));
    if (opensIt) location.assign(`/datasets/${dataset.id}`);
  } catch (error) {
    cancel.remove();
    bar.remove();
    setText(state, error.name === "AbortError" ? "stopped" : "not added");
    if (error.name !== "AbortError") item.append(problem(error));
  }
}

function problem(error) {
  const more = (error.errors ?? []).map(({ msg }) => msg).filter((msg) => !error.message.includes(msg));
  return h(
    "div",
    { class: "note bad", role: "alert" },
    h("p", { class: "note-title" }, error.message),
    more.slice(0, 5).map((msg) => h("p", {}, msg)),
    error.hint ? h("p", {}, error.hint) : null,
  );
}

$("#files").addEventListener("change", (event) => {
  add([...event.target.files]);
  event.target.value = "";
});

for (const kind of ["dragenter", "dragover"]) {
  upload.addEventListener(kind, (event) => {
    event.preventDefault();
    upload.classList.add("is-over");
  });
}
for (const kind of ["dragleave", "drop"]) upload.addEventListener(kind, () => upload.classList.remove("is-over"));
upload.addEventListener("drop", (event) => {
  event.preventDefault();
  add([...event.dataTransfer.files]);
});

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
