// How versions are told of, and which can be gone on from.

import assert from "node:assert/strict";
import { test } from "node:test";

import { freedInWords, madeInWords, standing, titled } from "../../static/js/datasets/names.js";

test("a version is named where there are several", () => {
  assert.equal(titled({ name: "cats", version: 1 }), "cats");
  assert.equal(titled({ name: "cats", version: 3 }), "cats v3");
});

test("how a version was made is a sentence for each step", () => {
  assert.deepEqual(madeInWords(null), []);
  assert.deepEqual(madeInWords({ added: [{ filename: "a.csv", num_rows: 1 }, { filename: "b.zip", size_bytes: 5 }] }), [
    "1 row added from a.csv",
    "b.zip is added",
  ]);
  const relabelled = [
    { column: "kind", num_cells: 3, num_changed: 2 },
    { column: "size", filter: ["kind:a", "size:>3"], value: null, num_changed: 1200 },
    { column: "size", filter: ["kind:b"], value: 4 },
  ];
  assert.deepEqual(madeInWords({ relabelled }), [
    "2 cells of kind changed",
    "1,200 cells of size changed: missing where kind:a and size:>3",
    "size: 4 where kind:b",
  ]);
});

test("deleting says what it frees, and what stays for others", () => {
  const all = "This frees nothing. 2.0 kB stay, for other versions hold them too.";
  assert.equal(freedInWords({ own_bytes: 0, size_bytes: 2048 }), all);
  assert.equal(freedInWords({ own_bytes: 2048, size_bytes: 2048 }), "This frees 2.0 kB.");
});

test("only the newest is gone on from, and only while none is being made", () => {
  const version = (id, number, status = "ready") => ({ id, version: number, status });
  const family = [version("d", 4, "failed"), version("c", 3), version("a", 1)];
  const found = standing(family, "c");
  assert.deepEqual([found.isNewest, found.canGoOn, found.next, found.newest.id], [true, true, 5, "c"]);
  assert.deepEqual(found.older.map(({ id }) => id), ["a"]);
  assert.equal(standing(family, "a").canGoOn, false);
  const busy = standing([version("e", 5, "ingesting"), ...family], "c");
  assert.deepEqual([busy.isNewest, busy.canGoOn, busy.making.id], [true, false, "e"]);
  assert.equal(standing([version("a", 1, "ingesting")], "a").canGoOn, false);
});
