import assert from "node:assert/strict";
import { test } from "node:test";

import { cellOf, columnsFrom, DEFAULT, nextSort, onPhone, resultOf } from "../../static/js/runs/columns.js";
import { PAGE_SIZE, Pages, retryAfter, windowOf } from "../../static/js/runs/pages.js";
import { Selection, sensibleActions } from "../../static/js/runs/selection.js";

const answer = (from, total, next = null) => ({
  items: Array.from({ length: Math.min(PAGE_SIZE, total - from) }, (_, i) => ({ id: `r${from + i}` })),
  next_cursor: next,
  num_matching: total,
});

test("pages are asked for once, by the cursor where one is known", () => {
  const pages = new Pages();
  pages.put(0, answer(0, 1000, "after 99"));
  assert.deepEqual(pages.missing(0, 50), []);
  assert.deepEqual(pages.missing(90, 110), [{ page: 1, cursor: "after 99" }]);
  assert.deepEqual(pages.missing(820, 840), [{ page: 8, offset: 800 }]);
  pages.asking(8);
  assert.deepEqual(pages.missing(820, 840), []);
  pages.failed(8);
  assert.equal(pages.missing(820, 2000).length, 2, "nothing beyond the end");
});

test("rows that were not fetched are holes", () => {
  const pages = new Pages();
  pages.put(2, answer(200, 1000));
  assert.equal(pages.at(0), undefined);
  assert.equal(pages.at(205), "r205");
  assert.deepEqual(pages.between(201, 198), ["r200", "r201"]);
  pages.put(0, answer(0, 150));
  assert.equal(pages.at(205), undefined, "the list has become shorter");
});

test("a row is found where it is now, if it is there", () => {
  const pages = new Pages();
  pages.put(1, answer(100, 300));
  assert.equal(pages.indexOf("r120"), 120);
  assert.equal(pages.indexOf("r20"), -1);
});

test("a page that cannot be had is asked for again, less and less often", () => {
  assert.deepEqual([0, 1, 2, 9, 2000].map(retryAfter), [2000, 4000, 8000, 30_000, 30_000]);
});

test("a window holds what is seen and some beyond", () => {
  assert.deepEqual(windowOf({ top: 0, height: 440, rowHeight: 44, total: 5 }), { first: 0, last: 4 });
  assert.deepEqual(windowOf({ top: 44_000, height: 440, rowHeight: 44, total: 1e5 }), { first: 988, last: 1022 });
  assert.deepEqual(windowOf({ top: 0, height: 440, rowHeight: 44, total: 0 }), { first: 0, last: -1 });
});

test("some are chosen, a range, or all that match", () => {
  const chosen = new Selection();
  const between = (a, b) => ["a", "b", "c", "d"].slice(Math.min(a, b), Math.max(a, b) + 1);
  chosen.toggle(1, "b");
  chosen.extend(3, between);
  assert.deepEqual(chosen.asked("x"), { ids: ["b", "c", "d"] });
  chosen.all();
  assert.equal(chosen.count(500), 500);
  assert.deepEqual(chosen.asked("x"), { filter: "x" });
  chosen.toggle(0, "a", ["a", "b"]);
  assert.deepEqual(chosen.asked("x"), { ids: ["b"] });
});

test("results go by short names and long ones", () => {
  const metrics = { "train/loss": { last: 0.5, min: 0.25, max: 1 }, "validation/loss": { last: "NaN", min: 0.5, max: 2 } };
  assert.equal(resultOf({ metrics }, "loss"), "NaN");
  assert.equal(resultOf({ metrics }, "train/loss.min"), 0.25);
  assert.equal(resultOf({ metrics }, "accuracy"), undefined);
  assert.equal(cellOf({ metrics }, "loss").text, "NaN");
  assert.equal(cellOf({ metrics, values: { "optimizer.lr": 0.01 } }, "optimizer.lr").text, "0.0100");
  assert.equal(cellOf({ metrics, values: { deep: true } }, "deep").text, "yes");
});

test("columns are sound whatever was kept, and headers turn the order over", () => {
  assert.deepEqual(columnsFrom({}), DEFAULT);
  assert.deepEqual(columnsFrom({ columns: ["a", "a", 3, ""] }), ["a"]);
  assert.equal(nextSort("-created", "loss"), "loss");
  assert.equal(nextSort("loss", "loss"), "-loss");
  assert.equal(nextSort("-loss", "loss"), "loss");
});

test("on a phone the first figure stands before all else", () => {
  assert.deepEqual(onPhone(DEFAULT).slice(0, 3), ["loss", "status", "curve"]);
  assert.deepEqual(onPhone(["status", "test/f1", "loss"]), ["test/f1", "status", "loss"]);
  assert.deepEqual(onPhone(["status", "curve"]), ["status", "curve"]);
});

test("only what can be done to one of the chosen at least is offered", () => {
  const done = { status: "succeeded", origin: "worker", archived_at: null, is_favorite: false, tags: [] };
  const always = ["tag", "project"];
  const of = (...runs) => [...sensibleActions(runs)].sort();
  assert.deepEqual(of(done), ["archive", "delete", "favorite", "requeue", ...always].sort());
  const other = { status: "queued", origin: "client", archived_at: 1, is_favorite: true, tags: ["a"] };
  assert.deepEqual(of(other), ["cancel", "unarchive", "unfavorite", "untag", ...always].sort());
  assert.equal(of(done, other).length, 10);
  const plain = { ...done, archived_at: null };
  const named = (status) => of({ ...plain, status }).filter((action) => ["pause", "resume", "cancel"].includes(action));
  assert.deepEqual(named("running"), ["cancel", "pause"]);
  assert.deepEqual(named("paused"), ["cancel", "resume"]);
  assert.deepEqual(named("failed"), ["resume"]);
  assert.equal(of(undefined).length, 12);
});
