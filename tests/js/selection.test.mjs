// Choosing in a grid, by the mouse and by keys.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Selection } from "../../static/js/datasets/selection.js";

test("a click turns one over, and with shift chooses all between", () => {
  const found = new Selection(10);
  found.click(2);
  found.click(5, { shift: true });
  assert.deepEqual(found.all(), [2, 3, 4, 5]);
  found.click(3);
  assert.deepEqual(found.all(), [2, 4, 5]);
  found.click(1, { shift: true });
  assert.deepEqual(found.all(), [1, 2, 3, 4, 5]);
});

test("keys move, choose, and choose on the way", () => {
  const found = new Selection(10); // in rows of four: the last has two
  for (const key of ["ArrowRight", "ArrowDown"]) assert.ok(found.key(key, {}, 4));
  assert.equal(found.focus, 5);
  found.key(" ", {}, 4);
  found.key("ArrowRight", { shift: true }, 4);
  found.key("ArrowDown", { shift: true }, 4); // there is nothing below
  assert.deepEqual(found.all(), [5, 6]);
  assert.equal(found.focus, 6);
  found.key("End", { shift: true }, 4);
  assert.deepEqual(found.all(), [5, 6, 7, 8, 9]);
  found.key("Home", {}, 4);
  assert.equal(found.focus, 0);
  found.key("ArrowUp", {}, 4);
  found.key("ArrowLeft", {}, 4);
  assert.equal(found.focus, 0);
});

test("all at once, none at once, and other keys are left to others", () => {
  const found = new Selection(3);
  assert.ok(found.key("a", { control: true }));
  assert.equal(found.size, 3);
  assert.ok(found.key("Escape"));
  assert.equal(found.size, 0);
  assert.equal(found.key("Escape"), false);
  assert.equal(found.key("a"), false);
  assert.equal(found.key("Tab"), false);
  assert.equal(found.key("ArrowLeft", { control: true }), false);
});
