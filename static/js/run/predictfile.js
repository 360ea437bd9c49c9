// A file of rows in, a file of answers out; also in the layout that competitions ask for.

import * as api from "../api.js";
import { formatCsv, parseCsv } from "../csv.js";
import { h, replace, setText, uniqueId } from "../dom.js";
import * as format from "../format.js";
import { parseValue, readAnswer } from "../predictions.js";
import { saveAs } from "./model.js";

const BATCH_VALUES = 200_000;

export function fileCard(run, features) {
  const file = h("input", { class: "input", type: "file", id: uniqueId("file"), accept: ".csv,text/csv" });
  const layout = h("select", { class: "select", id: uniqueId("layout"), onchange: () => (submission.hidden = layout.value !== "submission") },
    h("option", { value: "rows" }, "The rows with their answers"), h("option", { value: "submission" }, "Submission: a number and the answer"));
  const idName = h("input", { class: "input", id: uniqueId("id"), value: "ImageId" });
  const labelName = h("input", { class: "input", id: uniqueId("label"), value: "Label" });
  const submission = h("div", { class: "form-grid", hidden: true }, field("Name of the number, from 1", idName), field("Name of the answer", labelName));
  const state = h("p", { class: "muted small", role: "status" });
  const button = h("button", { class: "button", type: "submit" }, "Predict the file");
  const form = h("form", { class: "stack-s" }, h("div", { class: "form-grid wide-fields" }, field("CSV file with a header", file), field("Layout of the answer", layout)), submission, h("div", { class: "row" }, button, state));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!file.files.length) return setText(state, "Choose a file first.");
    button.disabled = true;
    try {
      const table = readTable(await file.files[0].text(), features);
      const answers = await predictAll(run, table, (n) => setText(state, `${format.count(n)} of ${format.plural(table.rows.length, "row")}`));
      const names = { id: idName.value || "ImageId", label: labelName.value || "Label" };
      saveAs(new Blob([formatCsv(layout.value === "submission" ? submissionRows(answers, names) : answerRows(table, answers, run.spec.data.target))], { type: "text/csv" }), `${run.name}-predictions.csv`);
      setText(state, `${format.plural(answers.length, "answer")} saved.`);
    } catch (error) {
      replace(state, h("span", { class: "field-error" }, error.message));
    } finally {
      button.disabled = false;
    }
    return undefined;
  });
  return h("section", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, "A file of rows")), form);
}

function field(label, input) {
  return h("div", { class: "field" }, h("label", { class: "field-label", for: input.id }, label), input);
}

function readTable(text, features) {
  const [header = [], ...rows] = parseCsv(text);
  const at = new Map(header.map((name, i) => [name.trim(), i]));
  const missing = features.filter(({ name }) => !at.has(name)).map(({ name }) => name);
  if (missing.length) throw new Error(`The file has no column ${missing.slice(0, 3).join(", ")}${missing.length > 3 ? ` and ${missing.length - 3} more` : ""}. Its header needs the names that the model was trained on.`);
  if (!rows.length) throw new Error("The file has a header and no rows.");
  return { header, rows, features: features.map((column) => ({ column, at: at.get(column.name) })) };
}

async function predictAll(run, table, onProgress) {
  const size = Math.max(1, Math.min(1000, Math.floor(BATCH_VALUES / table.features.length)));
  const answers = [];
  for (let start = 0; start < table.rows.length; start += size) {
    onProgress(start);
    const rows = table.rows.slice(start, start + size).map((fields) => Object.fromEntries(table.features.map(({ column, at }) => [column.name, parseValue(column, fields[at] ?? "")])));
    const { predictions, classes } = await api.post(`/runs/${run.id}/predict`, { rows });
    answers.push(...predictions.map((one) => readAnswer(one, classes)));
  }
  return answers;
}

const submissionRows = (answers, { id, label }) => [[id, label], ...answers.map(({ value }, i) => [i + 1, value])];

const answerRows = (table, answers, target) => [[...table.header, `predicted_${target}`], ...answers.map(({ value }, i) => [...table.rows[i], value])];
