import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import {
  allFolds,
  boxesOf,
  familyOf,
  inWords,
  layersOf,
  leaves,
  MOST_OPEN,
  problemsByLayer,
  treeOf,
} from "../../static/js/modellayout.js";
import { BOX, placed } from "../../static/js/modelplacing.js";

const layer = (name, index, inputs, rest = {}) => ({
  name,
  index,
  inputs,
  type: "linear",
  output_shape: [4],
  num_parameters: 20,
  ...rest,
});
const chain = (n) => Array.from({ length: n }, (_, i) => layer(String(i), i, [i ? String(i - 1) : "input"]));
const graphOf = (layers, definition) => ({ input: { name: "input", shape: [3] }, layers, definition });
const idsOf = ({ boxes }) => boxes.map(({ id }) => id);

// A stem, a residual block twice, and a head that takes from what the block makes.
const DEFINITION = {
  blocks: { residual: { layers: [{ type: "linear" }, { type: "add", name: "sum", inputs: ["0", "input"] }] } },
  layers: [
    { type: "linear", name: "stem" },
    { type: "block", block: "residual", repeat: 2, name: "stage" },
    { type: "linear", name: "head" },
  ],
};
const RESIDUAL = [
  layer("stem", 0, ["input"]),
  layer("stage.0.0", 1, ["stem"]),
  layer("stage.0.sum", 1, ["stage.0.0", "stem"], { type: "add", num_parameters: 0 }),
  layer("stage.1.0", 1, ["stage.0.sum"]),
  layer("stage.1.sum", 1, ["stage.1.0", "stage.0.sum"], { type: "add", num_parameters: 0 }),
  layer("head", 2, ["stage.1.sum"], { type: "conv2d", output_shape: [16, 28, 28], num_parameters: 4640 }),
];

test("every type of layer has the family that the schema calls its group", () => {
  const groups = JSON.parse(readFileSync(new URL("./layer_groups.json", import.meta.url)));
  for (const [type, group] of Object.entries(groups)) assert.equal(familyOf(type), group, type);
});

test("a block folds into one box that says how often, how many layers and how many parameters", () => {
  const { boxes, frames, edges } = boxesOf(graphOf(RESIDUAL, DEFINITION), new Set());
  assert.deepEqual(
    boxes.map(({ title }) => title),
    ["input", "linear", "stage: residual ×2", "conv2d"],
  );
  assert.equal(boxes[2].numLayers, 4);
  assert.equal(boxes[2].numParameters, 40);
  assert.equal(frames.length, 0);
  assert.deepEqual(edges, [
    { from: "input", to: "stem" },
    { from: "stem", to: "stage" },
    { from: "stage", to: "head" },
  ]);
});

test("a block that is opened shows its repetitions, and those their layers, in frames", () => {
  const graph = graphOf(RESIDUAL, DEFINITION);
  const half = boxesOf(graph, new Set(["stage"]));
  assert.deepEqual(
    half.boxes.slice(2, 4).map(({ title }) => title),
    ["residual, 1 of 2", "residual, 2 of 2"],
  );
  const whole = boxesOf(graph, new Set(["stage", "stage.0"]));
  assert.deepEqual(idsOf(whole), ["input", "stem", "stage.0.0", "stage.0.sum", "stage.1", "head"]);
  assert.deepEqual(
    whole.frames.map(({ id, frame }) => [id, frame]),
    [
      ["stage", null],
      ["stage.0", "stage"],
    ],
  );
  assert.deepEqual(whole.boxes[3].inputs, ["stage.0.0", "stem"]);
  assert.deepEqual(whole.boxes[4].inputs, ["stage.0.sum"], "two arrows into one folded box are one");
});

test("whatever a model is made of, it folds into no more boxes than can be looked at", () => {
  assert.deepEqual(allFolds(RESIDUAL), ["stage", "stage.0", "stage.1"]);
  const large = chain(2000);
  const shown = boxesOf(graphOf(large), new Set());
  assert.ok(shown.boxes.length <= MOST_OPEN);
  assert.deepEqual(
    shown.boxes.flatMap(({ names }) => names),
    large.map(({ name }) => name),
  );
});

test("a range ends where the fewest arrows are cut", () => {
  const layers = chain(200).map((one, i) =>
    i % 7 === 0 && i ? { ...one, inputs: [String(i - 1), String(i - 7)] } : one,
  );
  const ranges = treeOf(layers).children;
  for (const range of ranges.slice(0, -1)) assert.equal(Number(leaves(range).at(-1).name) % 7, 0, range.path);
});

