// Use the model: one row by hand, a drawing, or a file of rows.

import * as api from "../api.js";
import { debounce, emptyCard, h, replace, setText, uniqueId } from "../dom.js";
import * as format from "../format.js";
import { parseValue, pictureShape, rangeInWords, readAnswer, typicalValue } from "../predictions.js";
import { targetInWords, targetsOf } from "../targets.js";
import { fedNames } from "../windowdraft.js";
import { fileCard } from "./predictfile.js";
import { Pad } from "./pad.js";
import { answerOf } from "./shown.js";
import { ImageInput } from "./tryimage.js";
import { WindowInput } from "./trywindow.js";

const MAX_FORM_COLUMNS = 40;
const SHOWN_CLASSES = 10;

export class TryIt {
  constructor(panel) {
    this.panel = panel;
    this.isBuilt = false;
  }

  async show(run) {
    this.run = run;
    if (this.isBuilt) return;
    if (!isUsable(run)) {
      replace(this.panel, waiting(run));
      return;
    }
    this.isBuilt = true;
    try {
      this.dataset = await api.get(`/datasets/${run.dataset.id}`);
      this.#build();
    } catch (error) {
      this.isBuilt = false;
      replace(this.panel, problem("The form could not be made", error));
    }
  }

  #build() {
    const { data } = this.run.spec;
    this.features = fedNames(this.dataset.columns, data).map((name) =>
      this.dataset.columns.find((column) => column.name === name),
    );
    this.answer = h("div", { class: "answer", role: "status" });
    const picture = pictureShape(this.run.inspection.input_shape);
    const input = data.window
      ? this.#window()
      : picture && this.features.length === picture.channels * picture.height * picture.width
        ? this.#pad(picture)
        : this.features.length <= MAX_FORM_COLUMNS
          ? this.#form()
          : this.#text();
    replace(
      this.panel,
      h(
        "div",
        { class: "tab-columns" },
        input,
        h(
          "section",
          { class: "card" },
          h("div", { class: "card-head" }, h("h2", {}, "Answer"), h("span", { class: "card-note" }, targetInWords(data))),
          this.answer,
        ),
      ),
      fileCard(this.run),
    );
    this.predict = debounce(120, () => this.#predict());
    if (this.window) this.#takeRow();
    else if (picture && this.pad) replace(this.answer, h("p", { class: "muted" }, "Draw something, or take a row."));
    else if (this.features.some(isAwaited))
      replace(this.answer, h("p", { class: "muted" }, "Give it something to judge, or take a row."));
    else this.predict();
  }

  // a form, a field for each column

  #form() {
    this.fields = new Map();
    const fields = this.features.map((column) => this.#field(column));
    this.read = () => Object.fromEntries([...this.fields].map(([name, { read }]) => [name, read()]));
    this.write = (row, number) =>
      Promise.all([...this.fields].map(([name, { write }]) => write(row[name] ?? "", number)));
    const form = h(
      "form",
      { class: "form-grid", oninput: () => this.predict(), onsubmit: (event) => event.preventDefault() },
      fields,
    );
    return this.#inputCard("Typical values to begin with", form);
  }

