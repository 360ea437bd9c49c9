import assert from "node:assert/strict";
import test from "node:test";

import { chartsFor } from "../../static/js/curves.js";
import { isUntouched, layoutFrom, moved, sectionsOf, toggled } from "../../static/js/layout.js";

const NAMES = [
  "train/accuracy", "validation/accuracy", "train/f1", "optimizer/lr", "optimizer/grad_norm", "system/cpu", "rewards/mean",
  "rewards/best",
]; // prettier-ignore
const CHARTS = chartsFor(NAMES);
const EMPTY = layoutFrom(null);
const keysOf = (sections) => sections.map(({ key, charts }) => [key, charts.map((chart) => chart.key)]);

test("charts stand by prefix: measured first, one's own, optimizer, system", () => {
  assert.deepEqual(sectionsOf(CHARTS, EMPTY).map(({ key }) => key), ["", "rewards", "optimizer", "system"]);
});

test("few charts need no sections", () => {
  assert.equal(sectionsOf(CHARTS.slice(0, 4), EMPTY).length, 1);
});

test("what is pinned comes first, what is hidden not at all", () => {
  const layout = toggled(toggled(EMPTY, "pinned", "system/cpu"), "hidden", "f1");
  const sections = keysOf(sectionsOf(CHARTS, layout));
  assert.deepEqual(sections[0], ["pinned", ["system/cpu"]]);
  assert.deepEqual(sections[1], ["", ["accuracy"]]);
  assert.deepEqual(toggled(toggled(EMPTY, "hidden", "f1"), "hidden", "f1"), EMPTY);
});

test("a search looks at titles and at the names of series", () => {
  assert.deepEqual(keysOf(sectionsOf(CHARTS, EMPTY, "validation")), [["", ["accuracy"]]]);
  assert.deepEqual(keysOf(sectionsOf(CHARTS, EMPTY, "gradient NORM")), [["optimizer", ["optimizer/grad_norm"]]]);
});

test("a chart moves before another and behind it, and new ones still find their place", () => {
  const [section] = sectionsOf(CHARTS, EMPTY);
  const layout = moved(EMPTY, section.charts, "f1", "accuracy");
  assert.deepEqual(keysOf(sectionsOf(CHARTS, layout))[0], ["", ["f1", "accuracy"]]);
  const more = chartsFor([...NAMES, "train/precision"]);
  assert.deepEqual(keysOf(sectionsOf(more, layout))[0], ["", ["f1", "accuracy", "precision"]]);
});

test("whatever was kept becomes a sound arrangement", () => {
  for (const body of [null, {}, { pinned: "x" }, { order: [1, null] }]) assert.ok(isUntouched(layoutFrom(body)));
  assert.deepEqual(layoutFrom({ pinned: ["a", "a", 3] }).pinned, ["a"]);
});
