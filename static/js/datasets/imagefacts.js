// What the images of a column are: which sizes, and the mean and deviation of each channel.

import { h } from "../dom.js";
import * as format from "../format.js";
import { barList } from "./bars.js";

const NUM_SIZES = 8;

/** Beneath the wall of images; null where nothing is known of them. */
export function imageFacts({ name, images }) {
  if (!images) return null;
  return h("div", { class: "image-facts" }, sizes(name, images), channels(images));
}

function sizes(name, { sizes: found = [], num_sizes: numSizes }) {
  if (!found.length) return null; // read before sizes were counted: the range stands above
  const total = found.reduce((sum, { count }) => sum + count, 0);
  const items = found.slice(0, NUM_SIZES).map(({ width, height, count }) => ({
    label: `${format.count(width)} × ${format.count(height)}`,
    share: count / found[0].count,
    figure: format.count(count),
    note: numSizes === found.length ? `${((count / total) * 100).toFixed(1)}%` : "",
  }));
  const numOthers = numSizes - items.length;
  return h(
    "section",
    { class: "stack-s", aria: { label: "Sizes" } },
    h("h3", {}, "Sizes, width × height"),
    barList(items, `Most frequent sizes of ${name}`),
    numOthers > 0 ? h("p", { class: "muted small" }, `and ${format.plural(numOthers, "other size")}`) : null,
  );
}

function channels({ mean, std, channels: kind }) {
  const names = kind === "gray" ? ["gray"] : ["red", "green", "blue"];
  const row = (channel, i) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, channel),
      h("td", { class: "right", title: format.exact(mean[i]) }, format.measure(mean[i])),
      h("td", { class: "right", title: format.exact(std[i]) }, format.measure(std[i])),
    );
  const head = ["Channel", "Mean", "Deviation"].map((text, i) => h("th", { scope: "col", class: i ? "right" : null }, text));
  return h(
    "section",
    { class: "stack-s", aria: { label: "Channels" } },
    h("h3", {}, "Channels, from 0 to 1"),
    h("table", { class: "table" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, names.map(row))),
  );
}
