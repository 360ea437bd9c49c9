import assert from "node:assert/strict";
import test from "node:test";

import {
  balanceInWords,
  byName,
  classColumns,
  classesOf,
  comparable,
  likelyClass,
  likelyPlace,
  placesFor,
} from "../../static/js/datasets/figures.js";

const top = (counts) => Object.entries(counts).map(([value, count]) => ({ value, count }));
const KIND = { name: "kind", type: "category", num_missing: 2, num_distinct: 3, top_values: top({ a: 90, b: 8 }) };

test("classes are listed, the others and their rows counted", () => {
  assert.deepEqual(classesOf(KIND, 105), { classes: top({ a: 90, b: 8 }), numOthers: 1, countOthers: 5 });
});

test("of very many classes fifty are listed", () => {
  const many = Array.from({ length: 60 }, (_, i) => ({ value: `v${i}`, count: 1 }));
  const found = classesOf({ ...KIND, num_missing: 0, num_distinct: 70, top_values: many }, 70);
  assert.deepEqual([found.classes.length, found.numOthers, found.countOthers], [50, 20, 20]);
});

test("whole numbers read before they were counted are told by a histogram with a bar for each", () => {
  const histogram = { edges: [-0.5, 0.5, 1.5, 2.5], counts: [3, 0, 7] };
  const column = { name: "n", type: "integer", num_missing: 0, num_distinct: 2, histogram };
  assert.deepEqual(classesOf(column, 10), {
    classes: [
      { value: "2", count: 7 },
      { value: "0", count: 3 },
    ],
    numOthers: 0,
    countOthers: 0,
  });
  assert.equal(classesOf({ ...column, histogram: { edges: [0, 2, 4], counts: [1, 1] } }, 2), null);
});

test("quantities, texts and empty columns hold no classes", () => {
  assert.equal(classesOf({ type: "float", num_distinct: 2, top_values: null }, 9), null);
  assert.equal(classesOf({ type: "text", num_distinct: 2, top_values: null }, 9), null);
  assert.equal(classesOf({ type: "integer", num_distinct: 51, top_values: top({ 1: 1 }) }, 9), null);
  assert.equal(classesOf({ type: "category", num_distinct: 0, top_values: [] }, 9), null);
});

test("what always saying the same would get", () => {
  assert.equal(
    balanceInWords({ classes: top({ no: 90, yes: 10 }), countOthers: 0 }),
    "Always saying no is right in 0.900 of the rows. no comes 9 times as often as yes.",
  );
  assert.equal(
    balanceInWords({ classes: top({ a: 5, b: 5 }), countOthers: 10 }),
    "Always saying a is right in 0.250 of the rows.",
  );
  assert.equal(balanceInWords({ classes: [], countOthers: 0 }), "");
});

const COLUMNS = [
  { name: "when", type: "timestamp", min: 0, num_distinct: 9 },
  { name: "never", type: "timestamp", min: null, num_distinct: 0 },
  { name: "x", type: "float", min: 0, num_distinct: 9 },
  { name: "same", type: "integer", min: 1, num_distinct: 1, num_missing: 0, top_values: top({ 1: 9 }) },
  { name: "note", type: "text", num_distinct: 9 },
  { ...KIND, name: "Label" },
  { name: "is", type: "boolean", num_distinct: 2, num_missing: 0, top_values: top({ true: 5, false: 4 }) },
];

test("a table is drawn along its time, else along a number or its rows", () => {
  assert.deepEqual(placesFor(COLUMNS), ["when", "x"]);
  assert.equal(likelyPlace(COLUMNS), "when");
  assert.equal(likelyPlace(COLUMNS.slice(1)), "");
});

test("the classes to begin with are those a run would likely predict", () => {
  const found = classColumns(COLUMNS, 105);
  assert.deepEqual(found.map(({ name }) => name), ["same", "Label", "is"]);
  assert.equal(likelyClass(found), "Label");
  assert.equal(likelyClass([]), "");
});

test("numbers and classes can be compared, nothing else", () => {
  assert.deepEqual(comparable(COLUMNS).map(({ name }) => name), ["when", "never", "x", "same", "Label", "is"]);
});

test("names stand as a person counts", () => {
  assert.deepEqual(["10", "2", "b", "a"].sort(byName), ["2", "10", "a", "b"]);
});
