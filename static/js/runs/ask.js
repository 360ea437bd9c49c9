// Dialogs of the runs: a tag or a project to give to many, and everything that can be changed of one.

import * as api from "../api.js";
import { h, setText } from "../dom.js";

/** Show a form in a dialog. Resolves to what `read(form)` makes of it, or to null when it was closed. */
function asked({ title, fields, action, read, send }) {
  return new Promise((resolve) => {
    const error = h("p", { class: "field-error", role: "alert" });
    const cancel = h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Close");
    const submit = h("button", { class: "button primary", type: "submit" }, action);
    const actions = h("div", { class: "dialog-actions" }, cancel, submit);
    const form = h("form", { class: "stack" }, fields, error, actions);
    const dialog = h("dialog", { aria: { labelledby: "ask-title" } }, h("h2", { id: "ask-title", class: "dialog-lead" }, title), form);
    let result = null;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      try {
        result = await send(read(form));
        dialog.close();
      } catch (problem) {
        setText(error, [problem.message, problem.hint].filter(Boolean).join(" "));
        submit.disabled = false;
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A text with what there is already offered; null when nothing was chosen. */
export async function askText({ title, label, key, action, isRequired = true, help = "" }) {
  const options = h("datalist", { id: "ask-known" });
  offer(options, key);
  const found = await asked({
    title,
    action,
    fields: [field(label, "value", { list: "ask-known", maxlength: 100, required: isRequired }, help), options],
    read: (form) => form.elements.value.value.trim(),
    send: (value) => ({ value }),
  });
  return found && found.value;
}

/** A number, sent by `send(number)`; what that gives, or null when it was closed. */
export function askNumber({ title, label, value, help = "", action, step = "any", send }) {
  const input = { type: "number", inputmode: "decimal", min: "0", step, required: true, value: String(value ?? "") };
  return asked({
    title,
    action,
    fields: [field(label, "value", input, help)],
    read: (form) => form.elements.value.valueAsNumber,
    send,
  });
}

/** Everything that can be changed of a run afterwards; the run as it is then, or null. */
export function askEdit(run) {
  const projects = h("datalist", { id: "ask-known" });
  offer(projects, "project");
  const notes = h("textarea", { class: "textarea", name: "notes", id: "ask-notes", maxlength: 100_000 });
  notes.value = run.notes ?? "";
  return asked({
    title: "Edit run",
    action: "Save",
    fields: [
      field("Name", "name", { required: true, maxlength: 200, value: run.name }),
      field("Tags", "tags", { value: run.tags.join(", ") }, "With commas between"),
      field("Project", "project", { value: run.project, list: "ask-known", maxlength: 200 }),
      projects,
      h("div", { class: "field" }, labelOf("Notes", "notes"), notes, h("p", { class: "field-help" }, "Markdown")),
    ],
    read: ({ elements }) => ({
      name: elements.name.value.trim(),
      tags: tagsFrom(elements.tags.value),
      project: elements.project.value.trim(),
      notes: elements.notes.value,
    }),
    send: (patch) => api.patch(`/runs/${run.id}`, patch),
  });
}

export const tagsFrom = (text) => [...new Set(text.split(",").map((tag) => tag.trim()))].filter(Boolean);

async function offer(list, key) {
  try {
    const { items } = await api.get(`/runs/filter/completions${api.query({ q: `${key}:` })}`);
    const texts = items.filter(({ kind }) => kind === "value").map(({ text }) => unquoted(text));
    list.append(...texts.map((value) => h("option", { value })));
  } catch {
    // a name can be typed without being offered
  }
}

const unquoted = (text) => (text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text);
const labelOf = (text, name) => h("label", { class: "field-label", for: `ask-${name}` }, text);

function field(label, name, properties, help = "") {
  const input = h("input", { class: "input", name, id: `ask-${name}`, autocomplete: "off", ...properties });
  return h("div", { class: "field" }, labelOf(label, name), input, help && h("p", { class: "field-help" }, help));
}
