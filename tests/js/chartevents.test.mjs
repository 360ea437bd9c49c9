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

test("checkpoints and findings after a rewind are gone, and the rewind is told", () => {
  const state = new RunState();
  const checkpoint = (step) => ({ kind: "checkpoint", time: step, body: { step } });
  state.apply([checkpoint(10), checkpoint(20), { kind: "rewind", time: 21, body: { to_step: 10 } }, checkpoint(20)]);
  state.apply([{ kind: "finding", time: 30, body: { kind: "plateau", title: "It stands still", step: 15 } }]);
  assert.deepEqual(eventsOf(state).map(({ kind, step }) => [kind, step]), [
    ["checkpoint", 10], ["resume", 10], ["finding", 15], ["checkpoint", 20],
  ]); // prettier-ignore
});
