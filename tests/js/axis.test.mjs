import assert from "node:assert/strict";
import test from "node:test";

import { StepTimes, axisOf } from "../../static/js/axis.js";

function timesOf(knots) {
  const times = new StepTimes();
  for (const [step, time] of knots) times.add(step, time);
  return times;
}

test("a step lies between the times known around it", () => {
  const times = timesOf([[0, 1000], [100, 1010], [200, 1110]]);
  assert.deepEqual([0, 50, 150, 200].map((step) => times.timeOf(step)), [1000, 1005, 1060, 1110]);
  assert.deepEqual([1005, 1060].map((time) => times.stepAt(time)), [50, 150]);
});

test("times go both ways, also after a rewind and over a pause", () => {
  const times = timesOf([[0, 0], [100, 10], [200, 20]]);
  times.rewind(100);
  times.add(150, 500);
  assert.equal(times.timeOf(125), 255);
  for (const step of [3, 60, 149]) assert.ok(Math.abs(times.stepAt(times.timeOf(step)) - step) < 1e-9);
});

test("what the server knows of the beginning goes before what was seen", () => {
  const times = timesOf([[500, 50], [600, 60]]);
  times.prepend([0, 100], [0, 10]);
  assert.deepEqual(times.steps, [0, 100, 500, 600]);
});

test("a long run keeps a bounded number of knots, its ends among them", () => {
  const times = timesOf(Array.from({ length: 20_000 }, (_, i) => [i, i * 2]));
  assert.ok(times.length <= 4097);
  assert.equal(times.timeOf(0), 0);
  assert.equal(times.timeOf(19_999), 39_998);
});

test("an axis is there when what it needs is known", () => {
  assert.equal(axisOf("epoch", {}), null);
  assert.equal(axisOf("time", { times: new StepTimes() }), null);
  const epochs = axisOf("epoch", { stepsPerEpoch: 50 });
  assert.deepEqual([epochs.toX(100), epochs.toStep(2)], [2, 100]);
  const relative = axisOf("relative", { times: timesOf([[0, 1000], [100, 1100]]), start: 990 });
  assert.deepEqual([relative.toX(0), relative.toStep(110)], [10, 100]);
  assert.equal(axisOf("step").toX(7), 7);
});
