// Files on their way to the server: each an item of a list, with its progress, and then what stands in for it.

import * as api from "../api.js";
import { h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { problem } from "./previewview.js";
import { send } from "./sending.js";
import { chosen, dropped, gathered } from "./together.js";

/**
 * Take what is dropped on `zone`, or chosen with one of `inputs`; also what was chosen before the script had come.
 * Files that make one dataset are taken as one archive.
 */
export function takeFiles(zone, inputs, take) {
  for (const input of inputs) {
    const takeChosen = () => {
      const entries = chosen(input.files);
      input.value = "";
      take(gathered(entries));
    };
    input.addEventListener("change", takeChosen);
    takeChosen();
  }
  for (const kind of ["dragenter", "dragover"]) {
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.add("is-over");
    });
  }
  for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, () => zone.classList.remove("is-over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    take(gathered(await dropped(event.dataTransfer)));
  });
}

/**
 * Send a file and show it in `list`. Once it has come, `present(upload, {say, show, remove})` puts something in its
 * place: `say` a word beside its name, `show` an element below it.
 */
export async function arrive(file, list, present) {
  const bar = h("progress", { max: "1", value: 0, "aria-label": `Sending ${file.name}` });
  const state = h("span", { class: "muted small figures" }, "sending");
  const stop = new AbortController();
  const cancel = h("button", { class: "button quiet small", type: "button", onclick: () => stop.abort() }, "Stop");
  const body = h("div", {}, bar);
  const name = h("strong", {}, file.name);
  const num = file.numFiles ? `${format.plural(file.numFiles, "file")}, ` : "";
  const size = h("span", { class: "muted small" }, num + format.bytes(file.size));
  const item = h("li", { class: "upload-item" }, h("div", { class: "row" }, name, size, state, cancel), body);
  list.append(item);
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
    const say = (text) => setText(state, text);
    present(sent, { say, show: (element) => replace(body, element), remove: () => item.remove() });
  } catch (error) {
    const isStopped = error.name === "AbortError";
    setText(state, isStopped ? "stopped" : "not added");
    replace(body, isStopped ? null : problem(error));
    if (sent) forget(sent);
  }
  cancel.remove();
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
export const forget = ({ id }) => api.remove(`/uploads/${id}`).catch(() => {});
