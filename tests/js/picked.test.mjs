import assert from "node:assert/strict";
import test from "node:test";

import { pickedRows, stretches } from "../../static/js/datasets/picked.js";

test("an address names rows, each once and in order", () => {
  assert.deepEqual(pickedRows("?rows=17,3,3,4"), [3, 4, 17]);
  assert.deepEqual(pickedRows("?rows=-1,x,2.5,,1e3"), []);
  assert.deepEqual(pickedRows(""), []);
  assert.equal(pickedRows(`?rows=${Array.from({ length: 50 }, (_, i) => i).join(",")}`).length, 20);
});

test("rows that follow one another are fetched at once", () => {
  assert.deepEqual(stretches([3, 4, 5, 17, 20, 21]), [
    [3, 3],
    [17, 1],
    [20, 2],
  ]);
  assert.deepEqual(stretches([]), []);
});
