import assert from "node:assert/strict";
import test from "node:test";

import { covers, prepare } from "../../static/js/picture.js";
import { band, decimate, edges, isDense, nonFinite, thin } from "../../static/js/sampling.js";
import { roomFor } from "../../static/js/scale.js";
import { Series } from "../../static/js/series.js";
import { Smoothing } from "../../static/js/smoothing.js";

function seriesOf(values, start = 0) {
  const series = new Series("train/loss");
  series.append(
    values.map((_, i) => start + i),
    values,
  );
  return series;
}

const columns = (series) => [...series.steps.subarray(0, series.length)];

test("points are kept in the order of their steps", () => {
  const series = new Series("s");
  series.append([0, 1, 5], [3, 2, 1]);
  series.append([3], [9]);
  assert.deepEqual(columns(series), [0, 1, 3, 5]);
  assert.equal(series.last, 1);
  assert.equal(series.numPoints, 4);
});

test("a step that comes again replaces the point", () => {
  const series = seriesOf([1, 2, 3]);
  series.append([2], [7]);
  assert.equal(series.length, 3);
  assert.equal(series.numPoints, 3);
  assert.equal(series.last, 7);
});

test("a hundred thousand points fit", () => {
  const series = seriesOf(Array.from({ length: 100_000 }, (_, i) => i));
  assert.equal(series.numPoints, 100_000);
  assert.equal(series.last, 99_999);
});

test("words for numbers that JSON lacks are read", () => {
  const series = seriesOf([1, "NaN", "Infinity", "-Infinity"]);
  assert.ok(Number.isNaN(series.values[1]));
  assert.equal(series.values[2], Infinity);
  assert.equal(series.numNonFinite, 3);
});

test("a rewind drops what lies after it and keeps it as a ghost", () => {
  const series = seriesOf([5, 4, 3, 2, 1]);
  series.rewind(2);
  assert.deepEqual(columns(series), [0, 1, 2]);
  assert.equal(series.numPoints, 3);
  assert.deepEqual([...series.ghosts[0].steps], [2, 3, 4]);
  series.append([3], [8]);
  assert.equal(series.last, 8);
});

test("a rewind to a later step changes nothing", () => {
  const series = seriesOf([5, 4]);
  const { version } = series;
  series.rewind(10);
  assert.equal(series.version, version);
  assert.equal(series.ghosts.length, 0);
});

test("a reset replaces everything and remembers how many points there were", () => {
  const series = seriesOf([1, 2, 3]);
  series.reset({ steps: [0, 100], values: [2, 1], min: [1, 0.5], max: [9, 2], num_points: 200 });
  assert.equal(series.length, 2);
  assert.equal(series.numPoints, 200);
  assert.ok(series.isResampled);
  series.append([200], [0.4]);
  assert.equal(series.numPoints, 201);
});

test("no spike hides, wherever it stands", () => {
  for (const at of [0, 1, 4999, 77_777, 99_999]) {
    const values = new Array(100_000).fill(1);
    values[at] = 50;
    const drawn = decimate(seriesOf(values), 0, 100_000, 500);
    assert.equal(Math.max(...drawn.values), 50, `spike at ${at}`);
    assert.ok(drawn.steps.length <= 4 * 501);
  }
});

test("drawn steps only grow", () => {
  const series = seriesOf(Array.from({ length: 5000 }, () => Math.random()));
  const { steps } = decimate(series, 0, 5000, 300);
  for (let i = 1; i < steps.length; i += 1) assert.ok(steps[i] > steps[i - 1], `${steps[i - 1]} ${steps[i]}`);
});

test("few points are drawn as they are", () => {
  const drawn = decimate(seriesOf([3, 1, 2]), 0, 10, 500);
  assert.deepEqual(drawn, { steps: [0, 1, 2], values: [3, 1, 2] });
});

test("the extremes of a bucket are drawn", () => {
  const series = new Series("s");
  series.reset({ steps: [0, 100, 200], values: [1, 1, 1], min: [1, -4, 1], max: [1, 80, 1], num_points: 300 });
  const { values } = decimate(series, 0, 300, 100);
  assert.ok(values.includes(80) && values.includes(-4));
});

test("what is drawn of old points does not change as new ones come", () => {
  const values = Array.from({ length: 4000 }, (_, i) => Math.sin(i) + i / 900);
  const before = decimate(seriesOf(values.slice(0, 2000)), 0, 5000, 250);
  const after = decimate(seriesOf(values), 0, 5000, 250);
  const settled = before.steps.length - 4;
  assert.deepEqual(after.steps.slice(0, settled), before.steps.slice(0, settled));
  assert.deepEqual(after.values.slice(0, settled), before.values.slice(0, settled));
});

test("a value that is not finite is a gap and a mark", () => {
  const series = seriesOf([1, "NaN", 3, "Infinity"]);
  assert.deepEqual(decimate(series, 0, 10, 500).values, [1, null, 3, null]);
  assert.deepEqual(nonFinite(series, 0, 10, 500), [
    { step: 1, kind: "NaN" },
    { step: 3, kind: "∞" },
  ]);
});

