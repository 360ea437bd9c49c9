// How good a forecast is, by how far ahead it looks, against saying that nothing will change; and a picture of it.

import { h } from "../dom.js";
import * as format from "../format.js";
import { linesPicture } from "../linespicture.js";

/** The cards of a time series' evaluation; null of any other. */
export function forecastCards(forecast) {
  return forecast?.whole ? { picture: pictureCard(forecast), steps: stepsCard(forecast) } : null;
}

function pictureCard({ part, shown, steps }) {
  const [near, far] = [steps[0].ahead, steps.at(-1).ahead];
  const came = shown.last.map((x, i) => [x, shown.actual_last[i]]).filter(([x]) => x > shown.first.at(-1));
  const lines = [
    {
      name: "what came",
      kind: "actual",
      xs: [...shown.first, ...came.map(([x]) => x)],
      ys: [...shown.actual_first, ...came.map(([, y]) => y)],
    },
    ...(far > near
      ? [{ name: `predicted ${rowsAhead(far)}`, kind: "far", xs: shown.last, ys: shown.predicted_last }]
      : []),
    { name: `predicted ${rowsAhead(near)}`, kind: "near", xs: shown.first, ys: shown.predicted_first },
  ];
  const series = shown.series === null ? "" : `, series ${shown.series}`;
  const label = `What came and what was predicted, ${format.plural(shown.first.length, "window")} of the ${part} part`;
  return card(
    "Predicted and actual",
    `${format.plural(shown.first.length, "window")}, ${part} part${series}`,
    h("div", { class: "card-body" }, linesPicture(lines, label, placeOf(shown.axis))),
  );
}

function stepsCard({ part, whole, naive, steps }) {
  const line = naive
    ? `naive forecast: MAE ${format.measure(naive.mae)}, RMSE ${format.measure(naive.rmse)}; the model: MAE ${format.measure(whole.mae)}, RMSE ${format.measure(whole.rmse)}`
    : `MAE ${format.measure(whole.mae)}, RMSE ${format.measure(whole.rmse)}`;
  const head = ["rows ahead", "MAE", ...(naive ? ["naive MAE"] : []), "RMSE", ...(naive ? ["naive RMSE"] : [])];
  const cell = (value) =>
    h("td", { class: "right", title: value === undefined ? null : format.exact(value) }, value === undefined ? "" : format.measure(value));
  const rows = steps.map((step) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", class: "right" }, format.count(step.ahead)),
      cell(step.mae),
      naive ? cell(step.naive?.mae) : null,
      cell(step.rmse),
      naive ? cell(step.naive?.rmse) : null,
    ),
  );
  return card(
    "Error by how far ahead",
    `${part} part`,
    h("p", { class: "card-body forecast-line", title: "the naive forecast repeats the last value that was seen" }, line),
    h(
      "div",
      { class: "table-wrap forecast-steps", tabindex: "0", role: "group", aria: { label: "Error by how far ahead" } },
      h(
        "table",
        { class: "table" },
        h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col", class: "right" }, name)))),
        h("tbody", {}, rows),
      ),
    ),
  );
}

/** How a place along the rows is told. */
export function placeOf(axis) {
  if (axis === "timestamp") return (x) => new Date(x * 1000).toISOString().slice(0, 16).replace("T", " ");
  return axis === "row" ? (x) => `row ${format.count(x + 1)}` : (x) => format.number(x);
}

export const rowsAhead = (ahead) => (ahead === 0 ? "for that row" : `${format.plural(ahead, "row")} ahead`);

function card(title, note, ...content) {
  return h(
    "section",
    { class: "card flush" },
    h("div", { class: "card-head" }, h("h2", {}, title), h("span", { class: "card-note" }, note)),
    content,
  );
}
