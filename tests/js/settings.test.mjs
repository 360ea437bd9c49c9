import assert from "node:assert/strict";
import test from "node:test";

import { inWords } from "../../static/js/settings.js";

test("an optimizer is told by what it is set to", () => {
  assert.equal(inWords({ type: "sgd", lr: 0.1, momentum: 0.9, dampening: 0, nesterov: false }), "sgd lr=0.1 momentum=0.9");
  assert.equal(
    inWords({ type: "adamw", lr: 0.01, decay_norms_and_biases: false }),
    "adamw lr=0.01 norms and biases undecayed",
  );
});
