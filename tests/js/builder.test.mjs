import assert from "node:assert/strict";
import { test } from "node:test";

import * as edits from "../../static/js/builder/edits.js";
import { askOutputs, feedInputs, inputsFor } from "../../static/js/builder/ends.js";
import { emptyDraft } from "../../static/js/draft.js";
import { forAxes, found } from "../../static/js/builder/finding.js";
import { prefixOf, toldAtLayer } from "../../static/js/builder/places.js";
import { misfitOf, readShape } from "../../static/js/builder/reading.js";
import { Past } from "../../static/js/builder/past.js";

const linear = (extra = {}) => ({ type: "linear", out_features: 8, ...extra });
const relu = (extra = {}) => ({ type: "relu", ...extra });
const add = (...inputs) => ({ type: "add", inputs });
const model = (...layers) => ({ name: "m", layers });

const inputsAt = ({ model: { layers } }, i) => layers[i].inputs;

test("a layer put in before others leaves them taking from what they took from", () => {
  const before = model(linear(), relu(), linear(), add("1", "2"));
  const after = edits.inserted(before, null, 1, { type: "dropout" });
  assert.deepEqual(inputsAt(after, 4), ["2", "3"]);
  assert.deepEqual(before, model(linear(), relu(), linear(), add("1", "2")), "what was is as it was");
});

test("a layer moved is still taken from, whether it has a name or not", () => {
  const after = edits.moved(model(linear({ name: "first" }), relu(), linear(), add("first", "1")), null, 1, 2);
  assert.deepEqual(after.model.layers.map(({ type }) => type), ["linear", "linear", "relu", "add"]);
  assert.deepEqual(inputsAt(after, 3), ["first", "2"]);
  assert.equal(after.at, 2);
});

test("where a layer goes, what it took from stands for it", () => {
  assert.deepEqual(inputsAt(edits.removed(model(linear(), relu(), linear(), add("1", "2")), null, 1), 2), ["0", "1"]);
  assert.deepEqual(inputsAt(edits.removed(model(linear(), linear(), add("0", "1")), null, 0), 1), ["input", "0"]);
  const named = model(linear({ name: "a" }), relu(), relu({ name: "b", inputs: ["a"] }), add("b", "1"));
  assert.deepEqual(inputsAt(edits.removed(named, null, 2), 2), ["a", "1"]);
});

test("the last of two layers goes and the one before is looked at", () => {
  assert.equal(edits.removed(model(linear(), relu()), null, 1).at, 0);
  assert.equal(edits.removed(model(linear()), null, 0).at, -1);
});

test("a copy takes from the same and has no name", () => {
  const after = edits.duplicated(model(linear(), linear({ name: "a", inputs: ["input"] }), add("a", "0")), null, 1);
  assert.deepEqual(after.model.layers[2], linear({ inputs: ["input"] }));
  assert.deepEqual(inputsAt(after, 3), ["a", "0"]);
});

test("a name that is given, changed and taken away is followed by those who take from it", () => {
  let now = edits.renamed(model(linear(), relu(), add("0", "1")), null, 0, "stem");
  assert.deepEqual(inputsAt(now, 2), ["stem", "1"]);
  now = edits.renamed(now.model, null, 0, "root");
  assert.deepEqual(inputsAt(now, 2), ["root", "1"]);
  now = edits.renamed(now.model, null, 0, "");
  assert.deepEqual(inputsAt(now, 2), ["0", "1"]);
  assert.ok(!("name" in now.model.layers[0]));
});

test("layers of a block have its inputs, and the model's layers are left alone", () => {
  const block = { inputs: ["x", "side"], layers: [linear(), add("0", "side")] };
  const before = { layers: [relu()], blocks: { part: block } };
  const after = edits.inserted(before, "part", 0, relu());
  assert.deepEqual(after.model.blocks.part.layers.at(-1).inputs, ["1", "side"]);
  assert.deepEqual(edits.removed(before, "part", 0).model.blocks.part.layers[0].inputs, ["x", "side"]);
  assert.equal(after.model.layers, before.layers);
});

