import assert from "node:assert/strict";
import test from "node:test";

import { aggregate, gridOf, sample } from "../../static/js/compare/aggregate.js";
import { axisOf, bestRuns, columnsOf, sortRuns } from "../../static/js/compare/columns.js";
import { difference, leafInWords } from "../../static/js/compare/difference.js";
import { groupRuns, groupValue, styleOf } from "../../static/js/compare/groups.js";
import { DEFAULTS, readLink, writeLink } from "../../static/js/compare/link.js";

const curve = (steps, values) => ({ steps, values, length: steps.length });
const run = (id, more = {}) => ({ id, name: `run ${id}`, tags: [], project: "", ...more });

test("a link restores what was shown", () => {
  const state = {
    ...DEFAULTS,
    ids: ["01a", "01b"],
    view: "scatter",
    y: ["train/loss", "validation/accuracy"],
    x: "epoch",
    log: true,
    smooth: 0.9,
    window: [10, 250.5],
    by: "optimizer.lr",
    spread: "deviation",
    hide: ["01b"],
    sort: "-validation/loss.min",
    axes: ["optimizer.lr", "a,b"],
    slog: "x",
  };
  assert.deepEqual(readLink(writeLink(state)), state);
});

test("a link says only what was chosen, and stays readable", () => {
  assert.equal(writeLink(DEFAULTS), "");
  assert.equal(writeLink({ ...DEFAULTS, ids: ["a", "b"], y: ["train/loss"] }), "?ids=a,b&y=train/loss");
});

test("what a link says wrongly is as by default", () => {
  const state = readLink("?view=upside-down&x=miles&window=9~1&smooth=7");
  assert.deepEqual(state, { ...DEFAULTS });
});

test("the mean of curves is taken where they are, on their own steps when those are few", () => {
  const found = aggregate([curve([1, 2, 3], [1, 2, 3]), curve([1, 2], [3, 4])]);
  assert.deepEqual(found.steps, [1, 2, 3]);
  assert.deepEqual(found.mean, [2, 3, 3]);
  assert.deepEqual(found.low, [1, 2, 3]);
  assert.deepEqual(found.high, [3, 4, 3]);
  assert.deepEqual(found.count, [2, 2, 1]);
});

test("a deviation is that of a sample, and none for a single curve", () => {
  const found = aggregate([curve([1], [1]), curve([1, 2], [3, 5])], "deviation");
  assert.ok(Math.abs(found.high[0] - (2 + Math.SQRT2)) < 1e-12);
  assert.equal(found.low[1], 5);
  assert.equal(found.high[1], 5);
});

test("values that are not finite take no part", () => {
  const found = aggregate([curve([1, 2], [NaN, 1]), curve([1, 2], [3, Infinity])]);
  assert.deepEqual(found.mean, [3, 1]);
  assert.deepEqual(aggregate([curve([1], [NaN])]).steps, []);
  assert.deepEqual(aggregate([]).mean, []);
});

test("where no curve is, there is no mean", () => {
  const steps = Array.from({ length: 300 }, (_, i) => i);
  const found = aggregate([curve(steps, steps), curve([1000, 1001], [1, 1])], "range", 101);
  assert.ok(found.mean.every(Number.isFinite));
  assert.ok(found.steps.every((step) => step < 300 || step >= 1000));
});

test("many steps become an even grid from the first to the last", () => {
  const steps = Array.from({ length: 5000 }, (_, i) => i);
  const grid = gridOf([curve(steps, steps)], 101);
  assert.equal(grid.length, 101);
  assert.equal(grid[0], 0);
  assert.equal(grid.at(-1), 4999);
});

test("between its points a curve is a straight line, beyond its ends it is not there", () => {
  assert.deepEqual(sample(curve([2, 4], [1, 3]), [1, 2, 3, 4, 5]), [null, 1, 2, 3, null]);
});

