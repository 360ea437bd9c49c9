import assert from "node:assert/strict";
import test from "node:test";

import { offersOf, pendingInWords, rateOf, stopOf } from "../../static/js/controls.js";

const offered = (run, status) =>
  Object.entries(offersOf(run, status)).filter(([, isOffered]) => isOffered).map(([name]) => name); // prettier-ignore

test("what is offered fits how a run stands", () => {
  const run = { origin: "worker", request: null, checkpoints: [] };
  assert.deepEqual(offered(run, "queued"), ["pause", "cancel", "control"]);
  assert.deepEqual(offered(run, "running"), ["pause", "cancel", "control"]);
  assert.deepEqual(offered({ ...run, request: "pause" }, "running"), ["resume", "cancel", "control"], "it is taken back");
  assert.deepEqual(offered({ ...run, request: "cancel" }, "running"), ["cancel"]);
  assert.deepEqual(offered(run, "paused"), ["resume", "cancel", "control"]);
  assert.deepEqual(offered(run, "failed"), []);
  assert.deepEqual(offered({ ...run, checkpoints: [{ step: 5 }] }, "failed"), ["resume"]);
  assert.deepEqual(offered({ ...run, checkpoints: [{ step: 5 }] }, "succeeded"), []);
  assert.deepEqual(offered({ ...run, origin: "client" }, "running"), ["cancel"]);
});

test("what was asked and is not done yet is said with when it will be", () => {
  const controls = [
    { number: 1, type: "set_lr", lr: 0.0003, step: 7 },
    { number: 2, type: "set_num_epochs", num_epochs: 1200, step: null },
    { number: 3, type: "stop", keep: "last", step: null },
  ];
  assert.equal(pendingInWords(controls, "running"), "asked, and done between two steps: 1,200 epochs; stop, with the last weights");
  assert.match(pendingInWords(controls, "paused"), /when it goes on/);
  assert.match(pendingInWords(controls, "succeeded"), /^asked too late/);
  assert.equal(pendingInWords(controls.slice(0, 1), "running"), "");
  assert.equal(stopOf(controls), undefined);
  assert.equal(stopOf([{ type: "time_limit", step: 9 }]).step, 9);
});

test("the rate that one may change is the one that was set last", () => {
  const run = { spec: { training: { optimizer: { lr: 0.1 } } } };
  assert.equal(rateOf(run, []), 0.1);
  assert.equal(rateOf(run, [{ type: "set_lr", lr: 0.01 }, { type: "checkpoint" }]), 0.01);
});