test("what takes from nowhere stays as it was said", () => {
  assert.deepEqual(inputsAt(edits.inserted(model(linear(), add("0", "nowhere")), null, 0, relu()), 2), ["1", "nowhere"]);
});

test("a chain becomes a block with one use in its place", () => {
  const { model: now, name } = edits.gathered(model(linear(), relu(), linear(), add("0", "2")), null, 1, 2);
  assert.equal(name, "block");
  assert.deepEqual(now.layers, [linear(), { type: "block", block: "block" }, add("0", "1")]);
  assert.deepEqual(now.blocks.block, { layers: [relu(), linear()] });
});

test("what layers take from elsewhere becomes inputs of their block", () => {
  const before = model(linear({ name: "stem" }), relu(), linear(), add("stem", "2"), relu());
  const { model: now } = edits.gathered(before, null, 2, 3);
  assert.deepEqual(now.layers, [linear({ name: "stem" }), relu(), { type: "block", block: "block", inputs: ["1", "stem"] }, relu()]);
  assert.deepEqual(now.blocks.block, { layers: [linear(), add("stem", "0")], inputs: ["input1", "stem"] });
  const alone = edits.gathered(before, null, 3, 3).model;
  assert.deepEqual(alone.layers[3], { type: "block", block: "block", inputs: ["stem", "2"] });
  assert.deepEqual(alone.blocks.block, { layers: [add("stem", "input2")], inputs: ["stem", "input2"] });
});

test("layers that others take from are no block of their own", () => {
  assert.equal(edits.gathered(model(linear(), relu(), linear(), add("1", "2")), null, 1, 2), null);
});

test("a block is called otherwise wherever it is used", () => {
  const use = { type: "block", block: "a" };
  const now = edits.renamedBlock({ layers: [use, relu()], blocks: { b: { layers: [use] }, a: { layers: [relu()] } } }, "a", "residual");
  assert.deepEqual(now.layers[0].block, "residual");
  assert.deepEqual(now.blocks.b.layers[0].block, "residual");
  assert.deepEqual(Object.keys(now.blocks), ["b", "residual"]);
});

test("a block that is used no more can go", () => {
  const now = { layers: [{ type: "block", block: "a" }], blocks: { a: { layers: [relu()] }, b: { layers: [relu()] } } };
  assert.ok(edits.isUsed(now, "a"));
  assert.ok(!edits.isUsed(now, "b"));
  assert.deepEqual(Object.keys(edits.withoutBlock(now, "b").blocks), ["a"]);
  assert.ok(!("blocks" in edits.withoutBlock(edits.withoutBlock(now, "b"), "a")));
});

test("arguments are written in a line", () => {
  const given = { width: null, stride: 2, padding: "same", sizes: [3, 5] };
  assert.equal(edits.writeArguments(given), 'width, stride = 2, padding = "same", sizes = [3,5]');
  assert.deepEqual(edits.readArguments(edits.writeArguments(given)), given);
  assert.deepEqual(edits.readArguments("mode = same"), { mode: "same" });
  assert.deepEqual(edits.readArguments("  "), {});
});

test("any order of changes leaves who takes from whom", () => {
  // Each layer takes from two others by name and by place; what they are called in the end must say the same.
  let seed = 7;
  const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
  for (let round = 0; round < 200; round += 1) {
    const layers = Array.from({ length: 6 }, (_, i) => ({ type: "relu", id: i, ...(random(2) ? { name: `n${i}` } : {}) }));
    layers.push({ type: "add", id: 6, inputs: [edits.callOf(layers, random(6)), edits.callOf(layers, random(6))] });
    const meant = layers[6].inputs.map((call) => layers.find((_, i) => i < 6 && edits.callOf(layers, i) === call).id);
    let now = model(...layers);
    for (let k = 0; k < 5; k += 1) {
      const [from, to] = [random(7), random(7)];
      now = (random(2) ? edits.moved(now, null, from, to) : edits.inserted(now, null, to, { type: "tanh" })).model;
      if (random(3) === 0) now = edits.renamed(now, null, now.layers.findIndex(({ id }) => id === 2), random(2) ? `r${k}` : "").model;
    }
    const sum = now.layers.find(({ id }) => id === 6);
    const takes = sum.inputs.map((call) => now.layers.find((_, i) => edits.callOf(now.layers, i) === call).id);
    assert.deepEqual(takes, meant);
  }
});

