// Answers of many places to look at: images beside what was wanted, texts with what was said of them, numbers by name.

import { h } from "../dom.js";
import * as format from "../format.js";

const SPACE = { " ": "␣", "\n": "↵", "\t": "⇥" };

/** The card of a few rows that judged the model; null where answers are plain. */
export function shownCard(shown) {
  if (!shown?.rows?.length) return null;
  const of = { image: imageRows, mask: imageRows, tokens: textRows, sequence: sequenceRows }[shown.kind];
  if (!of) return null;
  const what = shown.kind === "tokens" ? "What it said, token by token" : "Wanted and answered";
  return h(
    "section",
    { class: "card flush" },
    h("div", { class: "card-head" }, h("h2", {}, what), h("span", { class: "card-note" }, `first rows of the ${shown.part} part`)),
    h("div", { class: "card-body stack-s" }, of(shown)),
  );
}

function imageRows({ kind, rows, colours }) {
  const isItself = rows.every(({ input, target }) => input === target); // of an autoencoder
  const heads = [...(isItself || !rows[0].input ? [] : ["input"]), "target", "output"];
  const called = { target: isItself ? "input and target" : "target" };
  const list = rows.map((row, i) =>
    h(
      "li",
      { class: heads.length > 2 ? "triple" : "triple pair" },
      heads.map((name) =>
        h("figure", {}, h("img", { class: "triple-picture", src: row[name], alt: `${name} of row ${i + 1}` }), h("figcaption", {}, called[name] ?? name)),
      ),
      h("span", { class: "triple-error small muted figures" }, errorOf(kind, row)),
    ),
  );
  return [h("ul", { class: "triples" }, list), colours ? legend(colours) : null];
}

const errorOf = (kind, row) =>
  kind === "mask" ? `${format.percent(row.wrong)} of the pixels wrong` : `mean error ${format.measure(row.mae)}`;

function legend(colours) {
  const items = colours.map((colour, i) => {
    const key = h("span", { class: "legend-key", aria: { hidden: "true" } });
    key.style.setProperty("--key", colour);
    return h("li", {}, key, `class ${i}`);
  });
  return h("ul", { class: "legend-classes small" }, items);
}

function textRows({ rows }) {
  const list = rows.map(({ input, target, output }) =>
    h(
      "li",
      { class: "said" },
      target.map((wanted, i) =>
        h(
          "span",
          { class: output[i] === wanted ? "token right" : "token wrong", title: input ? `after ${input[i]} came ${wanted}` : `wanted: ${wanted}` },
          h("span", { class: "token-wanted" }, visible(wanted)),
          h("span", { class: "token-said" }, visible(output[i])),
        ),
      ),
      h("span", { class: "small muted" }, `${target.filter((one, i) => one === output[i]).length} of ${target.length} right`),
    ),
  );
  return [
    h("p", { class: "muted small" }, "Above what came in the text, below what the model said: green where they are the same."),
    h("ul", { class: "said-rows" }, list),
  ];
}

/** Tokens in order, of which nobody knows where they stand: what was wanted above what was said. */
function sequenceRows({ rows }) {
  const line = (tokens, title) => h("span", { class: "mono", title }, tokens.map(visible).join(" ") || "–");
  const list = rows.map(({ target, output }) => {
    const isRight = target.length === output.length && target.every((one, i) => one === output[i]);
    return h(
      "li",
      { class: "said stack-s" },
      line(target, "wanted"),
      line(output, "said"),
      h("span", { class: "small muted" }, isRight ? "right" : "not the same"),
    );
  });
  return [
    h("p", { class: "muted small" }, "Above what was wanted, below what the model said."),
    h("ul", { class: "said-rows" }, list),
  ];
}

const visible = (token) => SPACE[token] ?? token;

/** What a prediction of many places looks like; null where it is a plain one. */
export function answerOf(prediction, shown) {
  const { value, std, label, tokens } = prediction;
  if (tokens) return [tokensLine(tokens, shown?.kind === "sequence" ? "It says: " : "At each place it says: ")];
  if (Array.isArray(label)) return [canvasOf([label], (code) => channels(shown?.colours?.[code] ?? grey(code)))];
  if (value && typeof value === "object" && !Array.isArray(value)) return [numbersTable(value, std)];
  if (!Array.isArray(value) || !Array.isArray(value[0])) return null;
  const isImage = Array.isArray(value[0][0]) && [1, 3].includes(value.length) && shown?.kind === "image";
  return [isImage ? canvasOf(value) : h("pre", { class: "nested small figures" }, JSON.stringify(value, null, 1).slice(0, 4000))];
}

function tokensLine(tokens, before) {
  return h("p", { class: "muted small" }, before, h("span", { class: "mono" }, tokens.map(visible).join(" ")));
}

function numbersTable(values, stds = null) {
  const rows = Object.entries(values).map(([name, one]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      h("td", { class: "right figures", title: format.exact(one) }, format.measure(one)),
      stds ? h("td", { class: "right figures muted", title: "one standard deviation" }, `± ${format.measure(stds[name])}`) : null,
    ),
  );
  return h("div", { class: "table-wrap" }, h("table", { class: "table" }, h("tbody", {}, rows)));
}

/** A picture of planes [channels][height][width], from 0 to 1; or of one plane of codes, by `colour`. */
function canvasOf(planes, colour = null) {
  const [height, width] = [planes[0].length, planes[0][0].length];
  const canvas = h("canvas", { class: "answer-picture", width, height, role: "img", aria: { label: "The model's answer" } });
  const image = new ImageData(width, height);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const rgb = colour ? colour(planes[0][y][x]) : [0, 1, 2].map((c) => 255 * Number((planes[c] ?? planes[0])[y][x]));
      image.data.set([...rgb, 255], 4 * (y * width + x));
    }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

const channels = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));

const grey = (code) => `#${Math.min(255, 40 * code).toString(16).padStart(2, "0").repeat(3)}`;
