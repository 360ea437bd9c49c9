import assert from "node:assert/strict";
import test from "node:test";

import { bucketsFor, likelyColumns, lineInWords, movedWindow, pathsOf, seriesOption } from "../../static/js/datasets/tracing.js";

const LINE = { column: "x", group: null, x: [0, 10, 20], low: [1, 2, -5], mean: [1, 3, 0], high: [1, 4, 50], count: [1, 2, 9] };
const axis = (spec) => spec;

test("a path runs through the range of each bucket, so that no spike hides", () => {
  assert.deepEqual(pathsOf(LINE, false), {
    range: [[0, 1], [10, 2], [10, 4], [20, -5], [20, 50]],
    means: [[0, 1], [10, 3], [20, 0]],
  });
  assert.deepEqual(pathsOf({ ...LINE, high: LINE.low, count: [1, 1, 1] }, true), {
    range: [[0, 1], [10_000, 2], [20_000, -5]],
    means: null,
  });
});

test("a line of one row a bucket is drawn once, a denser one with its means", () => {
  const found = { start: 0, end: 20, is_time: false };
  const colors = [(i) => `c${i}`, (i) => `s${i}`];
  assert.equal(seriesOption([LINE], found, axis, ...colors).series.length, 2);
  const sparse = { ...LINE, count: [1, 1, 1] };
  const option = seriesOption([sparse, LINE], { ...found, is_time: true }, axis, ...colors);
  assert.deepEqual(option.series.map(({ lineStyle }) => lineStyle.color), ["c0", "s1", "c1"]);
  assert.deepEqual([option.xAxis.min, option.xAxis.max], [0, 20_000]);
});

test("one point is drawn as a point", () => {
  const one = { ...LINE, x: [3], low: [1], high: [1], mean: [1], count: [1] };
  const option = seriesOption([one], { start: 3, end: 3, is_time: false }, axis, String, String);
  assert.equal(option.series[0].showSymbol, true);
});

test("a window is moved within the whole, and widened to all of it", () => {
  const whole = [0, 100];
  assert.deepEqual(movedWindow([0, 100], "in", whole), [25, 75]);
  assert.deepEqual(movedWindow([25, 75], "right", whole), [50, 100]);
  assert.deepEqual(movedWindow([60, 90], "right", whole), [70, 100]);
  assert.deepEqual(movedWindow([10, 40], "left", whole), [0, 30]);
  assert.equal(movedWindow([25, 75], "out", whole), null);
});

test("what is drawn is told with its lowest and highest value", () => {
  assert.equal(lineInWords([LINE], { along: "t", is_time: false }), "12 values, lowest −5 at 20, highest 50 at 20");
  assert.equal(lineInWords([LINE], { along: null, is_time: false }), "12 values, lowest −5 in row 20, highest 50 in row 20");
  assert.equal(lineInWords([LINE], { along: "t", is_time: true }).includes("1970-01-01 00:00:20"), true);
  assert.equal(lineInWords([{ ...LINE, x: [], count: [] }], { along: "t", is_time: false }), "No value in this window.");
});

test("the column to begin with is a likely target, else one that varies", () => {
  const columns = [{ name: "t", num_distinct: 99 }, { name: "is", num_distinct: 2 }, { name: "y", num_distinct: 9 }];
  assert.deepEqual(likelyColumns(columns, "is", "t"), ["is"]);
  assert.deepEqual(likelyColumns(columns, "note", "t"), ["y"]);
  assert.deepEqual(likelyColumns([], "x", ""), []);
});

test("there are as many buckets as pixels, within bounds", () => {
  assert.deepEqual([0, 900, 9000].map(bucketsFor), [100, 824, 1500]);
});
