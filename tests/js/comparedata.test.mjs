import assert from "node:assert/strict";
import test, { afterEach, mock } from "node:test";

mock.timers.enable({ apis: ["setInterval", "setTimeout"] });
Object.assign(globalThis, {
  addEventListener: () => {},
  document: { hidden: false },
  history: { replaceState: () => {} },
  location: { search: "" },
});
const { CurveData } = await import("../../static/js/compare/curvedata.js");
const { Store } = await import("../../static/js/compare/store.js");
const { DEFAULTS } = await import("../../static/js/compare/link.js");

let asked = []; // what was asked of the server and waits for its answer: {url, answer(body), refuse(status)}

globalThis.fetch = (url) =>
  new Promise((resolve) => {
    const respond = (status, body) => {
      resolve(new Response(JSON.stringify(body), { status }));
      return settled();
    };
    asked.push({
      url: new URL(url, "http://deck"),
      answer: (body) => respond(200, body),
      refuse: (status) => respond(status, { title: "no" }),
    });
  });
afterEach(() => (asked = []));

const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
const curvesOf = (x, ...names) => ({
  runs: [
    { run_id: "a", job_id: "j", last_seq: 1, series: names.map((name) => ({ name, steps: [x], values: [x] })) },
  ],
});

function curves() {
  const runs = [{ id: "a", status: "succeeded" }];
  const store = { state: { x: "step" }, runs, run: (id) => runs.find((run) => run.id === id) };
  return { store, data: new CurveData(store) };
}

test("an answer along another axis is dropped", async () => {
  const { store, data } = curves();
  data.show(["train/loss"]);
  store.state.x = "epoch";
  data.show(["train/loss"]);
  const [inSteps, inEpochs] = asked;
  assert.equal(inEpochs.url.searchParams.get("x"), "epoch");
  await inSteps.answer(curvesOf(500, "train/loss"));
  assert.equal(data.seriesOf("a", "train/loss"), null);
  await inEpochs.answer(curvesOf(2, "train/loss"));
  assert.equal(data.seriesOf("a", "train/loss").lastStep, 2);
});

test("an answer says nothing about names that were chosen after its question", async () => {
  const { data } = curves();
  data.show(["train/loss"]);
  data.show(["train/loss", "accuracy"]);
  const [early, late] = asked;
  await early.answer(curvesOf(1, "train/loss"));
  assert.equal(data.seriesOf("a", "train/loss").lastStep, 1);
  assert.equal(data.seriesOf("a", "accuracy"), null, "it has not been told, so it is not empty");
  await late.answer(curvesOf(2, "train/loss", "accuracy"));
  assert.equal(data.seriesOf("a", "accuracy").lastStep, 2);
});

test("a slow answer never replaces that to a later question", async () => {
  const { data } = curves();
  data.show(["train/loss"]);
  data.show(["train/loss", "accuracy"]);
  const [early, late] = asked;
  await late.answer(curvesOf(9, "train/loss", "accuracy"));
  await early.answer(curvesOf(1, "train/loss"));
  assert.equal(data.seriesOf("a", "train/loss").lastStep, 9);
});

test("a series that is no longer shown is forgotten, and asked for when it is shown again", async () => {
  const { data } = curves();
  data.show(["train/loss", "accuracy"]);
  await asked[0].answer(curvesOf(1, "train/loss", "accuracy"));
  data.show(["train/loss"]);
  assert.equal(asked.length, 1);
  data.show(["train/loss", "accuracy"]);
  assert.deepEqual(asked[1].url.searchParams.getAll("name"), ["train/loss", "accuracy"]);
});

const comparisonOf = (...ids) => ({
  runs: ids.map((id) => ({ id, name: id, tags: [], project: "", metrics: {} })),
  missing: [],
  num_matching: ids.length,
  settings: [],
  layers: [],
  results: [],
  series: [],
});

test("the runs that are shown are those that were asked for last, whichever answer comes last", async () => {
  const store = new Store();
  store.state = { ...DEFAULTS };
  store.set({ ids: ["a"] });
  store.set({ ids: ["a", "b"] });
  const [early, late] = asked;
  await late.answer(comparisonOf("a", "b"));
  await early.answer(comparisonOf("a"));
  assert.deepEqual(
    store.runs.map((run) => run.id),
    ["a", "b"],
  );
});

test("a refusal counts only while nothing else was asked for", async () => {
  const store = new Store();
  store.state = { ...DEFAULTS };
  const wrong = store.set({ ids: [], filter: "(" });
  const right = store.set({ ids: ["a"], filter: "" });
  await asked[1].answer(comparisonOf("a"));
  await asked[0].refuse(422);
  await Promise.all([wrong, right]);
  assert.equal(store.runs.length, 1);
  const alone = assert.rejects(store.set({ ids: [], filter: "(" }));
  await asked[2].refuse(422);
  await alone;
});
