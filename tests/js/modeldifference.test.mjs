import assert from "node:assert/strict";
import test from "node:test";

import { becameOf, costInWords, fieldInWords, folded, signOf, sumInWords } from "../../static/js/models/difference.js";

const layer = (change, rest = {}) => ({
  change,
  is_moved: false,
  before: 0,
  after: 0,
  type: "relu",
  name: null,
  fields: [],
  ...rest,
});

test("what became of a layer is a word and a sign; of what stayed, neither", () => {
  assert.equal(becameOf(layer("same")), null);
  assert.equal(signOf(layer("same")), "");
  assert.equal(becameOf(layer("same", { is_moved: true })), "moved");
  assert.equal(signOf(layer("same", { is_moved: true })), "↕");
  assert.equal(becameOf(layer("changed", { is_moved: true })), "changed, moved");
  assert.equal(signOf(layer("removed")), "−");
});

test("a setting stands with both values, an argument under its own name", () => {
  assert.equal(fieldInWords({ name: "out_features", before: 64, after: 128 }), "out_features 64 → 128");
  assert.equal(fieldInWords({ name: "arguments.width", before: 8, after: null }), "width 8 → nothing");
  assert.equal(fieldInWords({ name: "inputs", before: ["a"], after: ["a", "b"] }), 'inputs ["a"] → ["a","b"]');
});

test("all together are counted, and one that changed and moved counts as both", () => {
  assert.equal(sumInWords([layer("same")]), "no layer is another");
  const layers = [
    layer("added"),
    layer("changed", { is_moved: true }),
    layer("same", { is_moved: true }),
    layer("same"),
  ];
  assert.equal(sumInWords(layers), "1 changed, 1 added, 2 moved");
});

test("layers that stayed are counted in one row, where they stand", () => {
  const added = layer("added");
  const rows = folded([layer("same"), layer("same"), added, layer("same")]);
  assert.deepEqual(rows, [{ numSame: 2 }, { layer: added }, { numSame: 1 }]);
});

test("a cost stands with both figures and by how much it changed; unknown, not at all", () => {
  assert.equal(costInWords({ before: 1000, after: 1500 }), "1,000 → 1,500 (+50%)");
  assert.equal(costInWords({ before: 1500, after: 1500 }), "1,500, as before");
  assert.equal(costInWords({ before: 0, after: 10 }), "0 → 10");
  assert.equal(costInWords({ before: null, after: 10 }), null);
});