  #field(column) {
    if (column.type === "image") {
      const image = new ImageInput(column.name, () => this.predict());
      this.fields.set(column.name, {
        read: () => image.read(),
        write: (_, number) => image.take(this.dataset, column.name, number),
      });
      return image.element;
    }
    const id = uniqueId("try");
    const value = typicalValue(column);
    const isChoice =
      column.type === "boolean" ||
      (column.values && !["integer", "float"].includes(column.type) && column.values.length <= 50);
    const choices = column.type === "boolean" ? ["true", "false"] : column.values;
    const input = isChoice
      ? h(
          "select",
          { class: "select", id },
          choices.map((one) =>
            h("option", { value: String(one), selected: String(one) === String(value) }, String(one)),
          ),
        )
      : column.type === "text"
        ? h("textarea", { class: "textarea", id, rows: 3, spellcheck: "false" }, String(value))
        : h("input", {
            class: "input figures",
            id,
            value: String(value),
            inputmode: column.type === "category" ? "text" : "decimal",
            autocomplete: "off",
          });
    this.fields.set(column.name, {
      read: () => parseValue(column, input.value),
      write: (value) => (input.value = value),
    });
    return h(
      "div",
      { class: column.type === "text" ? "field wide" : "field" },
      h("label", { class: "field-label", for: id }, column.name),
      input,
      h("span", { class: "field-help figures" }, rangeInWords(column, format.number)),
    );
  }

  // a picture

  #pad(picture) {
    const highest = Math.max(...this.features.map((column) => column.max ?? 1)) || 1;
    this.pad = new Pad(picture, highest, () => {
      this.row = null;
      this.predict();
    });
    this.read = () => this.row ?? Object.fromEntries(this.pad.row().map((value, i) => [this.features[i].name, value]));
    this.write = (row) => {
      this.row = Object.fromEntries(this.features.map(({ name }) => [name, row[name]]));
      this.pad.show(this.features.map(({ name }) => row[name]));
    };
    const clear = h("button", { class: "button", type: "button", onclick: () => this.pad.clear() }, "Clear");
    return this.#inputCard(`${picture.width} × ${picture.height} pixels`, this.pad.canvas, clear);
  }

  // more columns than a form can hold

  #text() {
    const id = uniqueId("try");
    const area = h("textarea", { class: "textarea", id, rows: 8, spellcheck: "false", oninput: () => this.predict() });
    this.read = () => {
      const values = area.value.split(/[,;\s]+/).filter(Boolean);
      return Object.fromEntries(this.features.map((column, i) => [column.name, parseValue(column, values[i] ?? "")]));
    };
    this.write = (row) => (area.value = this.features.map(({ name }) => row[name] ?? "").join(", "));
    this.write(Object.fromEntries(this.features.map((column) => [column.name, typicalValue(column)])));
    return this.#inputCard(
      `${format.count(this.features.length)} values, in the order of the columns`,
      h("label", { class: "field-label", for: id }, "Values, with commas between them"),
      area,
    );
  }

  // rows of a time series

  #window() {
    this.window = new WindowInput(this.run, this.dataset.columns, this.features, () => {
      setText(this.truth, "");
      this.predict();
    });
    return this.#inputCard("a window of the rows that judged the model, to begin with", ...this.window.content);
  }

  #inputCard(note, ...content) {
    this.truth = h("span", { class: "muted small" });
    const take = h(
      "button",
      { class: "button", type: "button", onclick: () => this.#takeRow() },
      this.window ? "Take another window" : "Take a row from the dataset",
    );
    return h(
      "section",
      { class: "card stack-s" },
      h("div", { class: "card-head" }, h("h2", {}, "Input"), h("span", { class: "card-note" }, note)),
      content.slice(0, content[0] instanceof HTMLCanvasElement ? 1 : content.length),
      h("div", { class: "row" }, take, content[0] instanceof HTMLCanvasElement ? content.slice(1) : null, this.truth),
    );
  }

  async #takeRow() {
    try {
      if (this.window) {
        setText(this.truth, await this.window.take());
        await this.#predict();
        return;
      }
      const offset = Math.floor(Math.random() * this.dataset.num_rows);
      const { rows } = await api.get(`/datasets/${this.dataset.id}/rows${api.query({ offset, limit: 1 })}`);
      await this.write(rows[0], offset);
      const truth = this.#told().map((name) => [name, rows[0][name]]).filter(([, value]) => isPlain(value));
      const said = truth.map(([name, value]) => `, ${name} is ${value}`);
      setText(this.truth, `row ${format.count(offset + 1)}${said.join("")}`);
      await this.#predict();
    } catch (error) {
      replace(this.answer, problem("No row could be taken", error));
    }
  }

  /** The targets that are not among what is fed. */
  #told() {
    return targetsOf(this.run.spec.data).filter((target) => !this.features.some(({ name }) => name === target));
  }

  /** What one of several outputs answers with, as far as its column tells it. */
  #kindOf(output) {
    const { target } = this.run.spec.data.outputs[output];
    return this.dataset.columns.find(({ name }) => name === target)?.type === "image" ? { kind: "image" } : null;
  }

  async #predict() {
    this.request?.abort();
    this.request = new AbortController();
    try {
      const { predictions } = await api.post(
        `/runs/${this.run.id}/predict`,
        { rows: this.window ? this.window.read() : [this.read()] },
        { signal: this.request.signal },
      );
      const { outputs, ...only } = predictions.at(-1);
      const answer = readAnswer(only);
      const places = answerOf(only, this.run.evaluation?.shown);
      if (outputs) replace(this.answer, Object.entries(outputs).map(([name, one]) => named(name, one, this.#kindOf(name))));
      else if (this.window && !answer.probabilities && !answer.scores) replace(this.answer, this.window.answer([answer.value].flat()));
      else if (places && !answer.probabilities) replace(this.answer, places);
      else replace(this.answer, shown(answer, places));
    } catch (error) {
      if (error.name !== "AbortError") replace(this.answer, problem("No answer", error));
    }
  }
}

/** The answer of one of several outputs, under its name. */
function named(name, prediction, kind) {
  const answer = readAnswer(prediction);
  const places = answerOf(prediction, kind);
  const content = places && !answer.probabilities ? places : shown(answer, places);
  return h("section", { class: "answer-part", aria: { label: name } }, h("h3", {}, name), content);
}

const isPlain = (value) => ["string", "number", "boolean"].includes(typeof value);

function shown({ value, std, probabilities, scores }, places) {
  const likeliest = probabilities?.slice(0, SHOWN_CLASSES) ?? [];
  const more = (probabilities?.length ?? 0) - likeliest.length;
  return [
    h(
      "p",
      { class: "answer-value figures", title: format.exact(value) },
      inWords(value),
      isPlain(std) ? h("span", { class: "muted small", title: "one standard deviation" }, ` ± ${inWords(std)}`) : null,
    ),
    likeliest.length
      ? h(
          "ol",
          { class: "bars", aria: { label: "Probabilities" } },
          likeliest.map((one, i) => bar(one, i === 0)),
        )
      : null,
    scores ? h("p", { class: "muted small figures" }, `scores: ${scores.slice(0, SHOWN_CLASSES).map(inScores).join(", ")}`) : null,
    places,
    more > 0
      ? h("p", { class: "muted small" }, `and ${format.plural(more, "less likely class", "less likely classes")}`)
      : null,
  ];
}

const inScores = ({ name, score }) => `${name} ${format.measure(score)}`;

const inWords = (value) =>
  typeof value === "number" && !Number.isInteger(value) ? format.measure(value) : String(value);

function bar({ name, share }, isBest) {
  const element = h(
    "li",
    { class: isBest ? "best" : null },
    h("span", {}, name),
    h("span", { class: "bar", aria: { hidden: "true" } }),
    h("span", { class: "number" }, format.measure(share)),
  );
  element.children[1].style.setProperty("--share", share.toFixed(4));
  return element;
}

/** Whether a column has no typical value to begin with. */
const isAwaited = ({ type, values }) => type === "image" || (type === "text" && !values);

/** The server answers with ONNX Runtime, so the model must have been exported. */
function isUsable(run) {
  return (
    run.status === "succeeded" &&
    (run.export.status === "succeeded" || run.artifacts.some(({ name }) => name === "model.onnx"))
  );
}

function waiting(run) {
  const text =
    run.status === "succeeded"
      ? run.export.status === "failed"
        ? `The model could not be written as ONNX: ${run.export.error?.message ?? "the log says more"}`
        : "The model is being written as ONNX. This takes a few seconds."
      : "A model can be tried once its training has succeeded.";
  return emptyCard("Not ready to be tried", text);
}

function problem(title, error) {
  const places = (error.errors ?? []).map(({ loc, msg }) => h("li", {}, `${loc.at(-1)}: ${msg}`));
  return h(
    "div",
    { class: "note bad" },
    h("p", { class: "note-title" }, title),
    h("p", {}, places.length === 1 && typeof error.errors[0].loc.at(-1) === "string" ? places[0].textContent : error.message),
    places.length > 1 ? h("ul", {}, places.slice(0, 5)) : null,
  );
}