test("a definition that cannot be inspected has its own layers, each taking from the one before or those it names", () => {
  const layers = layersOf(DEFINITION);
  assert.deepEqual(
    layers.map(({ name, inputs }) => [name, inputs]),
    [
      ["stem", ["input"]],
      ["stage", ["stem"]],
      ["head", ["stage"]],
    ],
  );
  const { boxes } = boxesOf(graphOf(layers), new Set());
  assert.deepEqual(
    boxes.map(({ title }) => title),
    ["input", "linear", "residual ×2", "linear"],
  );
});

test("an input that no layer makes draws no arrow", () => {
  assert.equal(boxesOf(graphOf([layer("a", 0, ["nowhere"])]), new Set()).edges.length, 0);
});

test("a problem belongs to the model's own layer, and one within a block to all that use it", () => {
  const problems = [
    { loc: ["layers", 2, "kernel_size"], msg: "too large" },
    { loc: ["blocks", "residual", "layers", 0], msg: "has no width" },
    { loc: ["input_shape"], msg: "is empty" },
  ];
  const found = problemsByLayer(problems, DEFINITION);
  assert.deepEqual(
    [...found],
    [
      [2, ["too large"]],
      [1, ["has no width"]],
    ],
  );
});

test("a box in words says its type, its name, what comes out and what it takes from", () => {
  const { boxes } = boxesOf(graphOf(RESIDUAL, DEFINITION), new Set(["stage", "stage.0"]));
  assert.equal(inWords(boxes[0]), "input, shape 3");
  assert.equal(inWords(boxes[3]), "add stage.0.sum, output 4, takes from stage.0.0 and stem");
  assert.equal(inWords(boxes[5]), "conv2d head, output 16×28×28, 4,640 parameters, takes from stage.1");
  assert.equal(inWords(boxes[4]), "residual, 2 of 2, 2 layers, output 4, 20 parameters, takes from stage.0.sum");
});

const overlap = (a, b) =>
  a.x < b.x + BOX.width && b.x < a.x + BOX.width && a.y < b.y + BOX.height && b.y < a.y + BOX.height;

for (const [name, open] of [
  ["folded", new Set()],
  ["open", new Set(allFolds(RESIDUAL))],
])
  test(`places, ${name}: no two boxes overlap, arrows point down, all is within the picture`, () => {
    const shown = boxesOf(graphOf(RESIDUAL, DEFINITION), open);
    const { places, paths, frames, width, height } = placed(shown);
    const all = [...places.values()];
    for (const [i, a] of all.entries()) for (const b of all.slice(i + 1)) assert.ok(!overlap(a, b));
    for (const { from, to } of paths) assert.ok(places.get(from).y + BOX.height < places.get(to).y);
    for (const { x, y } of all) assert.ok(x >= 0 && y >= 0 && x + BOX.width <= width && y + BOX.height <= height);
    for (const { d } of paths)
      for (const [, x] of d.matchAll(/(-?[\d.]+),/g)) assert.ok(Number(x) >= 0 && Number(x) <= width, d);
    for (const frame of frames) {
      const inside = shown.boxes.filter((box) => `${box.frame ?? ""}.`.startsWith(`${frame.id}.`));
      for (const { x, y } of inside.map(({ id }) => places.get(id)))
        assert.ok(x > frame.x && y > frame.y && y + BOX.height < frame.y + frame.height);
    }
  });

test("a skip connection runs straight beside what it skips", () => {
  const long = [...chain(6), layer("sum", 6, ["5", "0"], { type: "add" })];
  const { places, paths } = placed(boxesOf(graphOf(long), new Set()));
  const skip = paths.find(({ from, to }) => from === "0" && to === "sum").d;
  const x = Number(skip.match(/L(-?[\d.]+),/)[1]);
  for (const i of [1, 2, 3, 4, 5]) {
    const left = places.get(String(i)).x;
    assert.ok(x < left || x > left + BOX.width);
  }
});

test("a chain of a thousand layers that stand open finds its places", () => {
  const layers = chain(1000);
  const { height } = placed(boxesOf(graphOf(layers), new Set(allFolds(layers))));
  assert.ok(height > 1000 * BOX.height);
});
