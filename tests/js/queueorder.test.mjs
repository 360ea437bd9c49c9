import assert from "node:assert/strict";
import test from "node:test";

import { placed, step } from "../../static/js/queueorder.js";

const ids = ["a", "b", "c", "d"];

test("a job stands where it was put", () => {
  assert.deepEqual(placed(ids, "d", { before: "b" }), ["a", "d", "b", "c"]);
  assert.deepEqual(placed(ids, "a", { after: "c" }), ["b", "c", "a", "d"]);
  assert.deepEqual(placed(ids, "c", { to: "first" }), ["c", "a", "b", "d"]);
  assert.deepEqual(placed(ids, "a", { to: "last" }), ["b", "c", "d", "a"]);
});

test("what is not there moves nothing", () => {
  assert.equal(placed(ids, "x", { to: "first" }), ids);
  assert.equal(placed(ids, "a", { before: "x" }), ids);
});

test("a step goes past the neighbour, and ends at the ends", () => {
  assert.deepEqual(step(ids, "b", -1), { before: "a" });
  assert.deepEqual(step(ids, "b", 1), { after: "c" });
  assert.equal(step(ids, "a", -1), null);
  assert.equal(step(ids, "d", 1), null);
  assert.equal(step(ids, "x", 1), null);
});

test("a step up and a step down leave all as it was", () => {
  const up = placed(ids, "c", step(ids, "c", -1));
  assert.deepEqual(placed(up, "c", step(up, "c", 1)), ids);
});