test("what was done is undone and done again, and something new ends that", () => {
  const past = new Past({ a: 1 });
  assert.ok(!past.canUndo && !past.canRedo && past.undo() === null);
  past.record({ a: 2 });
  past.record({ a: 3 });
  assert.deepEqual(past.undo(), { a: 2 });
  assert.deepEqual(past.undo(), { a: 1 });
  assert.deepEqual(past.redo(), { a: 2 });
  past.record({ a: 9 });
  assert.ok(!past.canRedo);
  assert.deepEqual(past.undo(), { a: 2 });
});

test("typing in one field is one change", () => {
  const past = new Past("");
  for (const text of ["1", "16", "160"]) past.record(text, "layers.0.out_features");
  past.record("160b", "layers.1.out_features");
  assert.equal(past.undo(), "160");
  assert.equal(past.undo(), "");
  assert.equal(past.redo(), "160");
  past.record("1600", "layers.0.out_features");
  assert.equal(past.undo(), "160", "after something was undone a new change stands for itself");
});

test("nothing changed is nothing done", () => {
  const past = new Past([1]);
  assert.ok(!past.record([1]));
  assert.ok(!past.canUndo);
});

test("as much is kept as can be gone back to, and the oldest goes first", () => {
  const past = new Past(0);
  for (let i = 1; i <= 600; i += 1) past.record(i);
  let last = null;
  for (let state = past.undo(); state !== null; state = past.undo()) last = state;
  assert.equal(last, 101);
});

const ENTRIES = [
  { type: "linear", title: "linear", also_called: ["dense", "fully_connected"], group: "basic", help: "Weights" },
  { type: "conv2d", title: "conv2d", also_called: ["convolution"], group: "convolution", help: "Slides over a picture" },
  { type: "separable_conv2d", title: "separable conv2d", also_called: [], group: "convolution", help: "In two steps" },
  { type: "max_pool2d", title: "max pool2d", also_called: [], group: "pooling", help: "The largest of each patch" },
  { type: "relu", title: "relu", also_called: [], group: "activation", help: "Nothing below 0" },
];
const types = (words) => found(ENTRIES, words).map(({ type }) => type);

test("layers are found by their name, by what others call them and by what they do", () => {
  assert.deepEqual(types("dense"), ["linear"]);
  assert.deepEqual(types("conv"), ["conv2d", "separable_conv2d"]);
  assert.deepEqual(types("Conv2D")[0], "conv2d");
  assert.deepEqual(types("maxpool"), ["max_pool2d"]);
  assert.deepEqual(types("max pool"), ["max_pool2d"]);
  assert.deepEqual(types("picture"), ["conv2d"]);
  assert.deepEqual(types("zzz"), []);
  assert.equal(types(" ").length, ENTRIES.length);
});

test("several inputs are fed the columns of their names, and what is left goes to the others", () => {
  assert.deepEqual(inputsFor(["image", "facts"], ["age", "image", "town"]), { image: ["image"], facts: ["age", "town"] });
  assert.deepEqual(inputsFor(["a", "b"], ["x", "y", "z"]), { a: ["x"], b: ["y", "z"] });
  const data = { features: ["x"], input_shape: [1], inputs: null };
  feedInputs(data, ["a", "b"], ["x", "y"]);
  assert.deepEqual(data, { features: null, input_shape: null, inputs: { a: ["x"], b: ["y"] } });
  data.inputs.a = ["y"];
  feedInputs(data, ["a", "b"], ["x", "y"]);
  assert.deepEqual(data.inputs.a, ["y"], "what a person chose stays");
  feedInputs(data, undefined, ["x"]);
  assert.ok(!("inputs" in data));
});

