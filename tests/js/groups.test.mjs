import assert from "node:assert/strict";
import test from "node:test";

import { groupRuns, groupValue } from "../../static/js/compare/groups.js";
import { overInWords, placeOf, statusesInWords } from "../../static/js/groups/words.js";
import { inFolds, splitOf } from "../../static/js/newrun/splitkinds.js";
import { splitInWords } from "../../static/js/settings.js";

Object.assign(globalThis, { document: {}, location: { search: "" } });
const { firstCharts } = await import("../../static/js/groups/store.js");

test("a run of a group is called by its fold, from 1, or by its seed", () => {
  assert.equal(placeOf({ over: "folds", value: 2, place: 3, num_runs: 5 }), "fold 3 of 5");
  assert.equal(placeOf({ over: "seeds", value: 40, place: 1, num_runs: 2 }), "seed 40, 1 of 2");
  assert.equal(overInWords({ over: "seeds", members: [1, 2, 3] }), "3 seeds");
  assert.equal(statusesInWords({ running: 1, queued: 4 }), "1 running, 4 queued");
});

test("two groups of one name are two, and runs of none stand by themselves", () => {
  const runs = [
    { id: "a", name: "a", group: { id: "1", name: "same" } },
    { id: "b", name: "b", group: { id: "2", name: "same" } },
    { id: "c", name: "c", group: null },
    { id: "d", name: "d", group: { id: "1", name: "same" } },
  ];
  const found = groupRuns(runs, "group", (run) => groupValue(run, "group"));
  assert.deepEqual(
    found.map(({ label, runs: some }) => [label, some.map(({ id }) => id).join("")]),
    [
      ["same", "ad"],
      ["same", "b"],
      ["of no group", "c"],
    ],
  );
});

test("a group begins with its losses and what was measured on rows that were not trained on", () => {
  const names = ["train/accuracy", "train/loss", "optimizer/lr", "validation/accuracy", "validation/f1", "validation/loss"];
  const found = firstCharts(names);
  assert.deepEqual(found, ["validation/loss", "train/loss", "validation/accuracy", "validation/f1"]);
  assert.deepEqual(firstCharts(["train/mae", "train/loss"]), ["train/loss", "train/mae"]);
});

test("a split that becomes folds keeps its groups, its order and its mix of classes", () => {
  const folds = { type: "k_fold", num_folds: 5 };
  assert.deepEqual(inFolds({ type: "shares", stratify: true, seed: 3 }), { ...folds, seed: 3, stratify: true });
  assert.deepEqual(inFolds({ type: "shares", shuffle: false }), { ...folds, shuffle: false });
  assert.deepEqual(inFolds({ type: "grouped", column: "patient" }), { ...folds, group: "patient" });
  assert.deepEqual(inFolds({ type: "time", column: "day" }), { ...folds, time: "day" });
  assert.deepEqual(inFolds(undefined), folds);
});

test("a split of another kind keeps what both can say", () => {
  const columns = [{ name: "day", type: "timestamp" }];
  const folds = { type: "k_fold", num_folds: 5, stratify: true, seed: 3 };
  assert.deepEqual(splitOf("k_fold", { type: "shares", stratify: true, seed: 3, test: 0.2 }, columns), folds);
  assert.deepEqual(splitOf("shares", folds, columns), { type: "shares", stratify: true, seed: 3 });
  assert.deepEqual(splitOf("grouped", { ...folds, group: "patient" }, columns), { type: "grouped", column: "patient", seed: 3 });
  assert.deepEqual(splitOf("grouped", folds, columns, { series: "shop" }), { type: "grouped", column: "shop", seed: 3 });
  assert.deepEqual(splitOf("time", folds, columns), { type: "time", column: "day" });
  assert.deepEqual(splitOf("time", { type: "k_fold", time: "hour" }, columns, { time: "day" }), { type: "time", column: "hour" });
  assert.deepEqual(splitOf("shares", { type: "time", column: "day" }, columns, { time: "day" }), { type: "shares", shuffle: false });
  assert.equal(splitOf("column", folds, columns).column, "");
  const shares = { train: 0.8, validation: 0, test: 0.2 };
  assert.deepEqual(splitOf("grouped", { type: "shares", ...shares }, []), { type: "grouped", column: "", ...shares });
  const inOrder = { type: "k_fold", stratify: true, shuffle: false }; // which folds may be, and shares may not
  assert.deepEqual(splitOf("shares", inOrder, []), { type: "shares", shuffle: false });
});

test("folds that are changed leave the next ones as they were", () => {
  const folds = inFolds(undefined);
  Object.assign(folds, { num_folds: 9, group: "patient" });
  assert.deepEqual(splitOf("k_fold", undefined, []), { type: "k_fold", num_folds: 5 });
});

test("folds are told with what they keep together", () => {
  assert.equal(splitInWords({ type: "k_fold", fold: 1, group: "patient" }), "fold 1 of 5 validates, groups by patient");
  assert.equal(splitInWords({ type: "k_fold", time: "day" }), "fold 0 of 5 validates, by time of day");
  assert.equal(splitInWords({ type: "grouped", column: "shop", test: 0.2 }), "20% test, groups by shop");
});
