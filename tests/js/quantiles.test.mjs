import assert from "node:assert/strict";
import test from "node:test";

import { quantileShares, timeInWords, valueInWords } from "../../static/js/quantiles.js";

test("quantiles lie between the lowest and the highest value", () => {
  const column = { min: 0, max: 200, quantiles: [0, 10, 50, 100, 150, 190, 200] };
  assert.deepEqual(quantileShares(column), [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]);
});

test("where there is nothing to show there is none", () => {
  for (const column of [
    { min: 0, max: 1 },
    { min: 0, max: 1, quantiles: null },
    { min: 3, max: 3, quantiles: Array(7).fill(3) },
    { min: -1e308, max: 1e308, quantiles: Array(7).fill(0) },
  ])
    assert.equal(quantileShares(column), null);
});

test("times are dates, with what they have of a time", () => {
  assert.equal(timeInWords(1704067200), "2024-01-01");
  assert.equal(timeInWords(1704067260), "2024-01-01 00:01");
  assert.equal(timeInWords(1704067261), "2024-01-01 00:01:01");
  assert.equal(timeInWords(-86400), "1969-12-31");
  assert.equal(timeInWords(1e18), "1.00e18", "what no calendar has is a number");
});

test("a value is told as its column has it, and none not at all", () => {
  assert.equal(valueInWords("timestamp", 0), "1970-01-01");
  assert.equal(valueInWords("float", 0.5), "0.500");
  assert.equal(valueInWords("integer", 1234), "1,234");
  assert.equal(valueInWords("float", null), "");
});
