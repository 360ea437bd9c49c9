import assert from "node:assert/strict";
import test from "node:test";

import { targetsOf } from "../../static/js/targets.js";
import { begunWindow, fedByDefault, fedNames, splitFor } from "../../static/js/windowdraft.js";

const column = (name, type) => ({ name, type, num_distinct: 500, min: 0, max: 9 });
const shops = [column("day", "timestamp"), column("shop", "category"), column("price", "float"), column("sold", "float")];
const names = (columns) => columns.map(({ name }) => name);

test("what has been of the target is fed, what orders the rows is not", () => {
  const window = { length: 8, horizon: 2, time: "day", series: "shop" };
  const data = { target: "sold", split: { type: "time", column: "day" }, window };
  assert.deepEqual(names(fedByDefault(shops, data)), ["price", "sold"]);
  assert.deepEqual(names(fedByDefault(shops, { ...data, window: { ...window, ahead: 0 } })), ["price"]);
  assert.deepEqual(names(fedByDefault(shops, { ...data, window: null })), ["shop", "price"]);
});

test("a window begins with what looks like a time", () => {
  assert.equal(begunWindow(shops).time, "day");
  assert.equal(begunWindow([column("t", "integer"), column("y", "float")]).time, "t");
  assert.equal(begunWindow([column("price", "float"), column("y", "float")]).time, null);
});

test("the split follows the window and keeps its shares", () => {
  const shares = { type: "shares", train: 0.6, validation: 0.2, test: 0.2, seed: 3, stratify: true };
  assert.deepEqual(splitFor({ time: "day", series: null }, shares), {
    type: "time",
    column: "day",
    train: 0.6,
    validation: 0.2,
    test: 0.2,
  });
  assert.deepEqual(splitFor({ time: null, series: null }, shares), {
    type: "shares",
    train: 0.6,
    validation: 0.2,
    test: 0.2,
    shuffle: false,
  });
  const byPart = { type: "column", column: "part", train: ["a"], validation: [], test: ["b"] };
  assert.deepEqual(splitFor({ time: "day", series: null }, byPart), byPart);
  const grouped = { type: "grouped", column: "x", train: 0.5, validation: 0, test: 0.5 };
  assert.equal(splitFor({ time: "day", series: "shop" }, grouped).column, "shop");
  assert.deepEqual(splitFor({ time: "day", series: null }, { type: "k_fold", num_folds: 5 }).train, 0.7);
});

test("what is fed and what is predicted is told of several inputs and outputs too", () => {
  const columns = ["a", "b", "c", "d"].map((name) => ({ name }));
  const split = { type: "shares" };
  assert.deepEqual(fedNames(columns, { inputs: { one: ["b"], two: ["d", "a"] }, target: "c", split }), ["b", "d", "a"]);
  assert.deepEqual(fedNames(columns, { outputs: { x: { target: "a" }, y: { target: ["a", "c"] } }, split }), ["b", "d"]);
  assert.deepEqual(targetsOf({ outputs: { x: { target: "a" }, y: { target: ["a", "c"] } } }), ["a", "c"]);
  assert.deepEqual(targetsOf({ target: "a" }), ["a"]);
});
