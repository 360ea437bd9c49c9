import assert from "node:assert/strict";
import test from "node:test";

import { emptyDraft } from "../../static/js/draft.js";
import { keyFor, nameOf, proposed, templatesAsks, templatesFor } from "../../static/js/templates.js";

const column = (name, type, rest = {}) => ({ name, type, num_distinct: 9, min: 0, max: 9, ...rest });
const many = (word) => Array.from({ length: 36 }, (_, i) => column(`${word}${i}`, "integer"));
const draftOf = (data) => {
  const draft = emptyDraft();
  Object.assign(draft.data, { target: "y", ...data });
  return draft;
};

test("what is fed says which template is proposed", () => {
  const keyOf = (data, columns) => keyFor(draftOf(data), columns);
  assert.equal(keyOf({}, [column("a", "float")]), "mlp");
  assert.equal(keyOf({ window: { length: 8, time: "t" } }, [column("a", "float")]), "lstm");
  assert.equal(keyOf({ columns: { note: { tokens: {} } } }, [column("note", "text")]), "lstm");
  assert.equal(keyOf({}, many("pixel")), "lenet");
  assert.equal(keyOf({}, [column("photo", "image")]), "lenet");
  assert.equal(keyOf({ categories: "embedded" }, [column("town", "category")]), "embedded");
});

test("nothing is asked while it is not known what is fed", () => {
  for (const shape of [undefined, null, []]) assert.deepEqual(templatesAsks(draftOf({}), [], shape, [1]), []);
});

test("whole numbers in many columns are words or amounts: models are asked for both", () => {
  const asks = templatesAsks(draftOf({}), many("answer"), [36], [3]);
  assert.deepEqual(asks.map(({ num_embeddings: places }) => places), [10, null]);
  assert.equal(templatesAsks(draftOf({ input_shape: [1, 6, 6] }), many("pixel"), [1, 6, 6], [3]).length, 1);
});

test("two texts are two things only where both have one length", () => {
  const columns = ["question", "answer"].map((name) => column(name, "text"));
  const numTexts = (...tokens) => {
    const draft = draftOf({ columns: { question: { tokens: tokens[0] }, answer: { tokens: tokens[1] } } });
    return templatesAsks(draft, columns, [64], [1])[0].num_texts;
  };
  assert.equal(numTexts({}, {}), 2);
  assert.equal(numTexts({ length: 8 }, { length: 8 }), 2);
  assert.equal(numTexts({ length: 8 }, { length: 16 }), 1);
});

test("the template that was chosen stays as long as it fits, else one that does is proposed", () => {
  const templates = ["neuron", "mlp", "unet"].map((key) => ({ key, definition: key === "unet" ? null : {} }));
  assert.equal(proposed(templates, "neuron", "mlp").key, "neuron");
  assert.equal(proposed(templates, "unet", "lenet").key, "mlp");
  assert.equal(proposed(templates.slice(0, 1), "lstm").key, "neuron");
  assert.equal(proposed(templates.slice(2), "unet"), null);
});

test("a template is called by what it is made of", () => {
  assert.equal(nameOf({ key: "mlp", title: "Hidden layers" }, draftOf({})), "Hidden layers");
  assert.equal(nameOf({ key: "lstm", title: "LSTM" }, draftOf({})), "Embedding and LSTM");
  assert.equal(nameOf({ key: "lstm", title: "LSTM" }, draftOf({ window: {} })), "LSTM over a window");
});

test("the same is asked once, and what failed again; of two lists the template that fits is taken", async () => {
  const asked = [];
  let isAway = true;
  globalThis.fetch = async (path, { body }) => {
    asked.push(JSON.parse(body));
    if (isAway) throw new TypeError("away");
    const fits = JSON.parse(body).num_embeddings ? "lstm" : "mlp";
    return Response.json(["mlp", "lstm"].map((key) => ({ key, definition: key === fits ? {} : null })));
  };
  const asks = [{ num_embeddings: 10 }, { num_embeddings: null }];
  await assert.rejects(templatesFor(asks));
  isAway = false;
  const found = await templatesFor(asks);
  assert.deepEqual(found.map(({ definition }) => Boolean(definition)), [true, true]);
  await templatesFor(asks);
  assert.equal(asked.length, 4, "twice in vain, then once each");
  assert.deepEqual(await templatesFor([]), []);
});