test("ten thousand NaN in a row are one mark a column", () => {
  const series = seriesOf(new Array(10_000).fill("NaN"));
  assert.ok(nonFinite(series, 0, 10_000, 100).length <= 101);
});

test("the band holds every value", () => {
  const series = seriesOf(Array.from({ length: 1000 }, (_, i) => Math.sin(i * 7.3)));
  const drawn = band(series, 0, 1000, 40);
  assert.ok(drawn.steps.length <= 41);
  assert.ok(Math.min(...drawn.lows) <= -0.99 && Math.max(...drawn.highs) >= 0.99);
});

test("the window takes one point more on either side", () => {
  const drawn = decimate(seriesOf([0, 1, 2, 3, 4, 5]), 2.5, 3.5, 100);
  assert.deepEqual(drawn.steps, [2, 3, 4]);
});

test("the best value is found, also after a rewind", () => {
  const series = seriesOf([3, 1, 2, 0.5]);
  assert.deepEqual(series.best(), { step: 3, value: 0.5 });
  series.rewind(2);
  assert.deepEqual(series.best(), { step: 1, value: 1 });
  assert.deepEqual(series.best("max"), { step: 0, value: 3 });
});

test("the nearest point is found", () => {
  const series = new Series("s");
  assert.equal(series.nearest(3), -1);
  series.append([0, 10, 20], [1, 2, 3]);
  assert.deepEqual(
    [-5, 4, 6, 14, 100].map((step) => series.nearest(step)),
    [0, 0, 1, 1, 2],
  );
});

test("a line that is smooth already is told from a noisy one", () => {
  const falling = seriesOf(Array.from({ length: 500 }, (_, i) => 1000 * 0.97 ** i));
  assert.ok(!falling.isNoisy());
  const noisy = seriesOf(Array.from({ length: 500 }, (_, i) => 0.97 ** i + (i % 2) * 0.1));
  assert.ok(noisy.isNoisy());
  noisy.rewind(3);
  assert.ok(!noisy.isNoisy());
});

test("a smoothed constant is that constant from the first point on", () => {
  const smoothed = new Smoothing(seriesOf([4, 4, 4, 4])).update(0.9, 1000);
  for (let i = 0; i < 4; i += 1) assert.ok(Math.abs(smoothed[i] - 4) < 1e-9);
});

test("smoothing goes on from where it was, and passes over NaN", () => {
  const series = seriesOf([1, 2, "NaN", 4]);
  const grown = new Smoothing(series);
  grown.update(0.6, 1000);
  series.append([4, 5], [5, 6]);
  const whole = new Smoothing(seriesOf([1, 2, "NaN", 4, 5, 6])).update(0.6, 1000);
  assert.deepEqual([...grown.update(0.6, 1000).subarray(0, 6)], [...whole.subarray(0, 6)]);
  assert.ok(Number.isNaN(whole[2]) && Number.isFinite(whole[3]));
});

test("smoothing is TensorBoard's on a thousand points or fewer", () => {
  const values = Array.from({ length: 100 }, (_, i) => Math.sin(i));
  const smoothed = new Smoothing(seriesOf(values)).update(0.6, 100);
  let last = 0;
  values.forEach((value, i) => {
    last = last * 0.6 + 0.4 * value;
    assert.ok(Math.abs(smoothed[i] - last / (1 - 0.6 ** (i + 1))) < 1e-9, `at ${i}`);
  });
});

test("a long series is smoothed over the same share of its axis as a short one", () => {
  const shape = (x) => Math.exp(-5 * x);
  const at = (n) => new Smoothing(seriesOf(Array.from({ length: n }, (_, i) => shape(i / n)))).update(0.95, n)[n / 2];
  assert.ok(Math.abs(at(1000) - at(50_000)) < 0.01);
});

test("smoothing of a detail goes on from the whole", () => {
  const values = Array.from({ length: 10_000 }, (_, i) => Math.sin(i / 40) + i / 5000);
  const whole = new Smoothing(seriesOf(values));
  const detail = new Smoothing(seriesOf(values.slice(6000, 6500), 6000), whole);
  const [all, part] = [whole.update(0.95, 10_000), detail.update(0.95, 10_000)];
  for (const i of [0, 100, 499]) assert.ok(Math.abs(part[i] - all[6000 + i]) < 0.02, `at ${i}`);
});

test("a page holds a bounded number of points, and no extreme is lost", () => {
  const series = new Series("s", 1000);
  for (let step = 0; step < 50_000; step += 100) {
    const steps = Array.from({ length: 100 }, (_, i) => step + i);
    series.append(steps, steps.map((at) => (at === 12_345 ? 99 : at === 33_333 ? "NaN" : 1)));
  }
  assert.ok(series.length <= 1100);
  assert.equal(series.numPoints, 50_000);
  assert.equal(series.lastStep, 49_999);
  assert.deepEqual(series.best("max").value, 99);
  assert.ok(band(series, 0, 50_000, 100).highs.includes(99));
  assert.equal(nonFinite(series, 0, 50_000, 500).length, 1);
});

