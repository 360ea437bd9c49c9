import assert from "node:assert/strict";
import { test } from "node:test";

import { RunState } from "../../static/js/runstate.js";
import { pairsOf, triedInWords } from "../../static/js/preflightwords.js";

const seen = {
  num_rows: 32,
  rows_at_once: 8,
  loss: { first: 2.31, even: 2.303, constant: 2.29, constant_name: "7" },
  memory: { weights: 4000, gradients: 4000, optimizer: 8000, activations: 64000, batch: 2000, total: 82000, peak: null, device_free: 1e9 },
  time: { forward_s: 0.002, backward_s: 0.004, whole_s: 12, num_steps: 2000, is_warm: true },
  batch_size: { now: 32, fits: 512, reason: "" },
};

test("only what was seen is told", () => {
  const told = Object.fromEntries(pairsOf(seen));
  assert.equal(told["first loss"], "2.310");
  assert.equal(told["rows at once"], "8");
  assert.equal(told["largest batch"], "512, by memory alone");
  assert.ok(!("measured peak" in told));
  assert.ok(!("every class alike" in Object.fromEntries(pairsOf({ ...seen, loss: { ...seen.loss, even: null } }))));
});

test("a test of rates is told with its end and what it suggests", () => {
  const words = triedInWords({ lr: [1e-6, 1e-3, 1], ran_away: true, suggestion: 0.02 });
  assert.match(words, /^3 rates .*, where the loss ran away\. It fell fastest at about 0\.02/);
  assert.match(triedInWords({ lr: [1e-6, 1], ran_away: false, suggestion: null }), /hardly fell/);
});

test("the newest look is the one that is shown", () => {
  const state = new RunState({ preflight: { num_rows: 1 } });
  state.apply([{ seq: 1, kind: "preflight", body: { num_rows: 2 } }]);
  assert.deepEqual(state.preflight, { num_rows: 2 });
  assert.ok(state.takeChanges().has("preflight"));
});
