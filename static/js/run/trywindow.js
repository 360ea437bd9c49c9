// What a model of a time series is given by hand: rows in their order, as text; and what it predicts of the last of them.

import * as api from "../api.js";
import { h, uniqueId } from "../dom.js";
import * as format from "../format.js";
import { linesPicture } from "../linespicture.js";
import { parseValue } from "../predictions.js";
import { rowsAhead } from "./forecast.js";

const ROWS_AT_ONCE = 1000; // that the server gives

export class WindowInput {
  /** `features` are the columns that are fed; `onInput` is called when a person has changed the rows. */
  constructor(run, columns, features, onInput) {
    const { window, target } = run.spec.data;
    const wanted = new Set([window.series, window.time, ...features.map(({ name }) => name)].filter(Boolean));
    Object.assign(this, { run, window, target, columns: columns.filter(({ name }) => wanted.has(name)), truth: null });
    const id = uniqueId("try");
    const changed = () => {
      this.truth = null;
      onInput();
    };
    this.area = h("textarea", { class: "textarea mono window-rows", id, rows: 12, spellcheck: "false", oninput: changed });
    const names = this.columns.map(({ name }) => name).join(", ");
    this.content = [
      h("label", { class: "field-label", for: id }, `${format.plural(window.length, "row")} in their order: ${names}`),
      this.area,
      h("p", { class: "field-help" }, "A row a line, with tabs or commas between the values. More rows are more windows; the last one is answered."),
    ];
  }

  read() {
    const lines = this.area.value.split("\n").filter((line) => line.trim());
    return lines.map((line) => {
      const cells = line.includes("\t") ? line.split("\t") : line.split(/[,;]/);
      return Object.fromEntries(this.columns.map((column, i) => [column.name, parseValue(column, cells[i] ?? "")]));
    });
  }

  /** Fill in a window that the model was judged on, and know what came after it. Returns what it is, in words. */
  async take() {
    const { part, shown } = this.run.evaluation.forecast;
    const { length, horizon, ahead } = this.window;
    const last = shown.places[Math.floor(Math.random() * shown.places.length)];
    const rows = await this.#rows(last - length + 1, length + Math.max(0, ahead - 1 + horizon), shown.series);
    this.area.value = rows
      .slice(0, length)
      .map((row) => this.columns.map(({ name }) => row[name] ?? "").join("\t"))
      .join("\n");
    this.truth = rows.slice(length - 1 + ahead, length - 1 + ahead + horizon).map((row) => row[this.target]);
    const of = shown.series === null ? "" : ` of ${shown.series}`;
    return `rows ${format.count(last - length + 2)} to ${format.count(last + 1)}${of}, ${part} part`;
  }

  /** Rows of a series by their places in it. */
  async #rows(offset, count, series) {
    const { time, series: by } = this.window;
    const asked = { sort: time || undefined, filter: by ? `${by}:${series}` : undefined };
    const rows = [];
    while (rows.length < count) {
      const limit = Math.min(ROWS_AT_ONCE, count - rows.length);
      const query = api.query({ ...asked, offset: offset + rows.length, limit });
      const page = await api.get(`/datasets/${this.run.dataset.id}/rows${query}`);
      rows.push(...page.rows);
      if (page.rows.length < limit) break;
    }
    return rows;
  }

  /** What was seen and what is predicted, in a picture and in figures; `values` are those of the last window. */
  answer(values) {
    const { length, ahead } = this.window;
    const seen = this.columns.some(({ name }) => name === this.target)
      ? this.read().slice(-length).map((row) => row[this.target])
      : [];
    // Both begin at the last value that was seen: a single one after it would be a line without a length.
    const after = (ys) => ({
      xs: [...(seen.length ? [0] : []), ...ys.map((_, i) => ahead + i)],
      ys: [...seen.slice(-1), ...ys],
    });
    const lines = [
      { name: "seen", kind: "actual", xs: seen.map((_, i) => i - seen.length + 1), ys: seen },
      ...(this.truth ? [{ name: "what came", kind: "far", ...after(this.truth) }] : []),
      { name: "predicted", kind: "near", ...after(values) },
    ].filter(({ xs }) => xs.length);
    return [
      lines.some(({ xs }) => xs.length > 1) ? linesPicture(lines, `${this.target}: seen and predicted`, placeInWords) : null,
      this.#table(values),
    ];
  }

  #table(values) {
    const { truth } = this;
    const head = ["rows ahead", `predicted ${this.target}`, ...(truth ? ["what came"] : [])];
    const cell = (value) => h("td", { class: "right", title: format.exact(value) }, format.measure(value));
    return h(
      "div",
      { class: "table-wrap forecast-steps", tabindex: "0", role: "group", aria: { label: "Predicted values" } },
      h(
        "table",
        { class: "table" },
        h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col", class: "right" }, name)))),
        h(
          "tbody",
          {},
          values.map((value, i) =>
            h(
              "tr",
              {},
              h("th", { scope: "row", class: "right" }, format.count(this.window.ahead + i)),
              cell(value),
              truth ? cell(truth[i]) : null,
            ),
          ),
        ),
      ),
    );
  }
}

function placeInWords(x) {
  if (x === 0) return "the last row seen";
  return x > 0 ? rowsAhead(x) : `${format.plural(-x, "row")} before`;
}
