import assert from "node:assert/strict";
import test from "node:test";

import {
  boxesOption,
  pairInWords,
  partsOf,
  pictureInWords,
  relationInWords,
  scatterOption,
  sharesOf,
  sharesOption,
  tableOf,
  unmeasured,
} from "../../static/js/datasets/relations.js";

const axis = (spec, name) => ({ ...spec, name });
const TWO = { measure: "correlation", strength: 0.8, pearson: 0.5, spearman: -0.8, num_rows: 1200, num_left_out: 0 };

test("the larger of two correlations stands beside the bar, with its sign", () => {
  assert.deepEqual(relationInWords(TWO), { figure: "−0.800", words: "rank correlation" });
  assert.deepEqual(relationInWords({ ...TWO, pearson: 0.9 }), { figure: "0.900", words: "correlation" });
  assert.equal(relationInWords({ measure: "cramers_v", strength: 0.3 }).words, "Cramér’s V");
  assert.deepEqual(relationInWords({ strength: null, note: "texts are not compared" }), {
    figure: "",
    words: "texts are not compared",
  });
});

test("a pair says all that was measured, of how many rows, and how many were left out", () => {
  assert.equal(pairInWords(TWO), "Pearson’s correlation 0.500, Spearman’s rank correlation −0.800 in 1,200 rows.");
  const eta = { measure: "correlation_ratio", strength: 0.25, num_rows: 1, num_left_out: 3 };
  assert.equal(
    pairInWords(eta),
    "Correlation ratio 0.250 in 1 row; 3 left out, where one of the two is missing.",
  );
  const none = { strength: null, note: "too few rows have a value of both", num_rows: 2, num_left_out: 0 };
  assert.equal(pairInWords(none), "Too few rows have a value of both, in 2 rows.");
});

test("what was not measured is told by its reason", () => {
  const relations = [
    { column: "x", strength: 0.5 },
    { column: "a", strength: null, note: "texts" },
    { column: "b", strength: null, note: "single" },
    { column: "c", strength: null, note: "texts" },
  ];
  assert.deepEqual(unmeasured(relations), [["texts", ["a", "c"]], ["single", ["b"]]]);
});

test("times are drawn in milliseconds", () => {
  const option = scatterOption({ x: [1, 2], y: [5, 6] }, { name: "t", type: "timestamp" }, { name: "y", type: "float" }, axis, "c");
  assert.deepEqual(option.series[0].data, [[1000, 5], [2000, 6]]);
  assert.deepEqual([option.xAxis.type, option.yAxis.type], ["time", "value"]);
});

const BOXES = {
  type: "boxes",
  number: "x",
  category: "k",
  boxes: [
    { value: "10", count: 7, low: 1, q1: 2, median: 3, q3: 4, high: 5, num_outside: 1 },
    { value: "2", count: 5, low: 0, q1: 1, median: 1, q3: 1, high: 2, num_outside: 0 },
  ],
};

test("boxes stand in the order of their names", () => {
  const option = boxesOption(BOXES, "float", axis, { color: "c", soft: "s" });
  assert.deepEqual(option.yAxis.categories, ["2", "10"]);
  assert.deepEqual(option.series[0].data, [[0, 1, 1, 1, 2], [1, 2, 3, 4, 5]]);
  assert.deepEqual(tableOf(BOXES, "x", "float").rows[1], ["10", "7", "1", "2", "3", "4", "5", "1"]);
  assert.equal(pictureInWords({ picture: BOXES }, "x", "k"), "x by k, medians: 2 1, 10 3");
});

const SHARES = { type: "shares", values: ["b", "a"], classes: ["no", "maybe"], has_other: true, counts: [[1, 2, 1], [0, 0, 0]] };

test("a bar is divided by the classes, the rarer ones last and grey", () => {
  assert.deepEqual(partsOf(SHARES).map(({ name, at, color }) => [name, at, color]), [
    ["maybe", 1, "--run-1"],
    ["no", 0, "--run-2"],
    ["all others", 2, "--idle"],
  ]);
  assert.deepEqual(sharesOf(SHARES).map(({ value, shares }) => [value, shares]), [["a", [0, 0, 0]], ["b", [0.25, 0.5, 0.25]]]);
  const option = sharesOption(SHARES, {}, axis, (name) => name);
  assert.deepEqual(option.series.map(({ name, data }) => [name, data]), [
    ["maybe", [0, 0.5]],
    ["no", [0, 0.25]],
    ["all others", [0, 0.25]],
  ]);
  assert.deepEqual(tableOf(SHARES, "col"), { head: ["col", "maybe", "no", "all others"], rows: [["a", "0", "0", "0"], ["b", "2", "1", "1"]] });
});

test("points have no table", () => {
  assert.equal(tableOf({ type: "scatter", x: [], y: [] }), null);
  assert.equal(tableOf(null), null);
});
