// A file of rows in, a file of answers out; also in the layout that competitions ask for.

import * as api from "../api.js";
import { h, replace, setText, uniqueId } from "../dom.js";
import { saveAs } from "./model.js";

export function fileCard(run) {
  const file = h("input", { class: "input", type: "file", id: uniqueId("file"), accept: ".csv,.gz,text/csv" });
  const layout = h(
    "select",
    { class: "select", id: uniqueId("layout"), onchange: () => (submission.hidden = layout.value !== "submission") },
    h("option", { value: "rows" }, "The rows with their answers"),
    h("option", { value: "submission" }, "Submission: a number and the answer"),
  );
  const idName = h("input", { class: "input", id: uniqueId("id"), value: "ImageId" });
  const labelName = h("input", { class: "input", id: uniqueId("label"), value: "Label" });
  const submission = h(
    "div",
    { class: "form-grid wide-fields", hidden: true },
    field("Name of the number, from 1", idName),
    field("Name of the answer", labelName),
  );
  const state = h("div", { class: "muted small", role: "status" });
  const button = h("button", { class: "button", type: "submit" }, "Predict the file");

  async function predict(event) {
    event.preventDefault();
    if (!file.files.length) return setText(state, "Choose a file first.");
    button.disabled = true;
    const form = new FormData();
    form.append("file", file.files[0]);
    const names =
      layout.value === "submission"
        ? { layout: "submission", id_column: idName.value, label_column: labelName.value }
        : {};
    try {
      setText(state, "Predicting…");
      saveAs(
        await api.download(`/runs/${run.id}/predictions${api.query(names)}`, form),
        layout.value === "submission" ? "submission.csv" : "predictions.csv",
      );
      setText(state, "Saved.");
    } catch (error) {
      const places = error.errors?.map(({ msg }) => msg).filter((msg) => !error.message.includes(msg)) ?? [];
      replace(
        state,
        h(
          "div",
          { class: "note bad" },
          h("p", { class: "note-title" }, error.message),
          places.slice(0, 5).map((text) => h("p", {}, text)),
          error.hint ? h("p", {}, error.hint) : null,
        ),
      );
    } finally {
      button.disabled = false;
    }
    return undefined;
  }

  const form = h(
    "form",
    { class: "stack-s", onsubmit: predict },
    h(
      "div",
      { class: "form-grid wide-fields" },
      field("CSV file with a header", file),
      field("Layout of the answer", layout),
    ),
    submission,
    h("div", { class: "row" }, button),
    state,
  );
  return h(
    "section",
    { class: "card" },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, "A file of rows"),
      h("span", { class: "card-note" }, "the header names the columns that the model was trained on"),
    ),
    form,
  );
}

function field(label, input) {
  return h("div", { class: "field" }, h("label", { class: "field-label", for: input.id }, label), input);
}
