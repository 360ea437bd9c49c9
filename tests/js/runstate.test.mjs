import assert from "node:assert/strict";
import test from "node:test";

import { RunState } from "../../static/js/runstate.js";

const event = (seq, kind, body) => ({ seq, time: 0, kind, body });
const points = (name, steps, values) => ({ series: [{ name, steps, values }] });

test("events add up to a run", () => {
  const state = new RunState();
  state.apply([
    event(1, "status", { status: "running" }),
    event(2, "metrics", points("train/loss", [1, 2], [0.5, "NaN"])),
    event(3, "progress", { epoch: 1, num_epochs: 2 }),
    event(4, "log", { text: "epoch 1", level: "info" }),
    event(5, "finding", { kind: "overfitting", title: "Overfitting" }),
    event(6, "finding", { kind: "overfitting", title: "Overfitting since epoch 3" }),
  ]);
  assert.equal(state.status, "running");
  assert.equal(state.seriesNamed("train/loss").length, 2);
  assert.equal(state.progress.epoch, 1);
  assert.equal(state.logs[0].text, "epoch 1");
  assert.deepEqual(
    state.findings.map((finding) => finding.title),
    ["Overfitting since epoch 3"],
  );
  assert.ok(!state.isFinished);
});

test("a rewind reaches every series", () => {
  const state = new RunState();
  state.apply([
    event(1, "metrics", points("a", [1, 2, 3], [1, 2, 3])),
    event(2, "metrics", points("b", [3], [1])),
    event(3, "rewind", { to_step: 2 }),
  ]);
  assert.equal(state.seriesNamed("a").length, 2);
  assert.equal(state.seriesNamed("b").length, 0);
});

test("a rewind takes back what was found by the curves after it, also where it showed before", () => {
  const state = new RunState();
  state.apply([
    event(1, "finding", { kind: "overfitting", title: "a", step: 10, found_at: 60 }),
    event(2, "finding", { kind: "plateau", title: "b", step: 10, found_at: 20 }),
    event(3, "rewind", { to_step: 50 }),
  ]);
  assert.deepEqual(state.findings.map(({ kind }) => kind), ["plateau"]);
});

test("a snapshot replaces series and log", () => {
  const state = new RunState();
  state.apply([event(1, "metrics", points("train/loss", [1], [1])), event(2, "log", { text: "old" })]);
  state.reset({
    status: "failed",
    series: { "train/loss": { steps: [0, 50], values: [2, 1], min: [1, 1], max: [3, 1], num_points: 100 } },
    events: [event(90, "log", { text: "new" })],
  });
  assert.equal(state.seriesNamed("train/loss").numPoints, 100);
  assert.deepEqual(
    state.logs.map((line) => line.text),
    ["new"],
  );
  assert.ok(state.isFinished);
});

test("a snapshot tells where a run went back to, and that there are branches to fetch", () => {
  const state = new RunState();
  state.reset({ series: {}, rewinds: [{ seq: 7, to_step: 100 }] });
  assert.deepEqual(state.marks, [{ kind: "resume", step: 100 }]);
  assert.ok(state.takeChanges().has("ghosts"));
  state.reset({ series: {}, rewinds: [] });
  assert.deepEqual(state.marks, []);
  assert.ok(!state.takeChanges().has("ghosts"));
});

test("a rewind into buckets asks for the curve again; one of points does not", () => {
  const state = new RunState();
  state.apply([event(1, "metrics", points("a", [1, 2, 3], [1, 2, 3])), event(2, "rewind", { to_step: 2 })]);
  assert.ok(!state.isCutInside);
  state.reset({ series: { a: { steps: [50, 100], values: [2, 1], num_points: 100 } } });
  state.apply([event(91, "rewind", { to_step: 100 })]);
  assert.ok(!state.isCutInside);
  state.apply([event(92, "rewind", { to_step: 70 })]);
  assert.ok(state.isCutInside);
});

test("changes are told once", () => {
  const state = new RunState();
  state.apply([event(1, "progress", { epoch: 1 })]);
  assert.deepEqual([...state.takeChanges()], ["progress"]);
  assert.equal(state.takeChanges().size, 0);
});

test("an event of an unknown kind is passed over", () => {
  new RunState().apply([event(1, "something_new", {})]);
});

test("it is told once that the stream has said what there is", () => {
  const state = new RunState();
  assert.ok(!state.isTold);
  for (const isTold of [true, false]) {
    state.reset({});
    assert.ok(state.isTold);
    assert.equal(state.takeChanges().has("told"), isTold);
  }
});

test("a long log keeps its end", () => {
  const state = new RunState();
  state.apply(Array.from({ length: 6000 }, (_, i) => event(i + 1, "log", { text: String(i) })));
  assert.equal(state.logs.length, 5000);
  assert.equal(state.logs.at(-1).text, "5999");
});
