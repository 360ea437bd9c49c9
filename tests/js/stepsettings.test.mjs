// What a run says of its steps among its settings.

import assert from "node:assert/strict";
import { test } from "node:test";

import { settingsOf } from "../../static/js/settings.js";

const said = (training) =>
  Object.fromEntries(
    settingsOf({ spec: { data: { target: "y" }, training: { loss: { type: "mse_loss" }, num_epochs: 9, ...training } } }),
  );

test("a plain step says nothing of itself", () => {
  const names = Object.keys(said({ precision: undefined }));
  for (const name of ["rows at once", "precision", "steps", "weights left"]) assert.ok(!names.includes(name), name);
});

test("what a step does beside the usual is said", () => {
  const found = said({ micro_batch_size: 8, precision: "bfloat16", tf32: true, compile: true, deterministic: false });
  assert.equal(found["rows at once"], "8");
  assert.equal(found.precision, "bfloat16, TF32 on a GPU");
  assert.equal(found.steps, "compiled, not the same bits on a GPU");
});

test("the weights that a run leaves are said where they are not its last", () => {
  assert.equal(said({ ema: { decay: 0.99, start_step: 0 } })["weights left"], "a moving average, 0.99 of it kept each step");
  assert.match(said({ ema: { decay: 0.99, start_step: 4 } })["weights left"], /from step 5 on$/);
  assert.equal(said({ swa: { start_epoch: 6 } })["weights left"], "the mean of those after each epoch from 7 on");
});
