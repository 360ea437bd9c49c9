import assert from "node:assert/strict";
import test from "node:test";

import { inWords, settingsOf } from "../../static/js/settings.js";

test("an optimizer is told by what it is set to", () => {
  assert.equal(inWords({ type: "sgd", lr: 0.1, momentum: 0.9, dampening: 0, nesterov: false }), "sgd lr=0.1 momentum=0.9");
  assert.equal(
    inWords({ type: "adamw", lr: 0.01, decay_norms_and_biases: false }),
    "adamw lr=0.01 norms and biases undecayed",
  );
});

test("the settings tell the learning rate that was set while it trained", () => {
  const run = { spec: { training: { optimizer: { type: "sgd", lr: 0.1 } } } };
  const told = (controls) => Object.fromEntries(settingsOf(run, controls))["learning rate"];
  assert.equal(told([]), undefined);
  assert.equal(told([{ type: "set_lr", lr: 0.03, step: null }]), undefined);
  const set = [0.03, 0.002].map((lr, i) => ({ type: "set_lr", lr, step: 1000 * (i + 1) }));
  assert.equal(told([...set, { type: "checkpoint", step: 3000 }]), "0.002 after step 2,000");
});
