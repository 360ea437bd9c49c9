import assert from "node:assert/strict";
import test from "node:test";

import * as draft from "../../static/js/draft.js";

const column = (name, type, numDistinct, rest = {}) => ({ name, type, num_distinct: numDistinct, ...rest });
const pixels = Array.from({ length: 64 }, (_, i) => column(`pixel${i}`, "integer", 17, { max: 16 }));

test("the target says what is asked", () => {
  assert.equal(draft.questionOf(column("price", "float", 300)), "number");
  assert.equal(draft.questionOf(column("age", "integer", 300)), "number");
  assert.equal(draft.questionOf(column("ill", "integer", 2)), "yes_no");
  assert.equal(draft.questionOf(column("species", "category", 3)), "classes");
  assert.equal(draft.questionOf(column("digit", "integer", 10)), "classes");
});

test("the loss follows from it", () => {
  assert.equal(draft.proposalFor(column("digit", "integer", 10)).loss.type, "cross_entropy");
  assert.equal(draft.proposalFor(column("price", "float", 300)).loss.type, "mse_loss");
});

test("pixels make a picture, other columns do not", () => {
  assert.deepEqual(draft.pictureOf(pixels), [1, 8, 8]);
  assert.equal(draft.pictureOf(pixels.slice(1)), null);
  assert.equal(draft.pictureOf([column("a", "float", 9), column("b", "float", 9)]), null);
});

test("a target is proposed", () => {
  assert.equal(draft.likelyTarget([column("label", "integer", 10), ...pixels]), "label");
  assert.equal(draft.likelyTarget([column("a", "float", 3), column("b", "float", 3)]), "b");
});

test("features are all but the target and the column of the split", () => {
  const one = draft.emptyDraft();
  one.data.target = "y";
  one.data.split = { type: "column", column: "part" };
  const columns = [column("x", "float", 9), column("part", "category", 2), column("y", "float", 9)];
  assert.deepEqual(
    draft.featuresOf(one, columns).map(({ name }) => name),
    ["x"],
  );
  for (const type of ["time", "grouped"]) {
    one.data.split = { type, column: "part" };
    assert.deepEqual(
      draft.featuresOf(one, columns).map(({ name }) => name),
      ["x"],
    );
  }
  one.data.features = ["part"];
  assert.deepEqual(
    draft.featuresOf(one, columns).map(({ name }) => name),
    ["part"],
  );
});

test("a split that a column says already is taken", () => {
  const said = (name, values) => draft.splitSaid([column("x", "float", 9), column(name, "category", 3, { values })]);
  assert.deepEqual(said("part", ["test", "train"]), {
    type: "column",
    column: "part",
    train: ["train"],
    validation: [],
    test: ["test"],
  });
  assert.deepEqual(said("Split", ["dev", "test", "training"]).validation, ["dev"]);
  assert.equal(said("part", ["test", "train", "holdout"]), null, "what holdout is, nobody knows");
  assert.equal(said("part", ["test", "dev"]), null, "nothing trains");
  assert.equal(said("town", ["test", "train"]), null);
});

test("rows may be left out as gaps, as repeats or for want of a target", () => {
  const columns = [column("x", "float", 9), { ...column("y", "float", 9), num_missing: 2 }];
  const left = (more) => draft.leavesOut({ target: "x", missing: { type: "mean" }, ...more }, columns);
  assert.equal(left({}), false);
  for (const more of [{ repeats: "drop" }, { missing: { type: "drop" } }, { columns: { y: { missing: { type: "drop" } } } }, { target: "y" }])
    assert.equal(left(more), true);
});

test("a clone keeps what it was made from and gets the next name", () => {
  const spec = {
    name: "digits",
    dataset: "d",
    model: { layers: [{ type: "relu" }] },
    data: { target: "y", scale: "standardize" },
    training: { num_epochs: 3, loss: { type: "mse_loss" } },
  };
  const clone = draft.draftOf(spec, { name: draft.nextName(spec.name) });
  assert.equal(clone.name, "digits 2");
  assert.equal(clone.data.scale, "standardize");
  assert.equal(clone.data.split.train, 0.7);
  assert.equal(clone.training.num_epochs, 3);
  clone.model.layers.push({});
  assert.equal(spec.model.layers.length, 1);
  assert.equal(draft.nextName("digits 2"), "digits 3");
  assert.equal(draft.nextName("heart, fold 3 of 5"), "heart 2");
  assert.equal(draft.nextName("heart 2, seed 12"), "heart 3");
});

test("steps are counted", () => {
  const one = draft.emptyDraft();
  assert.equal(draft.numSteps(one, 100), 80);
  one.training.batch_size = null;
  assert.equal(draft.numSteps(one, 100), 20);
  assert.equal(draft.numSteps(one, null), null);
});

