// What a person changes of cells, and what the server is told of it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Edits, isEditable, valueOf } from "../../static/js/datasets/edits.js";

test("a text is the value that its column holds", () => {
  const read = (type, text) => valueOf({ type }, text);
  assert.equal(read("integer", " −3 "), -3);
  assert.equal(read("integer", "2.5"), undefined);
  assert.equal(read("float", "2.5"), 2.5);
  assert.equal(read("float", "much"), undefined);
  assert.equal(read("boolean", "True"), true);
  assert.equal(read("boolean", "yes"), undefined);
  assert.equal(read("category", "7"), "7");
  assert.equal(read("text", " as it is "), " as it is ");
  assert.equal(read("timestamp", " 2024-01-02 "), "2024-01-02");
  for (const type of ["integer", "category", "boolean"]) assert.equal(read(type, ""), null);
  assert.deepEqual(["image", "array", "text"].map((type) => isEditable({ type })), [false, false, true]);
});

test("a whole number too large for a number of the browser's goes as text, or is refused", () => {
  const read = (text) => valueOf({ type: "integer" }, text);
  assert.equal(read("9007199254740991"), 9007199254740991);
  assert.equal(read("9007199254740993"), "9007199254740993");
  assert.equal(read(" −9223372036854775808 "), "-9223372036854775808");
  assert.equal(read("+9007199254740993"), "9007199254740993");
  for (const text of ["9223372036854775808", "-9223372036854775809", "9007199254740993.0", "1e30", "9".repeat(40)]) {
    assert.equal(read(text), undefined);
  }
  const edits = new Edits();
  edits.set("n", [{ row: 1, before: 7 }], read("9007199254740993"));
  edits.set("n", [{ row: 2, before: JSON.parse("9007199254740993") }], read("9007199254740992")); // as it was shown
  assert.deepEqual(edits.body().relabel, [{ column: "n", values: [{ row: 1, value: "9007199254740993" }] }]);
});

test("edits are told by column, each cell once, with its last value", () => {
  const edits = new Edits();
  let told = 0;
  edits.onChange(() => (told += 1));
  edits.set("kind", [{ row: 3, before: "a" }, { row: 5, before: "a" }], "b");
  edits.set("size", [{ row: 3, before: 1 }], null);
  edits.set("kind", [{ row: 3, before: "a" }], "c");
  assert.deepEqual(edits.body(), {
    relabel: [
      { column: "kind", values: [{ row: 5, value: "b" }, { row: 3, value: "c" }] },
      { column: "size", values: [{ row: 3, value: null }] },
    ],
  });
  assert.equal(edits.shown("kind", 3, "a"), "c");
  assert.equal(edits.shown("kind", 4, "a"), "a");
  assert.equal(edits.shown("size", 3, 1), null);
  assert.equal(told, 3);
});

test("what gets its own value back is no edit, and the last is taken back first", () => {
  const edits = new Edits();
  edits.set("kind", [{ row: 1, before: "a" }], "b");
  edits.set("kind", [{ row: 2, before: "a" }], "b");
  edits.set("kind", [{ row: 1, before: "a" }], "a");
  assert.equal(edits.size, 1);
  edits.set("kind", [{ row: 7, before: "a" }], "b");
  edits.undo();
  assert.deepEqual(edits.body().relabel[0].values, [{ row: 2, value: "b" }]);
  edits.clear();
  edits.undo();
  assert.equal(edits.size, 0);
});
