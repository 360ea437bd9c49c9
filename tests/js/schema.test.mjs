import assert from "node:assert/strict";
import test from "node:test";

import { fieldsOf, formatField, isDefault, parseField } from "../../static/js/schema.js";

const pair = { type: "array", prefixItems: [{ type: "integer" }, { type: "integer" }], minItems: 2, maxItems: 2 };
const conv2d = {
  required: ["out_channels", "kernel_size"],
  properties: {
    type: { const: "conv2d", default: "conv2d" },
    name: { anyOf: [{ type: "string" }, { type: "null" }], default: null },
    inputs: { anyOf: [{ type: "array", items: { type: "string" } }, { type: "null" }], default: null },
    weight_init: { anyOf: [{ discriminator: {}, oneOf: [] }, { type: "null" }], default: null },
    bias: { type: "boolean", default: true },
    padding: { anyOf: [{ type: "integer" }, pair, { type: "string", enum: ["same", "valid"] }], default: 0 },
    output: { enum: ["last", "all"], type: "string", default: "last" },
    out_channels: { type: "integer", description: "how many filters" },
    kernel_size: { anyOf: [{ type: "integer" }, pair] },
  },
};
const byName = Object.fromEntries(fieldsOf(conv2d).map((field) => [field.name, field]));

test("what must be given comes first, what every layer has comes last", () => {
  const names = fieldsOf(conv2d).map((field) => field.name);
  assert.deepEqual(names.slice(0, 2), ["out_channels", "kernel_size"]);
  assert.deepEqual(names.slice(-4), ["name", "inputs", "weight_init", "bias"]);
  assert.ok(!names.includes("type"));
});

test("each field has its kind", () => {
  const kinds = Object.fromEntries(Object.values(byName).map(({ name, kind }) => [name, kind]));
  assert.deepEqual(kinds, {
    out_channels: "integer",
    kernel_size: "mixed",
    bias: "boolean",
    padding: "mixed",
    output: "choice",
    name: "text",
    inputs: "mixed",
    weight_init: "spec",
  });
});

test("a number, several, or a word", () => {
  assert.equal(parseField(byName.padding, "2"), 2);
  assert.deepEqual(parseField(byName.padding, "2, 1"), [2, 1]);
  assert.deepEqual(parseField(byName.kernel_size, "3 × 5"), [3, 5]);
  assert.equal(parseField(byName.padding, "same"), "same");
  assert.equal(parseField(byName.padding, "sam"), "sam");
});

test("names are a list of words", () => {
  assert.deepEqual(parseField(byName.inputs, "a, b"), ["a", "b"]);
});

test("an empty field leaves the default, or says none where the default is something", () => {
  assert.equal(parseField(byName.name, " "), undefined);
  const batch = fieldsOf({
    properties: { batch_size: { anyOf: [{ type: "integer" }, { type: "null" }], default: 32 } },
  })[0];
  assert.equal(parseField(batch, ""), null);
});

test("a list of one is a list", () => {
  const [shape] = fieldsOf({ properties: { shape: { type: "array", items: { type: "integer" } } } });
  assert.deepEqual(parseField(shape, "10"), [10]);
  assert.equal(formatField([0.9, 0.999]), "0.9, 0.999");
});

test("a default is known", () => {
  assert.ok(isDefault(byName.padding, 0));
  assert.ok(!isDefault(byName.padding, "same"));
});

const optimizer = {
  properties: {
    decays: { type: "boolean", default: true, is_extra: true },
    pair: {
      type: "array",
      prefixItems: [{ anyOf: [{ type: "number" }, { type: "null" }] }, { type: "number" }],
      default: [null, 0.001],
    },
    search: { anyOf: [{ const: "strong_wolfe", type: "string" }, { type: "null" }], default: null },
    adjust: { anyOf: [{ enum: ["original", "other"], type: "string" }, { type: "null" }], default: null },
  },
};
const own = Object.fromEntries(fieldsOf(optimizer).map((field) => [field.name, field]));

test("what the server marks as seldom set stands behind the rest", () => {
  assert.equal(own.decays.isExtra, true);
  assert.equal(own.pair.isExtra, false);
  assert.equal(fieldsOf(optimizer).at(-1).name, "decays");
});

test("one of several numbers may be none", () => {
  assert.equal(formatField(own.pair.default), "none, 0.001");
  assert.deepEqual(parseField(own.pair, "none, 0.002"), [null, 0.002]);
  assert.deepEqual(parseField(own.pair, "1e-8 0.002"), [1e-8, 0.002]);
  assert.equal(parseField(byName.kernel_size, "none, 2"), "none, 2"); // the server says what it expected
});

test("a choice that may be left out has a first one for that", () => {
  assert.deepEqual([own.search.kind, own.search.choices, own.search.default], ["choice", ["", "strong_wolfe"], ""]);
  assert.deepEqual(own.adjust.choices, ["", "original", "other"]);
  assert.ok(isDefault(own.search, ""));
});

test("weights of classes are a kind of their own: a word, by name, or a list", () => {
  const options = [{ const: "balanced", type: "string" }, { type: "object", additionalProperties: { type: "number" } }, { type: "null" }];
  const [weight] = fieldsOf({ properties: { weight: { anyOf: options, default: null } } });
  assert.equal(weight.kind, "weights");
  const [yes] = fieldsOf({ properties: { pos_weight: { anyOf: [options[0], { type: "number" }, { type: "null" }], default: null } } });
  assert.deepEqual([parseField(yes, "balanced"), parseField(yes, "2.5"), parseField(yes, "")], ["balanced", 2.5, undefined]);
});
