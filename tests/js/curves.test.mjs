import assert from "node:assert/strict";
import test from "node:test";

import { chartsFor, expectedSeries, goalOf } from "../../static/js/curves.js";

test("train and validation share a chart, the loss comes first, the optimizer last", () => {
  const charts = chartsFor([
    "optimizer/lr",
    "validation/accuracy",
    "train/accuracy",
    "validation/loss",
    "train/loss",
    "train/epoch_loss",
    "test/loss",
    "system/cpu_share",
  ]);
  assert.deepEqual(
    charts.map((chart) => chart.title),
    ["Loss", "Accuracy", "Learning rate", "Cpu share"],
  );
  assert.deepEqual(
    charts[0].curves.map((curve) => curve.label),
    ["train", "epoch mean", "validation"],
  );
  assert.deepEqual(
    charts[1].curves.map((curve) => curve.role),
    ["train", "validation"],
  );
});

test("what comes a step at a time is smoothed, what comes an epoch at a time is not", () => {
  const [loss, , rate] = chartsFor(["train/loss", "validation/loss", "train/accuracy", "optimizer/lr"]);
  assert.deepEqual(
    loss.curves.map((curve) => curve.isSmoothed),
    [true, false],
  );
  assert.equal(rate.curves[0].isSmoothed, false);
});

test("a goal is known by the name", () => {
  assert.deepEqual(["loss", "rmse", "top_3_accuracy", "r2", "lr"].map(goalOf), ["min", "min", "max", "max", null]);
});

test("charts stand before the first point", () => {
  const spec = {
    data: { split: { type: "shares", train: 0.8, validation: 0.2, test: 0 } },
    training: { metrics: [{ type: "top_k_accuracy", k: 5 }] },
  };
  assert.deepEqual(expectedSeries(spec), [
    "train/loss",
    "validation/loss",
    "train/top_5_accuracy",
    "validation/top_5_accuracy",
    "optimizer/lr",
    "optimizer/grad_norm",
  ]);
  spec.data.split = { type: "shares", train: 1, validation: 0, test: 0 };
  assert.ok(!expectedSeries(spec).includes("validation/loss"));
});

test("of several outputs each has curves of its own", () => {
  const spec = {
    training: {
      outputs: {
        kind: { loss: { type: "cross_entropy" }, metrics: [{ type: "top_k_accuracy", k: 2 }] },
        width: { loss: { type: "mse_loss" } },
      },
    },
    data: { split: { type: "shares", validation: 0 } },
  };
  assert.deepEqual(expectedSeries(spec).slice(0, 4), [
    "train/loss",
    "train/kind_loss",
    "train/kind_top_2_accuracy",
    "train/width_loss",
  ]);
  assert.equal(goalOf("width_mae"), "min");
});
