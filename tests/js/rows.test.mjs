import assert from "node:assert/strict";
import test from "node:test";

import { imageUrl, nextSort } from "../../static/js/datasets/rows.js";

test("a heading sorts up, then down, then not at all", () => {
  assert.equal(nextSort(null, "age"), "age");
  assert.equal(nextSort("age", "age"), "-age");
  assert.equal(nextSort("-age", "age"), null);
  assert.equal(nextSort("-age", "size"), "size");
});

test("a column's name may be anything", () => {
  assert.equal(imageUrl({ id: "d" }, "a/b c", 3, 64), "/api/v1/datasets/d/images/a%2Fb%20c/3?size=64");
});
