import assert from "node:assert/strict";
import test from "node:test";

import { eventsOf, rateChanges } from "../../static/js/chartevents.js";
import { RunState } from "../../static/js/runstate.js";
import { Series } from "../../static/js/series.js";

function rates(values) {
  const series = new Series("optimizer/lr");
  series.append(values.map((_, i) => i), values);
  return series;
}

test("a learning rate that leaps is told, one that glides is not", () => {
  const leaps = rates(Array.from({ length: 300 }, (_, i) => (i < 100 ? 0.1 : i < 200 ? 0.01 : 0.001)));
  assert.deepEqual(rateChanges(leaps).map(({ step }) => step), [100, 200]);
  assert.deepEqual(rateChanges(rates(Array.from({ length: 300 }, (_, i) => 0.1 * Math.cos(i / 300)))), []);
  assert.deepEqual(rateChanges(undefined), []);
});

test("what was asked is told where it was done, and not until then", () => {
  const state = new RunState({ controls: [{ number: 1, type: "set_lr", lr: 0.01, step: null }] });
  const said = () => eventsOf(state).map(({ step, text }) => [step, text]);
  assert.deepEqual(said(), []);
  const control = (body) => ({ kind: "control", time: 1, body });
  state.apply([control({ number: 1, type: "set_lr", lr: 0.01, step: 7 }), control({ number: 2, type: "stop", keep: "best", best_epoch: 3, step: 9 })]);
  assert.deepEqual(said(), [
    [7, "Learning rate set to 0.01 after step 7"],
    [9, "Stopped after step 9, as was asked, keeping epoch 3"],
  ]);
  state.apply([{ kind: "rewind", time: 2, body: { to_step: 8 } }]);
  assert.deepEqual(said().map(([step]) => step), [7, 8], "the stop comes again");
});

test("a rate that was set is not told twice", () => {
  const state = new RunState();
  const steps = Array.from({ length: 200 }, (_, i) => i + 1);
  const values = steps.map((step) => (step <= 50 ? 0.1 : step <= 120 ? 0.01 : 0.001));
  state.apply([
    { kind: "metrics", time: 0, body: { series: [{ name: "optimizer/lr", steps, values }] } },
    { kind: "control", time: 1, body: { number: 1, type: "set_lr", lr: 0.01, step: 50 } },
  ]);
  assert.deepEqual(eventsOf(state).map(({ kind, step }) => [kind, step]), [["control", 50], ["rate", 121]]); // prettier-ignore
});

test("checkpoints and findings after a rewind are gone, and the rewind is told", () => {
  const state = new RunState();
  const checkpoint = (step) => ({ kind: "checkpoint", time: step, body: { step } });
  state.apply([checkpoint(10), checkpoint(20), { kind: "rewind", time: 21, body: { to_step: 10 } }, checkpoint(20)]);
  state.apply([{ kind: "finding", time: 30, body: { kind: "plateau", title: "It stands still", step: 15 } }]);
  assert.deepEqual(eventsOf(state).map(({ kind, step }) => [kind, step]), [
    ["checkpoint", 10], ["resume", 10], ["finding", 15], ["checkpoint", 20],
  ]); // prettier-ignore
});
