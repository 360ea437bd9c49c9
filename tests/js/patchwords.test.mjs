import assert from "node:assert/strict";
import test from "node:test";

import { changesOf } from "../../static/js/patchwords.js";

const spec = {
  data: { scale: "none" },
  model: {
    layers: [
      { type: "linear", out_features: 4, weight_init: null, bias: true },
      { type: "relu", name: null },
      { type: "linear", out_features: 4, weight_init: { type: "zeros" } },
      { type: "relu" },
    ],
  },
  training: {
    num_epochs: 20,
    max_grad_norm: null,
    early_stopping: null,
    lr_range_test: { start_lr: 1e-6, end_lr: 10, num_steps: 100 },
    optimizer: { type: "sgd", lr: 0.1, momentum: 0 },
    schedule: { type: "constant", warmup_steps: 0 },
  },
};

const CASES = [
  ["a number", { training: { optimizer: { lr: 0.01 } } }, ["optimizer lr 0.1 → 0.01"]],
  ["what was not said", { training: { max_grad_norm: 1 } }, ["max grad norm → 1"]],
  ["another kind", { training: { schedule: { type: "cosine", warmup_steps: 0 } } }, ["schedule constant → cosine"]],
  [
    "another optimizer, with what it leaves behind",
    { training: { optimizer: { momentum: null, type: "adam", lr: 0.01, betas: [0.9, 0.999] } } },
    ["optimizer sgd → adam, lr 0.01"],
  ],
  [
    "something new",
    { training: { early_stopping: { series: "validation/loss", patience: 10 } } },
    ["early stopping series validation/loss, patience 10"],
  ],
  [
    "layers of another type",
    { model: { layers: [spec.model.layers[0], { type: "leaky_relu" }, spec.model.layers[2], { type: "leaky_relu" }] } },
    ["layers 1 and 3: relu → leaky_relu"],
  ],
  [
    "a wider layer",
    { model: { layers: [{ type: "linear", out_features: 16 }, ...spec.model.layers.slice(1)] } },
    ["layer 0: out features 4 → 16"],
  ],
  [
    "first weights of torch's own",
    { model: { layers: [...spec.model.layers.slice(0, 2), { type: "linear", out_features: 4 }, spec.model.layers[3]] } },
    ["layer 2: without weight init"],
  ],
  ["several", { data: { scale: "standardize" }, training: { num_epochs: 60 } }, ["scale none → standardize", "num epochs 20 → 60"]],
  ["what is left out", { training: { lr_range_test: null, optimizer: { lr: 0.01 } } }, ["without lr range test", "optimizer lr 0.1 → 0.01"]],
  ["nothing", { training: { num_epochs: 20 } }, []],
];

for (const [name, patch, expected] of CASES)
  test(`a patch is told: ${name}`, () => assert.deepEqual(changesOf(spec, patch), expected));
