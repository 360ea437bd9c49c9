import assert from "node:assert/strict";
import test from "node:test";

import { line } from "../../static/js/paint.js";
import { SvgContext } from "../../static/js/svgcontext.js";

test("a line is a path, clipped to its box, and every group is closed", () => {
  const ctx = new SvgContext(100, 50);
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, 0, 100, 50);
  ctx.clip();
  line(ctx, { steps: [0, 1, 2], values: [1, 2, 1] }, (x) => x * 10, (y) => y, { color: "rgb(1, 2, 3)", width: 2 });
  ctx.restore();
  const text = ctx.toString();
  assert.match(text, /d="M0 1L10 2L20 1"/);
  assert.match(text, /stroke="rgb\(1, 2, 3\)"/);
  assert.equal(text.split("<g").length, text.split("</g>").length);
});

test("words are escaped", () => {
  const ctx = new SvgContext(10, 10);
  ctx.font = "500 11px Inter, sans-serif";
  ctx.fillText("a < b & “c”", 1, 2);
  assert.match(ctx.toString(), />a &lt; b &amp; “c”<\/text>/);
  assert.match(ctx.toString(), /font-size="11" font-weight="500"/);
});
