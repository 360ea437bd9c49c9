import assert from "node:assert/strict";
import test from "node:test";

import { chartsFor } from "../../static/js/curves.js";
import { binInWords, binsOf, figuresIn, gridOf, shadesOf } from "../../static/js/layergrid.js";
import { Series } from "../../static/js/series.js";

function seriesOf(points) {
  return new Map(
    Object.entries(points).map(([name, [steps, values]]) => {
      const series = new Series(name);
      series.append(steps, values);
      return [name, series];
    }),
  );
}

const SERIES = seriesOf({
  "layers/10/grad_norm": [[1, 50, 100], [1, 2, 3]],
  "layers/2/grad_norm": [[1, 100], [0.1, "NaN"]],
  "layers/stage.1.conv/grad_norm": [[50], [7]],
  "layers/2/dead": [[100], [0.5]],
  "layers/x/y": [[1], [1]],
  "train/loss": [[1], [1]],
});

test("layers stand in the order of the model, steps in theirs", () => {
  const grid = gridOf(SERIES, "grad_norm", ["2", "stage.1.conv", "10"]);
  assert.deepEqual(grid.layers, ["2", "stage.1.conv", "10"]);
  assert.deepEqual(grid.steps, [1, 50, 100]);
  assert.deepEqual(grid.rows, [[0.1, null, NaN], [null, 7, null], [1, 2, 3]]);
  assert.deepEqual(gridOf(SERIES, "grad_norm").layers, ["2", "10", "stage.1.conv"], "by number where nothing is known");
});

test("what is told of layers is known by its name", () => {
  assert.deepEqual(figuresIn(SERIES.keys()), ["grad_norm", "dead"]);
});

test("series of layers have no chart of their own, others of such a name do", () => {
  assert.deepEqual(chartsFor(SERIES.keys()).map(({ key }) => key), ["loss", "layers/x/y"]);
});

test("shades run over powers of ten, and have no place for what is no number", () => {
  const { shades, low, high } = shadesOf([[1e-6, 1e-3, null], [1, 0, NaN]], { isLog: true });
  assert.deepEqual(shades, [[0, 0.5, null], [1, 0, null]]);
  assert.deepEqual([low, high], [1e-6, 1]);
  assert.deepEqual(shadesOf([[0.25]], { range: [0, 1] }).shades, [[0.25]]);
  assert.deepEqual(shadesOf([[3, 3]]).shades, [[0.5, 0.5]]);
});

test("bins that never hold anything are left out, and each step adds up to one", () => {
  const edges = [-1, -0.1, 0.1, 1];
  const { labels, steps, rows } = binsOf([{ step: 1, counts: [0, 0, 3, 1, 0] }, { step: 5, counts: [0, 0, 0, 4, 0] }], edges);
  assert.deepEqual(labels, ["about 0", "0.1 to 1"]);
  assert.deepEqual(steps, [1, 5]);
  assert.deepEqual(rows, [[0.75, 0], [0.25, 1]]);
  assert.deepEqual(binsOf([{ step: 1, counts: [0, 0, 0, 0, 0] }], edges).rows, []);
});

test("bins around zero that hold few numbers are one", () => {
  const edges = [-10, -1, -0.1, 0.1, 1, 10];
  const counts = [0, 50, 0, 1, 0, 49, 0];
  const { labels, rows } = binsOf([{ step: 1, counts }], edges);
  assert.deepEqual(labels, ["−10 to −1", "within ±1", "1 to 10"]);
  assert.deepEqual(rows, [[0.5], [0.01], [0.49]]);
  const many = binsOf([{ step: 1, counts }, { step: 2, counts: [0, 0, 0, 9, 1, 0, 0] }], edges);
  assert.deepEqual(many.labels.slice(1, 4), ["−1 to −0.1", "about 0", "0.1 to 1"], "at every step");
});

test("a bin is told by its edges", () => {
  const edges = [-100, -1e-6, 1e-6, 1.8e-6, 100];
  assert.equal(binInWords(0, edges), "below −100");
  assert.equal(binInWords(3, [-2, -1, -0.5, 0.5, 1, 2]), "about 0");
  assert.equal(binInWords(5, edges), "100 and more");
});