test("a place is told in words", () => {
  assert.equal(draft.placeInWords(["model", "layers", 3, "kernel_size"]), "Layer 3, kernel size");
  assert.equal(draft.placeInWords(["training", "optimizer", "lr"]), "Training, optimizer, lr");
  assert.equal(draft.placeInWords(["dataset"]), "Dataset");
});

test("values are set and left out by place", () => {
  const one = draft.emptyDraft();
  draft.setAt(one, ["training", "optimizer", "lr"], 0.1);
  assert.equal(draft.valueAt(one, ["training", "optimizer", "lr"]), 0.1);
  draft.setAt(one, ["training", "optimizer", "lr"], undefined);
  assert.deepEqual(one.training.optimizer, { type: "adam" });
});

test("numbers that are large are scaled, small ones, tokens and words are not", () => {
  assert.equal(draft.scaleFor(pixels), "min_max");
  assert.equal(draft.scaleFor([column("age", "integer", 60, { min: 18, max: 90 })]), "standardize");
  assert.equal(draft.scaleFor([column("share", "float", 60, { min: -1, max: 1 })]), "none");
  assert.equal(draft.scaleFor([column("town", "category", 60)]), "none");
  const tokens = Array.from({ length: 30 }, (_, i) => column(`token_${i}`, "integer", 900, { min: 0, max: 999 }));
  assert.equal(draft.scaleFor(tokens), "none");
});

test("gaps are filled with what fits the columns that have them", () => {
  assert.deepEqual(draft.missingFor([column("a", "float", 9, { num_missing: 0 })]), { type: "error" });
  assert.deepEqual(draft.missingFor([column("a", "float", 9, { num_missing: 2 })]), { type: "mean" });
  const both = [column("a", "float", 9, { num_missing: 2 }), column("town", "category", 3, { num_missing: 1 })];
  assert.deepEqual(draft.missingFor(both), { type: "most_frequent" });
});

test("an image is fed alone, a text where only words are beside it, else what needs no cutting", () => {
  const data = { target: "y", split: { type: "shares" } };
  const y = column("y", "category", 2);
  const [text, image] = [column("note", "text", 900), column("image", "image", 900)];
  const [age, kind] = [column("age", "integer", 60), column("kind", "category", 3)];
  assert.deepEqual(draft.featuresFor([age, image, text, y], data), ["image"]);
  assert.deepEqual(draft.featuresFor([kind, text, y], data), ["note"]);
  assert.deepEqual(draft.featuresFor([age, kind, text, y], data), ["age", "kind"]);
  assert.equal(draft.featuresFor([age, kind, y], data), null);
});

test("texts are cut into words, images of several sizes made one", () => {
  const image = (min, max) => ({
    ...column("image", "image", 9),
    images: { min_height: min, max_height: max, min_width: min, max_width: max },
  });
  assert.deepEqual(draft.stepsFor([column("note", "text", 900)]), { note: { tokens: { vocabulary_size: 10000 } } });
  assert.deepEqual(draft.stepsFor([image(28, 28)]), { image: { pixels: {} } });
  assert.deepEqual(draft.stepsFor([image(20, 28)]), { image: { pixels: { height: 64, width: 64 } } });
  assert.deepEqual(draft.stepsFor([column("age", "integer", 60)]), {});
});

test("an embedding has as many places as there are tokens", () => {
  const one = draft.emptyDraft();
  one.data.target = "y";
  one.data.columns = { note: { tokens: { vocabulary_size: 500 } } };
  const columns = [column("note", "text", 900), column("y", "category", 2)];
  assert.deepEqual(draft.lookedUp(one, columns), { numTokens: 500, numEmbedded: 0, numEmbeddings: 0 });
});

test("a text that is taken in brings its tokens, and takes them along", () => {
  const note = column("note", "text", 900);
  const taken = draft.stepsWith({ age: { log: true } }, true, note);
  assert.deepEqual(taken, { age: { log: true }, note: { tokens: { vocabulary_size: 10000 } } });
  assert.deepEqual(draft.stepsWith({ note: { tokens: { length: 3 } } }, true, note), { note: { tokens: { length: 3 } } });
  assert.deepEqual(draft.stepsWith(taken, false, note), { age: { log: true } });
});

test("features that a person chose are told from those that were proposed", () => {
  const data = { target: "y", split: { type: "shares" }, features: ["note"] };
  const columns = [column("kind", "category", 3), column("note", "text", 900), column("y", "category", 2)];
  assert.equal(draft.chosenFeatures(data, columns), null);
  assert.deepEqual(draft.chosenFeatures({ ...data, features: ["kind"] }, columns), ["kind"]);
  assert.equal(draft.chosenFeatures({ ...data, features: null }, columns), null);
});
