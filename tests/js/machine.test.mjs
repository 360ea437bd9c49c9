import assert from "node:assert/strict";
import test from "node:test";

import { isReading, machineCharts, profilesOf, seconds, stepTime, wordsOf } from "../../static/js/machine.js";

test("readings that belong together share a chart, and every GPU has its curve", () => {
  const charts = machineCharts([
    "train/loss",
    "time/samples_per_s",
    "system/memory_bytes",
    "system/process_memory_bytes",
    "system/gpu1_memory_bytes",
    "system/gpu0_memory_bytes",
  ]);
  assert.deepEqual(
    charts.map(({ title, curves }) => [title, curves.map(({ label }) => label)]),
    [
      ["Samples per second", ["samples"]],
      ["Memory", ["machine", "this run"]],
      ["GPU memory", ["GPU 0", "GPU 1"]],
    ],
  );
  assert.ok(isReading("system/cpu_percent") && isReading("time/data_s") && !isReading("train/time"));
});

test("values are said with their units", () => {
  const said = (name, value) => wordsOf(name)(value);
  assert.equal(said("system/cpu_percent", 12.345), "12.3%");
  assert.equal(said("system/gpu0_memory_bytes", 42e9), "42 GB");
  assert.equal(said("system/disk_free_bytes", 71950e6), "71.95 GB");
  assert.equal(said("system/disk_free_bytes", 0), "0 B");
  assert.equal(said("system/disk_read_bytes_per_s", 1234.5), "1.234 kB/s");
  assert.equal(said("system/gpu0_temperature_c", 61), "61 °C");
  assert.equal(said("system/gpu0_power_w", 310.4), "310 W");
  assert.equal(said("time/samples_per_s", 12345.6), "12.3 k");
  assert.equal(said("time/forward_s", 0.000085), "85 µs");
  assert.equal(said("time/forward_s", NaN), "NaN");
  assert.equal(wordsOf("train/loss"), null);
  assert.deepEqual([0, 0.00124, 3.1].map(seconds), ["0", "1.24 ms", "3.1 s"]);
});

const seriesOf = (values) => ({ values: Float64Array.from([...values, 99]), length: values.length });

test("where the time of a step goes is a mean over the latest measurements", () => {
  const series = new Map(Object.entries({ data: [0, 2], forward: [3, 3], backward: [4, 4], optimizer: [2, 2] })
    .map(([name, values]) => [`time/${name}_s`, seriesOf(values)])); // prettier-ignore
  const found = stepTime(series);
  assert.equal(found.total, 10);
  assert.equal(found.words, "waiting for data 10%, forward 30%, backward 40%, optimizer 20%");
  assert.equal(found.waits, false);
  assert.equal(stepTime(new Map()), null);
});

test("the profiles of a run are found among its files, the latest first", () => {
  const names = ["model.onnx", "profile-6-operators.json", "profile-6.json.gz", "profile-40-operators.json"];
  const found = profilesOf(names.map((name) => ({ name })));
  assert.deepEqual(found.map(({ step }) => step), [40, 6]); // prettier-ignore
  assert.deepEqual(found[1], { step: 6, summary: "profile-6-operators.json", trace: "profile-6.json.gz" });
});
