import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDraft, likelyTarget, tokensFor } from "../../static/js/draft.js";
import { settle, settleDataset } from "../../static/js/settling.js";
import { askedInWords, chooseTarget, targetChoice, targetOptions } from "../../static/js/asked.js";

const number = (name, extra = {}) => ({ name, type: "float", num_distinct: 90, num_missing: 0, min: 0, max: 5, values: null, ...extra });
const kind = { name: "species", type: "category", num_distinct: 3, num_missing: 0, values: ["a", "b", "c"] };
const image = (name) => ({ name, type: "image", num_distinct: 90, num_missing: 0, values: null, images: { min_height: 8, max_height: 8, min_width: 8, max_width: 8, channels: "gray" } });
const text = { name: "text", type: "text", num_distinct: 90, num_missing: 0, values: null };

/** A draft for the columns, with the choice whose label has these words. */
function asking(columns, words) {
  const draft = emptyDraft();
  settleDataset(draft, columns);
  const choice = targetOptions(columns).find(({ label }) => label.includes(words)).value;
  const fed = chooseTarget(draft, columns, choice);
  draft.data.features = fed;
  settle(draft, columns, fed);
  assert.equal(targetChoice(draft.data), choice, "what was chosen is what is shown");
  return draft;
}

test("a column is asked as before", () => {
  const { data, training } = asking([number("x"), kind], "species");
  assert.equal(data.target, "species");
  assert.equal(data.features, null);
  assert.equal(training.loss.type, "cross_entropy");
  assert.equal(data.split.stratify, true);
});

test("a table is asked for itself: all its numbers, but not what it is usually asked", () => {
  const { data, training } = asking([number("width"), number("length", { max: 5000 }), kind], "itself");
  assert.deepEqual(data.target, ["width", "length"]);
  assert.deepEqual(data.features, ["width", "length"]);
  assert.deepEqual([data.scale, data.scale_target], ["standardize", "standardize"]);
  assert.equal(training.loss.type, "mse_loss");
  assert.equal(data.split.stratify, false);
  assert.equal(askedInWords(data, null), "the input itself");
});

test("images are asked for themselves, or for a class at each pixel", () => {
  const columns = [image("image"), image("mask"), kind];
  const itself = asking(columns, "itself");
  assert.deepEqual([itself.data.features, itself.data.target], [["image"], "image"]);
  assert.equal(itself.training.loss.type, "mse_loss");
  const mask = asking(columns, "mask");
  assert.deepEqual([mask.data.features, mask.data.target], [["image"], "mask"]);
  assert.equal(mask.training.loss.type, "cross_entropy");
  assert.equal(askedInWords(mask.data, "pixels"), "a class at each pixel");
});

test("of a text the next token is asked", () => {
  const { data, training } = asking([text, kind], "next token of text");
  assert.deepEqual([data.features, data.target, data.next_token], [["text"], "text", true]);
  assert.equal(data.columns.text.tokens.pad, "end");
  assert.equal(training.loss.type, "cross_entropy");
  assert.equal(data.split.stratify, false);
});

test("another choice leaves nothing of the last one", () => {
  const columns = [text, kind];
  const draft = asking(columns, "next token");
  const fed = chooseTarget(draft, columns, "species");
  draft.data.features = fed;
  settle(draft, columns, fed);
  assert.ok(!("next_token" in draft.data));
  assert.equal(draft.data.target, "species");
  assert.deepEqual(draft.data.features, ["text"]);
});

test("where nothing is a number there is no input to be given back", () => {
  assert.ok(!targetOptions([text, kind]).some(({ label }) => label.includes("itself")));
});

test("of a time series what was fed so far is no autoencoder", () => {
  assert.equal(targetChoice({ target: "x", features: ["x"], window: { length: 3 } }), "x");
});

test("another dataset is not asked for what was put together for the last one", () => {
  const draft = asking([number("x"), number("label")], "itself");
  settleDataset(draft, [number("x"), number("label"), number("z")]);
  assert.equal(draft.data.target, "label");
  const next = asking([text, kind], "next token");
  settleDataset(next, [text, kind]);
  assert.equal(next.data.target, "species");
  assert.ok(!next.data.next_token);
});

test("of usual names for a target the most telling is taken, wherever it stands", () => {
  assert.equal(likelyTarget([number("x"), number("y"), number("label")]), "label");
  assert.equal(likelyTarget([number("x"), number("y")]), "y");
  assert.equal(likelyTarget([number("a"), number("b")]), "b");
});

test("a text of one word all through is cut into characters", () => {
  assert.equal(tokensFor({ word_lengths: { edges: [0.5, 1.5], counts: [9] }, num_distinct_words: 9 }).level, "characters");
  assert.deepEqual(tokensFor({ word_lengths: { edges: [0.5, 7.5], counts: [9] }, num_distinct_words: 48 }), { vocabulary_size: 50 });
  assert.deepEqual(tokensFor({}, 300), { vocabulary_size: 300 });
});
