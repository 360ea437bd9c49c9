import assert from "node:assert/strict";
import { test } from "node:test";
import { importedInWords, isEventFile } from "../../static/js/importing.js";

test("each folder is told, and each file that was not read to its end", () => {
  const fault = { offset: 1200, message: "the file ends within a record" };
  const lines = importedInWords({
    runs: [
      { run_id: "a", name: "exp", num_points: 1000, num_skipped: 0, files: [{ name: "f", fault: null }] },
      { run_id: "b", name: "cut", num_points: 1, num_skipped: 2, files: [{ name: "g", fault }] },
      { run_id: null, name: "graphs", num_points: 0, num_skipped: 0, files: [] },
    ],
  });
  assert.deepEqual(lines, [
    "exp: 1,000 points",
    "cut: 1 point, 2 points left out (a step has one value)",
    "g: taken up to byte 1,200; the file ends within a record",
    "graphs: no curve in it, so no run",
  ]);
});

test("event files and archives are chosen among all that a folder holds", () => {
  assert.ok(isEventFile("events.out.tfevents.17.host") && isEventFile("logs.ZIP"));
  assert.ok(!isEventFile("model.pt"));
});
