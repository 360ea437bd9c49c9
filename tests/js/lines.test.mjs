import assert from "node:assert/strict";
import test from "node:test";

import { drawn } from "../../static/js/lines.js";

test("lines share their axes, and go from corner to corner", () => {
  const found = drawn([
    { xs: [0, 10], ys: [0, 100] },
    { xs: [5, 10], ys: [50, 0] },
  ]);
  assert.deepEqual([found.x, found.y], [
    [0, 10],
    [0, 100],
  ]);
  assert.deepEqual(found.paths, ["M0.0 300.0L1000.0 0.0", "M500.0 150.0L1000.0 300.0"]);
});

test("a line breaks where there is no number", () => {
  const [path] = drawn([{ xs: [0, 1, 2, 3, 4], ys: [0, "NaN", 2, null, 4] }]).paths;
  assert.equal(path, "M0.0 300.0M500.0 150.0M1000.0 0.0");
});

test("without a finite point there is no picture, and one point is no fault", () => {
  assert.equal(drawn([{ xs: [0, 1], ys: ["Infinity", "NaN"] }]), null);
  assert.equal(drawn([{ xs: [3], ys: [7] }]).paths[0].startsWith("M0.0 "), true);
});