test("runs that agree stand together, in the order of the values, what has none last", () => {
  const lr = new Map([
    ["a", 10],
    ["b", 9],
    ["d", 10],
  ]);
  const runs = ["a", "b", "c", "d"].map((id) => run(id));
  const groups = groupRuns(runs, "optimizer.lr", (one) => groupValue(one, "optimizer.lr", () => lr));
  assert.deepEqual(
    groups.map(({ label, runs: members }) => [label, members.length]),
    [
      ["optimizer.lr = 9", 1],
      ["optimizer.lr = 10", 2],
      ["optimizer.lr: none", 1],
    ],
  );
});

test("tags group in whatever order they were given", () => {
  const runs = [run("a", { tags: ["x", "y"] }), run("b", { tags: ["y", "x"] }), run("c")];
  const groups = groupRuns(runs, "tag", (one) => groupValue(one, "tag"));
  assert.deepEqual(
    groups.map((group) => group.label),
    ["x, y", "no tag"],
  );
});

test("without a grouping every run is its own", () => {
  assert.equal(groupRuns([run("a"), run("b")], "", () => null).length, 2);
});

test("eight colours, then the same in other dashes", () => {
  assert.deepEqual(styleOf(0), { color: "--run-1", dash: [] });
  assert.equal(styleOf(8).color, "--run-1");
  assert.notDeepEqual(styleOf(8).dash, []);
  const looks = new Set(Array.from({ length: 32 }, (_, i) => JSON.stringify(styleOf(i))));
  assert.equal(looks.size, 32);
});

const RUNS = ["a", "b", "c"].map((id) => run(id));
const COMPARISON = {
  runs: RUNS,
  results: [{ key: "validation/loss", goal: "min", values: [0.3, "NaN", 0.1] }],
  settings: [
    { key: "optimizer.lr", values: [0.1, 1, null] },
    { key: "optimizer.type", values: ["sgd", "adam", "sgd"] },
  ],
};

test("the best values are marked, NaN never", () => {
  const [loss, lr] = columnsOf(COMPARISON);
  assert.deepEqual([...bestRuns(loss)], ["c"]);
  assert.deepEqual([...bestRuns(lr)], [], "no learning rate is better than another");
});

test("nothing is best where all are equal", () => {
  const [column] = columnsOf({ ...COMPARISON, results: [{ key: "x", goal: "max", values: [1, 1, 1] }] });
  assert.equal(bestRuns(column).size, 0);
});

test("runs are sorted by a column either way, what is not finite last", () => {
  const columns = columnsOf(COMPARISON);
  const names = (sort) => sortRuns(RUNS, columns, sort).map(({ id }) => id);
  assert.deepEqual(names("validation/loss"), ["c", "a", "b"]);
  assert.deepEqual(names("-validation/loss"), ["a", "c", "b"]);
  assert.deepEqual(names("-name"), ["c", "b", "a"]);
  assert.deepEqual(names("gone"), ["a", "b", "c"]);
});

test("numbers make an axis of values, words one of categories", () => {
  const [loss, lr, type] = columnsOf(COMPARISON);
  assert.equal(axisOf(lr, RUNS, true).type, "log");
  assert.equal(axisOf(loss, RUNS).of("NaN"), null);
  const axis = axisOf(type, RUNS);
  assert.deepEqual(axis.categories, ["adam", "sgd"]);
  assert.equal(axis.of("sgd"), 1);
});

test("an axis with a zero is not logarithmic", () => {
  const [column] = columnsOf({ ...COMPARISON, results: [{ key: "x", goal: null, values: [0, 1, 2] }] });
  assert.equal(axisOf(column, RUNS, true).type, "value");
});

test("two specifications are held against each other place by place", () => {
  const a = { model: { layers: [{ type: "conv2d", kernel_size: [3, 3] }] }, seed: 1 };
  const b = { model: { layers: [{ type: "conv2d", kernel_size: [5, 5] }, { type: "relu" }] }, seed: 1 };
  assert.deepEqual(
    difference(a, b).map(({ place, kind }) => `${place} ${kind}`),
    ["model.layers.0.kernel_size changed", "model.layers.0.type same", "model.layers.1.type right", "seed same"],
  );
});

test("leaves are told in words", () => {
  assert.deepEqual([undefined, null, [3, 5], [], true, {}].map(leafInWords), [
    "",
    "none",
    "3, 5",
    "none",
    "true",
    "{}",
  ]);
});