test("layers of a model with several inputs take from these", () => {
  const before = { inputs: ["user", "film"], layers: [linear(), add("0", "film")] };
  assert.deepEqual(edits.removed(before, null, 0).model.layers[0].inputs, ["user", "film"]);
});

test("a shape is read however its sizes are parted", () => {
  assert.deepEqual(readShape("1×28, 28"), [1, 28, 28]);
  assert.equal(readShape("0, 3"), null);
  assert.equal(readShape(""), null);
});

test("who takes from a layer as the next one takes from what it took from, once it is gone", () => {
  const before = model(linear({ name: "a" }), relu({ name: "b" }), linear({ inputs: ["a"] }), { type: "flatten" }, add("b", "3"));
  const { layers } = edits.removed(before, null, 2).model;
  assert.deepEqual(layers[2], { type: "flatten", inputs: ["a"] });
  assert.deepEqual(layers[3].inputs, ["b", "2"]);
  const chain = model(linear(), relu({ inputs: ["0"] }), { type: "flatten" });
  assert.ok(!("inputs" in edits.removed(chain, null, 1).model.layers[1]), "what is the layer before need not be said");
});

test("layers that take from themselves or one another can be removed", () => {
  assert.deepEqual(edits.removed(model(relu({ inputs: ["0"] }), add("0", "0")), null, 0).model.layers[0].inputs, ["input", "input"]);
  const round = model(relu({ name: "a", inputs: ["b"] }), relu({ name: "b", inputs: ["a"] }), add("a", "b"));
  assert.equal(edits.removed(round, null, 0).model.layers.length, 2);
});

test("a block that is made within a block hands on its arguments", () => {
  const before = { layers: [], blocks: { s: { arguments: { width: null }, layers: [linear({ out_features: "$width" }), relu()] } } };
  const { model: now, name } = edits.gathered(before, "s", 0, 0);
  assert.deepEqual(now.blocks[name].arguments, { width: null });
  assert.deepEqual(now.blocks.s.layers[0], { type: "block", block: name, arguments: { width: "$width" } });
});

test("much that is wired is moved in no time", () => {
  const inputs = Array.from({ length: 50 }, (_, i) => `n${i}`);
  const layers = Array.from({ length: 2000 }, (_, i) => ({ type: "relu", name: `n${i}`, ...(i > 60 && { inputs }) }));
  const now = edits.moved({ layers }, null, 1999, 0);
  assert.equal(now.model.layers[0].name, "n1999");
});

test("blocks that lie deep in one another are found at once", () => {
  const blocks = { b0: { layers: [relu()] } };
  for (let i = 1; i < 40; i += 1) {
    const use = { type: "block", block: `b${i - 1}` };
    blocks[`b${i}`] = { layers: [use, use] };
  }
  const deep = { layers: [{ type: "block", block: "b39", name: "top" }], blocks: { ...blocks, other: { layers: [relu()] } } };
  assert.equal(prefixOf(deep, "b38"), "top.0");
  assert.equal(prefixOf(deep, "other"), null);
});

test("what cannot be shown is told, and what can be is the server's to judge", () => {
  assert.equal(misfitOf({ layers: [relu(), { type: "nonsense", inputs: ["3"] }] }), null);
  assert.match(misfitOf({ layers: [relu({ inputs: "input" })] }), /inputs of layer 0 are a list/);
  assert.match(misfitOf({ layers: [null] }), /Layer 0 is an object/);
  assert.match(misfitOf({ layers: [], blocks: { a: { layers: [3] } } }), /Layer 0 of the block a/);
  assert.match(misfitOf({ layers: [], blocks: [] }), /blocks are an object/);
  assert.match(misfitOf({ layers: [], inputs: "user" }), /lists of names/);
});

