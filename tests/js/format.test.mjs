import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import * as format from "../../static/js/format.js";

const cases = JSON.parse(readFileSync(new URL("./format_cases.json", import.meta.url)));

for (const [name, pairs] of Object.entries(cases)) {
  test(`${name} reads as a person writes it`, () => {
    for (const [value, expected] of pairs) assert.equal(format[name](value), expected, `${name}(${value})`);
  });
}

test("ticks are short", () => {
  assert.deepEqual([0, 0.01, 2.3, 1000, 10000, 2500000, 1e-5].map(format.tick), [
    "0",
    "0.01",
    "2.3",
    "1000",
    "10k",
    "2.5M",
    "1e−5",
  ]);
});

test("the labels of an axis share their unit", () => {
  assert.deepEqual(format.ticks([0, 5000, 10000]), ["0", "5k", "10k"]);
  assert.deepEqual(format.ticks([0, 250, 500]), ["0", "250", "500"]);
  assert.deepEqual(format.ticks([0, 500000, 1000000]), ["0", "0.5M", "1M"]);
});

test("a large count is short", () => {
  assert.deepEqual([0, 950, 999, 1000, 12345, 999999, 25557032, 4089184256].map(format.short), [
    "0",
    "950",
    "999",
    "1.00 k",
    "12.3 k",
    "1.00 M",
    "25.6 M",
    "4.09 G",
  ]);
  assert.equal(format.short(null), "–");
});

test("a tick carries no noise of binary fractions", () => {
  assert.equal(format.tick(0.1 + 0.2), "0.3");
});

test("a metric is called by its words", () => {
  assert.equal(format.metricName("optimizer/lr"), "learning rate");
  assert.equal(format.metricName("validation/top_3_accuracy"), "top 3 accuracy");
});

test("one of a thing is singular", () => {
  assert.equal(format.plural(1, "run"), "1 run");
  assert.equal(format.plural(1200, "run"), "1,200 runs");
});