test("the mean of a bucket is that of the points it stands for, however they were folded", () => {
  const near = (found, wanted) => assert.ok(Math.abs(found - wanted) < 1e-9, `${found} is not ${wanted}`);
  const series = new Series("s", 8);
  series.reset({ steps: [99, 100], values: [1, 9], mean: [1, 9], num: [100, 1], num_nan: [1, 0], num_points: 101 });
  series.append([101, 102, 103, 104, 105, 106, 107], [0, 0, 0, 0, 0, 0, 0]);
  near(series.means[0], (99 * 1 + 9) / 100);
  series.append([108, 109, 110], [0, 0, 0]); // folded again, with two zeros
  near(series.means[0], (99 * 1 + 9) / 102);
  const long = new Series("s", 1000);
  for (let step = 0; step < 20_000; step += 1) long.append([step], [step < 5000 ? 1 : 0]);
  const sum = (column) => column.subarray(0, long.length).reduce((all, one) => all + one, 0);
  assert.equal(sum(long.counts), 20_000);
  near(sum(long.means.map((mean, i) => mean * long.counts[i])), 5000);
});

test("a summary that does not tell how many points its buckets hold shares them out evenly", () => {
  const series = new Series("s");
  series.reset({ steps: [10, 20], values: [1, 2], num_points: 20, raw: false, num_nan: [0, 4] });
  assert.deepEqual([...series.counts.subarray(0, 2)], [10, 6]);
  series.reset({ steps: [10, 20], values: [1, 2], num_points: 20, raw: true });
  assert.deepEqual([...series.counts.subarray(0, 2)], [1, 1]);
  series.reset({ steps: [10], values: ["NaN"] });
  assert.equal(series.counts[0], 1);
});

test("a dense window is drawn by the first and last value of each column", () => {
  const series = seriesOf(Array.from({ length: 10_000 }, (_, i) => i % 7));
  assert.ok(isDense(series, 0, 10_000, 100));
  assert.ok(!isDense(series, 0, 100, 100));
  const drawn = edges(series, 0, 10_000, 100);
  assert.deepEqual(drawn.values.slice(0, 2), [0, 99 % 7]);
  assert.ok(drawn.steps.length <= 202);
});

test("points that came since are taken over", () => {
  const [whole, detail] = [seriesOf([1, 2, 3, 4]), seriesOf([1, 2])];
  detail.follow(whole);
  assert.deepEqual(columns(detail), [0, 1, 2, 3]);
});

test("what takes over points is bounded too, and says that it holds buckets", () => {
  const detail = new Series("s", 1000);
  const whole = seriesOf(Array.from({ length: 20_000 }, (_, i) => (i === 4321 ? 99 : 1)));
  detail.follow(whole);
  assert.ok(detail.length <= 1000);
  assert.ok(detail.isResampled);
  assert.equal(detail.lastStep, 19_999);
  assert.equal(detail.best("max").value, 99);
});

test("a detail follows the run to its own end, and stands in for no more than that", () => {
  const series = seriesOf(Array.from({ length: 80 }, (_, i) => i));
  const curve = { series, detail: { from: 40, to: 100, series: seriesOf([60, 61], 60), isUpToEnd: true } };
  const drawnTo = (to) => prepare(curve, { from: 50, to, numColumns: 500, smoothing: 0 }).series;
  assert.equal(drawnTo(200), curve.detail.series, "nothing has come yet beyond what was asked for");
  assert.equal(curve.detail.series.lastStep, 79);
  for (let step = 80; step < 1000; step += 1) series.append([step], [step]);
  assert.equal(drawnTo(90), curve.detail.series);
  assert.equal(curve.detail.series.lastStep, 100);
  assert.equal(drawnTo(200), series);
  assert.ok(!covers(curve, 50, 200), "then it is asked for again");
});

test("without weight the smoothed line is the raw one", () => {
  const smoothed = new Smoothing(seriesOf([1, 5, 2])).update(0, 1000);
  assert.deepEqual([...smoothed.subarray(0, 3)], [1, 5, 2]);
});

test("a smoothed line has a point a column, the last one included", () => {
  const series = seriesOf(Array.from({ length: 10_000 }, (_, i) => i));
  const smoothed = new Smoothing(series).update(0.6, 10_000);
  const drawn = thin(series, smoothed, 0, 10_000, 200);
  assert.ok(drawn.steps.length <= 201);
  assert.equal(drawn.steps.at(-1), 9999);
});

test("an axis of unknown length grows in leaps", () => {
  assert.equal(roomFor(null), 10);
  assert.ok(roomFor(812) >= 812);
  assert.equal(roomFor(812), roomFor(830));
});

test("a NaN inside a bucket is marked", () => {
  const series = new Series("s");
  series.reset({ steps: [0, 100], values: [1, 2], min: [1, 1], max: [1, 2], num_nan: [0, 3], num_points: 200 });
  assert.deepEqual(nonFinite(series, 0, 200, 100), [{ step: 100, kind: "NaN" }]);
});
