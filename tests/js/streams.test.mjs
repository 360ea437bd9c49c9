import assert from "node:assert/strict";
import test from "node:test";

import { StreamCursor, reconnectDelay } from "../../static/js/streams.js";

const events = (...seqs) => seqs.map((seq) => ({ seq }));

test("every event is passed on once", () => {
  const cursor = new StreamCursor();
  assert.deepEqual(cursor.accept(events(1, 2)).events, events(1, 2));
  assert.deepEqual(cursor.accept(events(1, 2, 3)).events, events(3));
  assert.equal(cursor.seq, 3);
});

test("a gap is noticed and nothing after it passed on", () => {
  const cursor = new StreamCursor(4);
  const { events: fresh, hasGap } = cursor.accept(events(5, 8));
  assert.deepEqual(fresh, events(5));
  assert.ok(hasGap);
  assert.equal(cursor.seq, 5);
  assert.deepEqual(cursor.accept(events(6, 7, 8)), { events: events(6, 7, 8), hasGap: false });
});

test("a snapshot moves the cursor", () => {
  const cursor = new StreamCursor();
  cursor.reset(900);
  assert.deepEqual(cursor.accept(events(900, 901)).events, events(901));
});

test("waiting grows, has a limit and differs from page to page", () => {
  assert.equal(reconnectDelay(0, 0), 0.25);
  assert.ok(reconnectDelay(3, 0.5) > reconnectDelay(2, 0.5));
  assert.ok(reconnectDelay(50, 0.99) <= 15);
});
