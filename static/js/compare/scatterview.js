// Any setting or result against any other: a point for each run.

import { h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { toastError } from "../shell.js";
import { axisOption, pictureIn, themeColors } from "../statistical.js";
import { axisLabel, axisOf } from "./columns.js";
import { replaceControls } from "./controls.js";
import { colorsOf, columnSelect, rampLegend, replaceTable, valuesTable } from "./picture.js";
import { valueInWords } from "./tableview.js";

export class ScatterView {
  constructor(store, element) {
    Object.assign(this, { store, element });
    this.controls = h("div", { class: "toolbar compare-controls" });
    this.legend = h("div", {});
    this.readout = h("p", { class: "compare-readout small figures", aria: { live: "polite" } });
    this.place = h("div", { class: "compare-picture", role: "img" });
    this.values = h("div", {});
    replace(
      element,
      this.controls,
      h(
        "section",
        { class: "card", aria: { label: "Scatter plot" } },
        this.legend,
        this.readout,
        this.place,
        this.values,
      ),
    );
    store.addEventListener("highlight", () => this.#draw());
    addEventListener("themechange", () => requestAnimationFrame(() => this.#draw()));
  }

  async show() {
    this.#showControls();
    try {
      this.picture ??= await this.#start();
    } catch (error) {
      toastError(error);
      return;
    }
    this.#draw();
    const { x, y } = this.#columns();
    replaceTable(
      this.values,
      valuesTable(this.store, [...new Set([x, y])].filter(Boolean), "Values of the scatter plot"),
    );
  }

  async #start() {
    const picture = await pictureIn(this.place);
    picture.on("mouseover", ({ data }) => this.store.highlight([data.id]));
    picture.on("mouseout", () => this.store.highlight([]));
    picture.on("click", ({ data }) => location.assign(`/runs/${data.id}`));
    return picture;
  }

  /** What was asked for; else the first setting that differs against the first result. */
  #columns() {
    const { store } = this;
    const { columns, state } = store;
    const settings = columns.filter(({ kind }) => kind === "setting");
    const x = store.column(state.sx) ?? settings.find((one) => one.key.includes("lr")) ?? settings[0] ?? columns[0];
    return { x, y: store.column(state.sy) ?? columns.find(({ kind }) => kind === "result") ?? columns[0] };
  }

  #showControls() {
    const { store } = this;
    const { x, y } = this.#columns();
    replaceControls(
      this.controls,
      columnSelect(store, "Across", x?.key, (sx) => store.set({ sx })),
      this.#log("x"),
      columnSelect(store, "Up", y?.key, (sy) => store.set({ sy })),
      this.#log("y"),
      columnSelect(store, "Colour", store.state.sc, (sc) => store.set({ sc }), {
        none: "By run or group",
        filter: ({ kind }) => kind === "result",
      }),
    );
  }

  #log(axis) {
    const { store } = this;
    const isOn = store.state.slog.includes(axis);
    const others = store.state.slog.replace(axis, "");
    return h(
      "button",
      {
        class: "button small",
        type: "button",
        aria: { pressed: String(isOn) },
        onclick: () => store.set({ slog: isOn ? others : [...others, axis].sort().join("") }),
      },
      `log ${axis}`,
    );
  }

  #draw() {
    if (!this.picture || this.element.hidden) return;
    const { store } = this;
    const { x, y } = this.#columns();
    if (!x || !y) return;
    const { slog } = store.state;
    const axes = [axisOf(x, store.runs, slog.includes("x")), axisOf(y, store.runs, slog.includes("y"))];
    const colors = colorsOf(store);
    const points = store.shownRuns.map((run) => ({
      id: run.id,
      value: [axes[0].of(x.values.get(run.id) ?? null), axes[1].of(y.values.get(run.id) ?? null)],
      itemStyle: { color: colors.get(run.id) },
      symbolSize: store.highlighted.has(run.id) ? 16 : 10,
    }));
    const drawn = points.filter(({ value }) => value.every((one) => one !== null));
    this.#picture(x, y, axes, drawn);
    replace(this.legend, rampLegend(store));
    this.#showReadout(x, y, drawn.length);
  }

  #picture(x, y, axes, data) {
    const theme = themeColors();
    this.picture.draw({
      grid: { left: 64, right: 24, top: 12, bottom: 52 },
      xAxis: { ...axisOption(axes[0], axisLabel(x), theme), nameGap: 30 },
      yAxis: { ...axisOption(axes[1], axisLabel(y), theme), nameGap: 48 },
      series: [{ type: "scatter", data, emphasis: { disabled: true } }],
    });
  }

  #showReadout(x, y, numDrawn) {
    const { store } = this;
    const title = `${y.label} against ${x.label}`;
    this.place.setAttribute(
      "aria-label",
      `${title}: ${format.plural(numDrawn, "run")}; the values stand in the table below`,
    );
    const [id] = store.highlighted;
    const run = store.highlighted.size === 1 ? store.run(id) : null;
    const numLeft = store.shownRuns.length - numDrawn;
    const left = numLeft ? `, ${numLeft} without both values left out` : "";
    const pair = run && [x, y].map((one) => `${one.label} ${valueInWords(one.values.get(id) ?? null, one)}`).join(", ");
    setText(this.readout, run ? `${run.name}: ${pair}` : `${title}${left}`);
  }
}
