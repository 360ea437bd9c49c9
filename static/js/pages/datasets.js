// The datasets there are, and ways to add one: a file, several, or one that is built in.

import * as api from "../api.js";
import { setUpGenerating } from "../datasets/generate.js";
import { previewOf, problem } from "../datasets/previewview.js";
import { send } from "../datasets/sending.js";
import { $, $$, h, replace, setText } from "../dom.js";
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

/** Send a file and show what it seems to be; `opensIt`: its dataset's page opens once it is added. */
async function addOne(file, opensIt) {
  const bar = h("progress", { max: "1", value: 0, "aria-label": `Sending ${file.name}` });
  const state = h("span", { class: "muted small figures" }, "sending");
  const stop = new AbortController();
  const cancel = h("button", { class: "button quiet small", type: "button", onclick: () => stop.abort() }, "Stop");
  const body = h("div", {}, bar);
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
    body,
  );
  $("#uploads").append(item);
  let sent = null;
  try {
    sent = await api.post("/uploads", { filename: file.name, size_bytes: file.size }, { signal: stop.signal });
    await send(file, sent, server(stop.signal), {
      wait: (ms) => waited(ms, stop.signal),
      onProgress: (share) => {
        bar.value = share;
        setText(state, format.percent(share));
      },
      onPause: (isPausing) => isPausing && setText(state, "the server cannot be reached; trying again"),
    });
    setText(state, "");
    show(sent);
  } catch (error) {
    const isStopped = error.name === "AbortError";
    setText(state, isStopped ? "stopped" : "not added");
    replace(body, isStopped ? null : problem(error));
    if (sent) forget(sent);
  }
  cancel.remove();

  function show(one) {
    const preview = previewOf(one, {
      onAdded: (dataset) => {
        if (opensIt) location.assign(`/datasets/${dataset.id}`);
        setText(state, "added");
        replace(body, h("a", { href: `/datasets/${dataset.id}` }, `Open ${dataset.name}`));
      },
      onDiscarded: () => {
        forget(one);
        item.remove();
        $("#files").focus();
      },
    });
    replace(body, preview);
  }
}

const server = (signal) => ({
  put: (id, offset, piece, onSent) => api.putBytes(`/uploads/${id}?offset=${offset}`, piece, onSent, signal),
  get: (id) => api.get(`/uploads/${id}`, { signal }),
});

function waited(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("The upload was stopped.", "AbortError"));
    });
  });
}

/** Let the server forget a file. If it does not hear of it, it forgets it within a day. */
const forget = ({ id }) => api.remove(`/uploads/${id}`).catch(() => {});

function addChosen() {
  const chosen = [...$("#files").files];
  $("#files").value = "";
  add(chosen);
}

$("#files").addEventListener("change", addChosen);
addChosen(); // what was chosen before this script had come

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
