import assert from "node:assert/strict";
import { test } from "node:test";
import { Kept } from "../../static/js/kept.js";

function storageOf(items = {}) {
  const held = new Map(Object.entries(items));
  return {
    held,
    getItem: (key) => held.get(key) ?? null,
    setItem: (key, value) => held.set(key, value),
    removeItem: (key) => held.delete(key),
  };
}

/** A server that answers when it is told to. */
function serverOf() {
  const server = { sent: [], answers: [] };
  server.put = (path, { body }) => {
    server.sent.push([path, body]);
    return new Promise((resolve, reject) => server.answers.push({ resolve, reject }));
  };
  server.get = async () => ({ body: "as kept" });
  return server;
}

const settled = () => new Promise((resolve) => setTimeout(resolve));
const PLACE = "traindeck-view-columns";

function keptOf(items) {
  const server = serverOf();
  const storage = storageOf(items);
  const told = [];
  return { server, storage, told, kept: new Kept("columns", (error) => told.push(error), { ...server, storage }) };
}

test("one word at a time is under way, and the last one is said", async () => {
  const { server, storage, kept } = keptOf();
  for (const word of ["a", "b", "c"]) kept.keep(word);
  assert.deepEqual(server.sent, [["/views/columns", "a"]]);
  server.answers[0].resolve();
  await settled();
  assert.deepEqual(server.sent.map(([, word]) => word), ["a", "c"]);
  assert.equal(storage.held.get(PLACE), '"c"');
  server.answers[1].resolve();
  await settled();
  assert.equal(storage.held.size, 0);
});

test("a word that the server never confirmed is found again, and said again", async () => {
  const { server, kept } = keptOf({ [PLACE]: '"mine"' });
  assert.equal(await kept.read(), "mine");
  assert.deepEqual(server.sent, [["/views/columns", "mine"]]);
});

test("without one, what the server kept is read", async () => {
  const { kept } = keptOf();
  assert.equal(await kept.read(), "as kept");
});

test("out of reach, a word stays; refused, it goes; both are told", async () => {
  for (const [status, numLeft] of [[0, 1], [422, 0]]) {
    const { server, storage, told, kept } = keptOf();
    kept.keep("a");
    server.answers[0].reject(Object.assign(new Error("no"), { status }));
    await settled();
    assert.equal(storage.held.size, numLeft);
    assert.equal(told.length, 1);
    kept.keep("b");
    assert.equal(server.sent.length, 2);
  }
});

test("a word that is refused does not take a newer one with it", async () => {
  const { server, storage, kept } = keptOf();
  kept.keep("a");
  kept.keep("b");
  server.answers[0].reject(Object.assign(new Error("no"), { status: 422 }));
  await settled();
  assert.deepEqual(server.sent.map(([, word]) => word), ["a", "b"]);
  assert.equal(storage.held.get(PLACE), '"b"');
});