test("several outputs are each held to a column, with the loss that fits, and one alone as before", () => {
  const columns = [
    { name: "width", type: "float", num_distinct: 80, num_missing: 0, min: 0, max: 90, values: null },
    { name: "length", type: "float", num_distinct: 80, num_missing: 0, min: 0, max: 2, values: null },
    { name: "species", type: "category", num_distinct: 3, num_missing: 0, values: ["a", "b", "c"] },
  ];
  const draft = emptyDraft();
  draft.data.target = "species";
  askOutputs(draft, ["kind", "width"], columns);
  assert.deepEqual(draft.data.outputs, { kind: { target: "species" }, width: { target: "width", scale_target: "standardize" } });
  assert.deepEqual(Object.values(draft.training.outputs).map(({ loss }) => loss.type), ["cross_entropy", "mse_loss"]);
  assert.ok(!("target" in draft.data) && !("loss" in draft.training));
  askOutputs(draft, null, columns);
  assert.ok(!("outputs" in draft.data) && !("outputs" in draft.training));
  assert.deepEqual([draft.data.target, draft.training.loss.type], ["species", "cross_entropy"]);
});

test("of layers for several numbers of axes that for what stands there comes first", () => {
  const pools = [{ type: "max_pool1d" }, { type: "max_pool2d" }, { type: "max_pool3d" }, { type: "global_max_pool" }];
  assert.deepEqual(forAxes(pools, 2).map(({ type }) => type), ["max_pool2d", "global_max_pool", "max_pool1d", "max_pool3d"]);
  assert.equal(forAxes(pools, null), pools);
});

test("a layer's row says of which setting a mistake is, and each mistake once", () => {
  const at = (...rest) => ["model", "layers", 3, ...rest];
  const told = toldAtLayer([
    { loc: at("out_features"), msg: "missing" },
    { loc: at("kernel_size"), msg: "layer 3 (conv2d): kernel_size 6 does not fit input 4×4" },
    { loc: at("inputs", 0), msg: "no layer is called '9'" },
    { loc: at(), msg: "layer 3 (conv2d): needs an image" },
    { loc: at(), msg: "layer 3 (conv2d): needs an image" },
  ]);
  assert.equal(told, "out features: missing; kernel_size 6 does not fit input 4×4; inputs: no layer is called '9'; needs an image");
  assert.equal(toldAtLayer([{ loc: ["model", "blocks", "b", "layers", 0, "p"], msg: "missing" }]), "p: missing");
});

test("layers are moved, copied and removed together, and keep taking from whom they took", () => {
  const before = model(linear(), linear({ name: "a" }), relu(), add("a", "2"), relu());
  const moved = edits.moved(before, null, 1, 2, 3);
  assert.deepEqual(moved.model.layers.map(({ type }) => type), ["linear", "relu", "linear", "relu", "add"]);
  assert.deepEqual(inputsAt(moved, 4), ["a", "3"]);
  const copied = edits.duplicated(before, null, 1, 3);
  assert.equal(copied.at, 4);
  assert.deepEqual(copied.model.layers.slice(4, 7), [linear(), relu(), add("4", "5")], "the copies take from one another");
  assert.deepEqual(inputsAt(copied, 3), ["a", "2"]);
  const outside = edits.duplicated(model(linear(), relu(), add("0", "1")), null, 1, 2);
  assert.deepEqual(inputsAt(outside, 4), ["0", "3"], "and from others as they did");
  const removed = edits.removed(model(linear(), relu(), linear(), add("0", "2")), null, 1, 2);
  assert.deepEqual(removed.model.layers, [linear(), add("0", "0")]);
});

test("layers that the model ends with are no block of their own", () => {
  const two = { outputs: ["a", "b"], layers: [linear({ name: "a" }), relu(), linear({ name: "b", inputs: ["a"] })] };
  assert.equal(edits.gathered(two, null, 1, 2), null);
  assert.ok(edits.gathered(two, null, 1, 1));
});
