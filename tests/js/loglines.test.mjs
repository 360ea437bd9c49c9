import assert from "node:assert/strict";
import test from "node:test";

import { LogLines } from "../../static/js/loglines.js";

const told = (...seqs) => seqs.map((seq) => ({ seq, text: seq % 10 ? `Step ${seq}` : `Epoch ${seq}` }));
const seqs = (lines) => lines.map(({ seq }) => seq);

test("what the stream tells is taken once", () => {
  const lines = new LogLines();
  assert.deepEqual(lines.follow([]), []);
  assert.deepEqual(seqs(lines.follow(told(5, 7))), [5, 7]);
  assert.deepEqual(seqs(lines.follow(told(5, 7, 9))), [9]);
  assert.deepEqual(seqs(lines.follow(told(9, 11))), [11]); // the stream let go of its oldest
  assert.deepEqual(seqs(lines.lines), [5, 7, 9, 11]);
});

test("where lines between are missing, it begins again", () => {
  const lines = new LogLines();
  lines.follow(told(5, 7));
  assert.equal(lines.follow(told(90, 91)), null);
  assert.equal(lines.follow(told(5)), null); // an older state than this page has seen
});

test("what came before goes before", () => {
  const lines = new LogLines();
  lines.follow(told(50, 51));
  assert.deepEqual(seqs(lines.prepend({ lines: told(30, 31), has_earlier: true })), [30, 31]);
  assert.equal(lines.first, 30);
  assert.ok(lines.hasEarlier);
  lines.prepend({ lines: told(1), has_earlier: false });
  assert.deepEqual(seqs(lines.lines), [1, 30, 31, 50, 51]);
  assert.ok(!lines.hasEarlier);
});

test("no line stands twice, whoever is faster", () => {
  const first = new LogLines();
  assert.deepEqual(seqs(first.prepend({ lines: told(1, 2, 3), has_earlier: false })), [1, 2, 3]);
  assert.deepEqual(seqs(first.follow(told(2, 3, 4))), [4]);
  const second = new LogLines();
  second.follow(told(2, 3, 4)); // while the server was asked for the newest
  assert.deepEqual(seqs(second.prepend({ lines: told(1, 2, 3), has_earlier: false })), [1]);
  assert.deepEqual(seqs(second.lines), [1, 2, 3, 4]);
});

test("only lines with some words", () => {
  const lines = new LogLines(" EPOCH ");
  assert.deepEqual(seqs(lines.follow(told(8, 9, 10, 11))), [10]);
  assert.equal(lines.first, 8); // before that the server is asked
  assert.deepEqual(seqs(lines.follow(told(8, 9, 10, 11, 20))), [20]);
});

test("it lets go of the oldest, and knows that there were more", () => {
  const lines = new LogLines();
  lines.follow(told(1, 2, 3, 4));
  lines.prepend({ lines: [], has_earlier: false });
  assert.equal(lines.trim(3), 1);
  assert.equal(lines.trim(3), 0);
  assert.equal(lines.first, 2);
  assert.ok(lines.hasEarlier);
});
