import assert from "node:assert/strict";
import test from "node:test";

import { parseValue, pictureShape, rangeInWords, readAnswer, typicalValue } from "../../static/js/predictions.js";

test("a number is its own answer", () => {
  assert.deepEqual(readAnswer({ value: 211.6 }), { value: 211.6, probabilities: null });
  assert.deepEqual(readAnswer({ value: 2, std: 0.5 }), { value: 2, std: 0.5, probabilities: null });
  assert.deepEqual(readAnswer({ label: "no", scores: { yes: -1.5, no: 1.5 } }), {
    value: "no",
    probabilities: null,
    scores: [
      { name: "no", score: 1.5 },
      { name: "yes", score: -1.5 },
    ],
  });
});

test("classes come most likely first", () => {
  const answer = readAnswer({ label: 1, probabilities: { 0: 0.2, 1: 0.8 } });
  assert.equal(answer.value, 1);
  assert.deepEqual(answer.probabilities, [
    { name: "1", share: 0.8 },
    { name: "0", share: 0.2 },
  ]);
});

test("fields begin with what is typical", () => {
  assert.equal(typicalValue({ type: "integer", mean: 54.4 }), 54);
  assert.equal(typicalValue({ type: "timestamp", mean: 1704067229 }), "2024-01-01");
  assert.equal(typicalValue({ type: "timestamp", mean: 1704117900 }), "2024-01-01 14:05");
  assert.equal(typicalValue({ type: "float", mean: 1.039603 }), 1.04);
  assert.equal(typicalValue({ type: "category", values: ["a", "b"], top_values: [{ value: "b", count: 9 }] }), "b");
});

test("what was typed is read as the column's type, nothing as missing", () => {
  assert.equal(parseValue({ type: "float" }, " −1.5 "), -1.5);
  assert.equal(parseValue({ type: "integer" }, ""), null);
  assert.equal(parseValue({ type: "integer" }, "many"), "many");
  assert.equal(parseValue({ type: "boolean" }, "true"), true);
  assert.equal(parseValue({ type: "category" }, "north"), "north");
});

test("a picture has one or three channels", () => {
  assert.deepEqual(pictureShape([1, 28, 28]), { channels: 1, height: 28, width: 28 });
  assert.equal(pictureShape([784]), null);
  assert.equal(pictureShape([64, 8, 8]), null);
});

test("a range is told as its values are written", () => {
  const number = (value) => `#${value}`;
  assert.equal(rangeInWords({ type: "timestamp", min: 0, max: 86400 }, number), "1970-01-01 to 1970-01-02");
  assert.equal(rangeInWords({ type: "float", min: 1, max: 2 }, number), "#1 to #2");
  assert.equal(rangeInWords({ type: "category", min: null }, number), "");
});
