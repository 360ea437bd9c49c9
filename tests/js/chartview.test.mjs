import assert from "node:assert/strict";
import test from "node:test";

import { clamped, panned, readView, writeView, zoomed } from "../../static/js/chartview.js";

const VIEW = {
  window: [1200.5, 9000],
  unit: "epoch",
  smoothing: 0.6,
  isLogX: true,
  logs: ["loss", "optimizer/lr"],
  enlarged: "accuracy",
  layout: null,
};

test("an address brings the very view back", () => {
  const search = writeView("", VIEW);
  assert.equal(search, "?w=1200.5~9000&x=epoch&s=0.6&lx=1&ly=loss,optimizer/lr&big=accuracy");
  assert.deepEqual(readView(search), VIEW);
});

test("a view that nobody set leaves no trace, and what else is asked stays", () => {
  const untouched = { window: null, unit: "step", smoothing: null, isLogX: false, logs: [], enlarged: null };
  assert.equal(writeView("?layout=abc&w=1~2", untouched), "?layout=abc");
  assert.deepEqual(readView(""), { ...untouched, layout: null });
});

test("an address that makes no sense is passed over", () => {
  for (const search of ["?w=abc", "?w=5~2", "?w=1~", "?s=7", "?s=x", "?w=1~2~3"]) {
    assert.equal(readView(search).window, null);
    assert.equal(readView(search).smoothing, null);
  }
});

test("zooming keeps what is pointed at in its place", () => {
  assert.deepEqual(zoomed([0, 100], 25, 0.5), [12.5, 62.5]);
  const [from, to] = zoomed([1, 10_000], 100, 0.5, true);
  assert.ok(Math.abs(from - 10) < 1e-6 && Math.abs(to - 1000) < 1e-6);
});

test("panning stops at the ends of the run", () => {
  assert.deepEqual(panned([10, 20], 0.5, [0, 100]), [15, 25]);
  assert.deepEqual(panned([10, 20], -5, [0, 100]), [0, 10]);
  assert.deepEqual(panned([10, 20], 50, [0, 100]), [90, 100]);
});

test("a window lies inside the run; the whole run is no window", () => {
  assert.deepEqual(clamped([-5, 20], [0, 100]), [0, 20]);
  assert.equal(clamped([-5, 200], [0, 100]), null);
  assert.equal(clamped([300, 400], [0, 100]), null);
});
