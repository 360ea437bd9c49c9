import assert from "node:assert/strict";
import test from "node:test";

import * as draft from "../../static/js/draft.js";
import { embeddedSizes, isEmbedded, ratingsOf } from "../../static/js/lookupdraft.js";
import { keyFor, templatesAsks } from "../../static/js/templates.js";

const column = (name, type, numDistinct = 9, rest = {}) => ({ name, type, num_distinct: numDistinct, ...rest });
const RATED = [
  column("userId", "integer", 600),
  column("movieId", "integer", 9000),
  column("rating", "integer", 5),
  column("timestamp", "integer", 80_000),
];

test("ratings are known by what their columns are called", () => {
  assert.deepEqual(ratingsOf(RATED), { user: "userId", item: "movieId", value: "rating" });
  const books = [column("reader", "text"), column("book_title", "category"), column("stars", "float")];
  assert.deepEqual(ratingsOf(books), { user: "reader", item: "book_title", value: "stars" });
  assert.equal(ratingsOf(RATED.slice(1)), null);
  assert.equal(ratingsOf([...RATED.slice(0, 2), column("rating", "text")]), null);
  assert.equal(ratingsOf([column("username", "float"), column("item", "text"), column("score", "float")]), null);
});

test("of a rating the user and the item are looked up, and a number is predicted", () => {
  const one = draft.emptyDraft();
  one.data.target = draft.likelyTarget(RATED);
  assert.equal(one.data.target, "rating");
  one.data.features = draft.featuresFor(RATED, one.data);
  assert.deepEqual(one.data.features, ["userId", "movieId"]);
  const features = draft.featuresOf(one, RATED);
  one.data.columns = draft.stepsFor(features, RATED, one.data.target);
  assert.deepEqual(Object.values(one.data.columns), [{ categories: "embedded" }, { categories: "embedded" }]);
  Object.assign(one.training, draft.proposalFor(RATED[2], RATED));
  assert.equal(one.training.loss.type, "mse_loss");
  assert.equal(keyFor(one, RATED), "embedded");
  const [ask] = templatesAsks(one, RATED, [2], [1]);
  assert.deepEqual(ask, { input_shape: [2], output_shape: [1], num_embeddings: 601 + 9001, num_columns: 2 });
});

test("another target of the same table is learned from all its columns", () => {
  const data = { target: "timestamp", split: {}, window: null };
  assert.equal(draft.featuresFor(RATED, data), null);
  assert.deepEqual(draft.stepsFor(RATED, RATED, "timestamp"), {});
});

test("what is said of all columns is said of words, what is said of one also of whole numbers", () => {
  const data = { categories: "embedded", columns: { age: { categories: "embedded" }, note: { tokens: {} } } };
  const told = (name, type) => isEmbedded(data, { name, type });
  assert.deepEqual(
    [told("town", "category"), told("plain", "text"), told("note", "text")],
    [true, true, false],
  );
  assert.deepEqual([told("age", "integer"), told("year", "integer"), told("size", "float")], [true, false, false]);
});

test("each embedded column takes a place for each value and one for the unknown", () => {
  const columns = { town: { categories: "embedded", max_categories: 3 }, kind: { categories: "embedded" } };
  const features = [column("town", "category", 50), column("kind", "category", 4), column("age", "float", 80)];
  assert.deepEqual(embeddedSizes({ categories: "one_hot", columns }, features), { numEmbedded: 2, numEmbeddings: 9 });
});

test("texts are cut into words, and a model that reads words is proposed", () => {
  const one = draft.emptyDraft();
  const columns = [column("question", "text"), column("answer", "text"), column("label", "integer", 2)];
  one.data.target = "label";
  one.data.features = draft.featuresFor(columns, one.data);
  assert.deepEqual(one.data.features, ["question", "answer"]);
  one.data.columns = draft.stepsFor(draft.featuresOf(one, columns), columns, "label");
  assert.equal(keyFor(one, columns), "lstm");
  assert.equal(draft.lookedUp(one, columns).numTokens, one.data.columns.answer.tokens.vocabulary_size);
});
