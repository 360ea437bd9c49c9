import assert from "node:assert/strict";
import { test } from "node:test";
import { mayPass, pauseMs, send } from "../../static/js/datasets/sending.js";

/** A server that takes pieces, and fails as `failures` say: at the n-th request {status, taken}. */
function serverOf(failures = {}) {
  const server = { bytes: [], asked: 0, requests: 0 };
  server.put = async (_id, offset, piece, onSent) => {
    const failure = failures[server.requests++];
    if (offset !== server.bytes.length) throw Object.assign(new Error("wrong offset"), { status: 409 });
    const taken = failure ? piece.slice(0, failure.taken) : piece;
    server.bytes.push(...taken);
    onSent(taken.length);
    if (failure) throw Object.assign(new Error(failure.name ?? "failed"), failure);
    return { offset: server.bytes.length };
  };
  server.get = async () => {
    server.asked += 1;
    return { offset: server.bytes.length };
  };
  return server;
}

const FILE = [...Array(100).keys()];
const file = { size: FILE.length, slice: (from, to) => FILE.slice(from, to) };

function options(more = {}) {
  const told = { shares: [], pauses: [], waits: [] };
  return {
    told,
    pieceBytes: 16,
    onProgress: (share) => told.shares.push(share),
    onPause: (isPausing) => told.pauses.push(isPausing),
    wait: async (ms) => told.waits.push(ms),
    ...more,
  };
}

test("a file goes in pieces and arrives whole", async () => {
  const server = serverOf();
  const given = options();
  await send(file, { id: "a", offset: 0 }, server, given);
  assert.deepEqual(server.bytes, FILE);
  assert.equal(server.requests, 7);
  assert.equal(given.told.shares.at(-1), 1);
  assert.deepEqual(given.told.shares, [...given.told.shares].sort((a, b) => a - b));
});

test("an upload that was begun goes on where it is", async () => {
  const server = serverOf();
  server.bytes.push(...FILE.slice(0, 40));
  await send(file, { id: "a", offset: 40 }, server, options());
  assert.deepEqual(server.bytes, FILE);
});

test("after a lost connection it goes on at the server's offset, whatever has come", async () => {
  const server = serverOf({ 1: { status: 0, taken: 5 }, 3: { status: 503, taken: 0 }, 4: { status: 0, taken: 16 } });
  const given = options();
  await send(file, { id: "a", offset: 0 }, server, given);
  assert.deepEqual(server.bytes, FILE);
  assert.equal(server.asked, 3);
  assert.ok(given.told.pauses.includes(true));
  assert.equal(given.told.pauses.at(-1), false);
});

test("a wrong offset is set right by asking", async () => {
  const server = serverOf();
  server.bytes.push(...FILE.slice(0, 40));
  await send(file, { id: "a", offset: 0 }, server, options());
  assert.deepEqual(server.bytes, FILE);
});

test("what does not pass by itself ends it", async () => {
  const server = serverOf({ 2: { status: 413, taken: 0 } });
  await assert.rejects(send(file, { id: "a", offset: 0 }, server, options()), { status: 413 });
  assert.equal(server.requests, 3);
});

test("stopping ends it, also while the server is waited for", async () => {
  const stopped = Object.assign(new Error("stopped"), { name: "AbortError" });
  const server = serverOf({ 0: { status: 0, taken: 0 } });
  const wait = async () => Promise.reject(stopped);
  await assert.rejects(send(file, { id: "a", offset: 0 }, server, options({ wait })), { name: "AbortError" });
});

test("a server that never comes back is not waited for without end", async () => {
  const away = Object.assign(new Error("away"), { status: 0 });
  let requests = 0;
  const put = async () => {
    requests += 1;
    throw away;
  };
  const get = async () => {
    throw away;
  };
  await assert.rejects(send(file, { id: "a", offset: 0 }, { put, get }, options()), /taken nothing/);
  assert.equal(requests, 61);
});

test("pauses grow up to a limit, and only what may pass is tried again", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 9].map(pauseMs), [500, 1000, 2000, 4000, 8000, 8000]);
  assert.deepEqual([0, 404, 409, 413, 422, 503, undefined].map((status) => mayPass({ status })), [
    true,
    false,
    true,
    false,
    false,
    true,
    false,
  ]);
});

test("an empty file needs no piece", async () => {
  const server = serverOf();
  await send({ size: 0, slice: () => [] }, { id: "a", offset: 0 }, server, options());
  assert.equal(server.requests, 0);
});
