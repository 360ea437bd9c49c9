// What was seen before the first step: a batch that went through the model and back, and the rates that were tried.

import { h, replace } from "../dom.js";
import * as format from "../format.js";
import { changesOf } from "../patchwords.js";
import { pairsOf, triedInWords } from "../preflightwords.js";
import { toastError } from "../shell.js";
import { axisOption, onTheme, pictureIn, resolved, themeColors } from "../statistical.js";

export class Preflight {
  constructor(element, run) {
    Object.assign(this, { element, run, picture: null, seen: null });
    onTheme(() => this.#draw());
  }

  async show(seen) {
    this.seen = seen;
    const tried = seen.lr_range;
    const canvas = tried?.lr.length ? h("div", { class: "preflight-picture", role: "img", aria: { label: triedInWords(tried) } }) : null;
    this.picture?.dispose();
    this.picture = null;
    replace(
      this.element,
      h("div", { class: "card-head" }, h("h2", { id: "preflight-title" }, "Before the first step"), h("span", { class: "card-note" }, `${format.count(seen.num_rows)} rows`)),
      h("dl", { class: "pairs" }, pairsOf(seen).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
      h(
        "div",
        { class: "stack-s preflight-more" },
        h("p", { class: "muted small" }, seen.batch_size.reason),
        canvas ? this.#tried(tried, canvas) : null,
        layersOf(seen),
      ),
    );
    this.element.hidden = false;
    if (canvas) this.picture = await pictureIn(canvas);
    this.#draw();
  }

  #tried(tried, canvas) {
    const changes = tried.patch ? changesOf(this.run.spec, tried.patch) : [];
    const button = (name, act) =>
      h(
        "button",
        {
          class: "button small",
          type: "button",
          onclick: () => import("./trythis.js").then((tries) => tries[act](this.run, tried.patch)).catch(toastError),
        },
        name,
      );
    return h(
      "div",
      { class: "stack-s" },
      h("h3", {}, "Learning rates that were tried"),
      canvas,
      h("p", {}, triedInWords(tried)),
      changes.length ? h("p", { class: "small finding-changes" }, "Proposed: ", changes.join("; ")) : null,
      changes.length ? h("div", { class: "row" }, button("Try this", "openInForm"), button("Start it now", "startAtOnce")) : null,
    );
  }

  #draw() {
    const tried = this.seen?.lr_range;
    if (this.picture && tried) this.picture.draw(optionOf(tried));
  }
}

function layersOf({ layers, num_layers: num }) {
  if (!layers.length) return null;
  const rows = layers.map(({ name, type, output_shape: shape, num_parameters: parameters, kept_bytes: kept }) =>
    h(
      "tr",
      {},
      h("td", {}, type ? `${name} ${type}` : name),
      h("td", { class: "figures" }, shape ? format.shape(shape) : "–"),
      h("td", { class: "figures" }, format.count(parameters)),
      h("td", { class: "figures" }, kept ? format.bytes(kept) : "–"),
    ),
  );
  const left = num - layers.length;
  return h(
    "details",
    { class: "more" },
    h("summary", {}, `${format.plural(num, "layer")}, as they ran`),
    h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "region", aria: { label: "Layers as they ran" } },
      h(
        "table",
        { class: "table small" },
        h("thead", {}, h("tr", {}, ["Layer", "Gives", "Parameters", "Keeps"].map((name, i) => h("th", { class: i ? "figures" : null, scope: "col" }, name)))),
        h("tbody", {}, rows),
      ),
    ),
    left > 0 ? h("p", { class: "muted small" }, `and ${format.count(left)} more`) : null,
  );
}

/** The loss over the logarithm of the rate, the suggestion upright; what ran away is cut off, or it would flatten all else. */
function optionOf({ lr, loss, suggestion }) {
  const colors = themeColors();
  const lowest = Math.min(...loss);
  const top = Math.max(loss[0] + (loss[0] - lowest) * 0.5, lowest + Math.abs(loss[0]) * 0.1);
  const bottom = lowest - (top - lowest) * 0.05;
  const line = { type: "line", showSymbol: false, silent: true };
  const upright = { ...line, data: [bottom, top].map((y) => [suggestion, y]), lineStyle: { color: colors.text, width: 1, type: "dashed" } };
  return {
    grid: { left: 44, right: 12, top: 12, bottom: 40 },
    xAxis: { ...axisOption({ type: "log" }, "learning rate", colors), nameGap: 24, min: lr[0], max: lr.at(-1) },
    yAxis: insideEnds({ ...axisOption({ type: "value", range: { min: bottom, max: top } }, "", colors), boundaryGap: false }),
    series: [
      { ...line, data: lr.map((rate, i) => [rate, loss[i]]), lineStyle: { color: resolved("--accent"), width: 2 } },
      ...(suggestion === null ? [] : [upright]),
    ],
  };
}

/** The ends of an axis that follow from what is shown are no round numbers. */
const insideEnds = (axis) => ({ ...axis, axisLabel: { ...axis.axisLabel, showMinLabel: false, showMaxLabel: false } });
