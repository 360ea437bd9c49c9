import assert from "node:assert/strict";
import test from "node:test";

import { Clock, ending, likelyStart, plus, silence, workerState } from "../../static/js/evidence.js";

const limits = { silentAfter: 12, lostAfter: 30 };

test("a silence is told once it is longer than it may be, and what follows from it", () => {
  assert.equal(silence(11.9, limits), null);
  assert.equal(silence(null, limits), null);
  assert.equal(silence(12.4, limits), "no sign of life for 12 s; it is taken over after 30 s");
  assert.equal(silence(31, limits), "no sign of life for 31 s; another worker takes it over");
});

test("a worker that was alive when it was told of falls silent, and then is lost", () => {
  const worker = { state: "alive", silent_after_s: 12, lost_after_s: 30 };
  assert.deepEqual(
    [1, 12, 29, 30].map((age) => workerState(worker, age)),
    ["alive", "silent", "silent", "lost"],
  );
  assert.equal(workerState({ ...worker, state: "stopped" }, 1), "stopped");
});

test("a start that nobody knows is not guessed", () => {
  assert.equal(likelyStart(null), "start unknown");
  assert.equal(likelyStart(undefined, 3), "start unknown");
  assert.equal(likelyStart(5, 4.5), "starts any moment");
  assert.equal(likelyStart(0), "starts any moment");
});

test("a guess has no more digits than it is good for", () => {
  assert.equal(likelyStart(9.2), "starts in about 9 s");
  assert.equal(likelyStart(43, 0), "starts in about 45 s");
  assert.equal(likelyStart(131), "starts in about 2 min");
  assert.equal(likelyStart(3 * 3600 + 200), "starts in about 3 h");
});

test("why an attempt ended is said with its number", () => {
  assert.deepEqual(ending(2, { message: "It crashed.", hint: "Why?" }), ["Attempt 2 ended. It crashed.", "Why?"]);
  assert.equal(ending(1, null), null);
});

test("what was told a while ago is not taken for news, whatever this page's clock says", () => {
  const clock = new Clock();
  assert.ok(!clock.isKnown);
  const there = Date.now() + 3_600_000; // an hour ahead of here
  clock.sync(new Date(there).toISOString());
  assert.ok(Math.abs(clock.age(new Date(there - 15_000).toISOString()) - 15) < 0.5);
  assert.ok(Math.abs(clock.age((there - 4000) / 1000) - 4) < 0.5);
  assert.equal(clock.age(new Date(there + 60_000).toISOString()), 0);
  assert.equal(plus("2026-01-01T00:00:00Z", 1.5), "2026-01-01T00:00:01.500Z");
});
