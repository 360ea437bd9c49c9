import assert from "node:assert/strict";
import test from "node:test";

import { decimalsFor, linearRange, logRange, niceStep, sparkPath } from "../../static/js/scale.js";

test("a grid has round steps", () => {
  assert.deepEqual(
    [1, 2.3, 47, 0.013].map((span) => niceStep(span, 5)),
    [0.2, 0.5, 10, 0.005],
  );
});

test("a range ends on round numbers and starts at zero when zero is near", () => {
  assert.deepEqual(linearRange(0.08, 2.24), [0, 2.5]);
  assert.deepEqual(linearRange(0.95, 0.99), [0.95, 0.99]);
  assert.deepEqual(linearRange(-3.1, 7.7), [-5, 10]);
});

test("a constant stands in the middle", () => {
  const [low, high] = linearRange(0.1, 0.1);
  assert.ok(low < 0.1 && high > 0.1);
  assert.deepEqual(linearRange(0, 0), [-1, 1]);
});

test("nothing finite has a range all the same", () => {
  assert.deepEqual(linearRange(Infinity, -Infinity), [0, 1]);
  assert.deepEqual(logRange(Infinity, -Infinity), [0.1, 1]);
});

test("a logarithmic range ends on 1, 2 or 5", () => {
  assert.deepEqual(logRange(0.013, 2.24), [0.01, 5]);
  assert.deepEqual(logRange(1, 1000), [1, 1000]);
  assert.deepEqual(logRange(2, 2), [1, 4]);
});

test("labels have as many decimals as they need", () => {
  assert.deepEqual([10, 1, 0.5, 0.2, 0.25, 0.025, 0.05, 0.001].map(decimalsFor), [0, 0, 1, 1, 2, 3, 2, 3]);
});

test("a small curve fills its box, or its share of it", () => {
  assert.equal(sparkPath([2, 1], 1), "M0.00 2.00L100.00 26.00");
  assert.equal(sparkPath([2, 2], 0.5), "M0.00 26.00L50.00 26.00");
});
