// What the layers do while they learn: a figure of all of them over the steps, and the numbers of one, as heat maps.

import * as api from "../api.js";
import { emptyCard, h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { select } from "../forms.js";
import { FIGURES, binsOf, figuresIn, gridOf, shadesOf } from "../layergrid.js";
import { mix } from "../ramp.js";
import { axisOption, onTheme, pictureIn, resolved, themeColors } from "../statistical.js";

const RAMP = ["--ramp-1", "--ramp-2", "--ramp-3"];
const ROW_PX = 20;
const AROUND_PX = 70;
const BINS_PX = 340;
const MOST_NAME_PX = 150;
const LETTER_PX = 6.5;
const KINDS = { weights: "Weights", gradients: "Gradients", outputs: "Outputs" };

/** A grid of coloured cells with a line of words that says what is pointed at. */
class HeatMap {
  constructor(label, { inverse = false, onRow = null } = {}) {
    Object.assign(this, { inverse, onRow, grid: null });
    this.place = h("div", { class: "layer-picture", role: "img", aria: { label } });
    const hint = onRow ? "Point at a cell for its figure, choose it for the numbers of its layer." : "Point at a cell for its figure.";
    this.words = h("p", { class: "small figures muted layer-words", role: "status" }, hint);
    this.low = h("span");
    this.high = h("span");
    const bar = h("span", { class: "layer-ramp-bar", aria: { hidden: "true" } });
    this.legend = h("p", { class: "layer-ramp small figures muted" }, this.low, bar, this.high);
    this.element = h("div", { class: "stack-s" }, this.legend, this.place, this.words);
    onTheme(() => this.draw());
  }

  /** grid: {labels, steps, rows, shades, low, high, inWords(i, j)} */
  async show(grid, height) {
    this.grid = grid;
    setText(this.low, grid.low);
    setText(this.high, grid.high);
    this.place.style.height = `${height}px`;
    this.picture ??= this.#made();
    await this.picture;
    this.draw();
  }

  async #made() {
    const picture = await pictureIn(this.place);
    const at = ({ data }) => data.value;
    picture.on("mouseover", (event) => setText(this.words, this.grid.inWords(at(event)[1], at(event)[0])));
    if (this.onRow) picture.on("click", (event) => this.onRow(at(event)[1]));
    this.drawn = picture;
    return picture;
  }

  draw() {
    if (!this.drawn || !this.grid || !this.place.isConnected) return;
    this.drawn.chart.resize();
    this.drawn.draw(this.#option(this.grid));
  }

  #option({ labels, steps, rows, shades }) {
    const theme = themeColors();
    const ramp = RAMP.map(resolved);
    const data = shades.flatMap((row, i) =>
      row.flatMap((shade, j) =>
        shade === null ? [] : [{ value: [j, i, rows[i][j]], itemStyle: { color: mix(ramp, shade) } }],
      ),
    );
    const categories = (type, names) => ({ ...axisOption({ type: "category", categories: names }, "", theme), splitLine: { show: false } });
    const y = categories("category", labels);
    const left = Math.min(MOST_NAME_PX, 16 + LETTER_PX * Math.max(...labels.map(({ length }) => length)));
    return {
      grid: { left, right: 16, top: 8, bottom: 44 },
      xAxis: { ...categories("category", steps.map(format.count)), name: "step", nameGap: 26 },
      yAxis: { ...y, inverse: this.inverse, axisLabel: { ...y.axisLabel, width: left - 16, hideOverlap: true } },
      series: [{ type: "heatmap", data, emphasis: { disabled: true }, progressive: 0 }],
    };
  }
}

export class Layers {
  constructor(panel, run, state) {
    Object.assign(this, { panel, run, state, what: null, layer: null, kind: "weights", found: null });
    this.types = new Map((run.inspection?.layers ?? []).map(({ name, type }) => [name, type]));
    this.overview = new HeatMap("A figure of every layer over the steps", {
      inverse: true,
      onRow: (i) => this.choose(this.grid.layers[i]),
    });
    this.bins = new HeatMap("How the numbers of a layer are spread over the steps");
    this.controls = h("div", { class: "layer-controls" });
    this.layerControls = h("div", { class: "layer-controls" });
    this.table = h("div", { class: "table-wrap", tabindex: "0", role: "region", aria: { label: "Latest figures of the layers" } });
  }

  /** Draw what the stream has told so far. */
  async show() {
    const figures = figuresIn([...this.state.series.values()].filter(({ length }) => length).map(({ name }) => name));
    if (!figures.length) {
      const text = this.state.isFinished
        ? "This run did not look at its layers: its watch_every is 0, or it is older than that."
        : "Layers are looked at every so many steps. The first look is still to come.";
      replace(this.panel, emptyCard("No layers to show", text));
      this.isBuilt = false;
      return;
    }
    if (!this.isBuilt) this.#build();
    if (!figures.includes(this.what)) this.what = figures[0];
    this.#showControls(figures);
    await this.#showGrid();
    this.#showTable(figures);
    if (!this.found) await this.ask();
  }

  /** Show the numbers of a layer. */
  async choose(layer) {
    this.layer = layer;
    await this.ask();
  }

  /** Ask for histograms again: there are more of them. */
  async ask() {
    this.found = await api.get(`/runs/${this.run.id}/histograms${api.query({ layer: this.layer ?? undefined })}`).catch((error) => {
      if (error.status !== 404) throw error;
      return null; // a layer that has none
    });
    this.layer = this.found?.layer ?? this.layer;
    await this.#showBins();
  }

  #build() {
    this.isBuilt = true;
    const card = (title, controls, content) =>
      h("section", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, title), controls), content);
    replace(
      this.panel,
      card("Layers over the steps", this.controls, this.overview.element),
      card("Numbers of a layer", this.layerControls, this.bins.element),
      h("section", { class: "card flush" }, h("div", { class: "card-head" }, h("h2", {}, "Latest figures")), this.table),
    );
  }

  #called(layer) {
    const type = this.types.get(layer);
    return type ? `${layer} ${type}` : layer;
  }

  #showControls(figures) {
    const options = figures.map((what) => ({ value: what, label: FIGURES[what].label }));
    const chosen = select(options, this.what, (what) => {
      this.what = what;
      this.#showGrid();
    });
    chosen.setAttribute("aria-label", "Figure");
    if (this.figures !== figures.join()) replace(this.controls, chosen);
    this.figures = figures.join();
  }

  async #showGrid() {
    const { label, ...scale } = FIGURES[this.what];
    this.grid = gridOf(this.state.series, this.what, [...this.types.keys()]);
    const { layers, steps, rows } = this.grid;
    const { shades, low, high } = shadesOf(rows, scale);
    const inWords = (i, j) => `${this.#called(layers[i])}, step ${format.count(steps[j])}: ${format.measure(rows[i][j])}`;
    const labels = layers.map((layer) => this.#called(layer));
    const shown = { labels, steps, rows, shades, low: format.measure(low), high: format.measure(high), inWords };
    await this.overview.show(shown, AROUND_PX + ROW_PX * layers.length);
  }

  async #showBins() {
    const { found } = this;
    if (!found?.layers.length) {
      replace(this.layerControls, h("span", { class: "muted small" }, "No histograms so far"));
      return;
    }
    const kinds = Object.keys(KINDS).filter((kind) => found[kind].length);
    if (!kinds.includes(this.kind)) this.kind = kinds[0];
    this.#showLayerControls(kinds);
    const points = found[this.kind];
    const { labels, steps, rows } = binsOf(points, found.edges);
    // By the root: what is rare in a bin is seen beside what is frequent in another.
    const { shades, high } = shadesOf(rows.map((row) => row.map((share) => (share ? Math.sqrt(share) : null))), { range: [0, null] });
    const inWords = (i, j) => {
      const bad = points[j].num_not_finite;
      const besides = bad ? `; ${format.plural(bad, "number")} not finite` : "";
      return `${labels[i]}, step ${format.count(steps[j])}: ${format.percent(rows[i][j])} of the numbers${besides}`;
    };
    await this.bins.show({ labels, steps, rows, shades, low: "0 %", high: format.percent(high ** 2), inWords }, BINS_PX);
  }

  #showLayerControls(kinds) {
    const layers = select(
      this.found.layers.map((layer) => ({ value: layer, label: this.#called(layer) })),
      this.layer,
      (layer) => this.choose(layer),
    );
    layers.setAttribute("aria-label", "Layer");
    const numbers = select(
      kinds.map((kind) => ({ value: kind, label: KINDS[kind] })),
      this.kind,
      (kind) => {
        this.kind = kind;
        this.#showBins();
      },
    );
    numbers.setAttribute("aria-label", "Numbers");
    const hadFocus = [...this.layerControls.children].indexOf(document.activeElement);
    replace(this.layerControls, layers, numbers);
    this.layerControls.children[hadFocus]?.focus();
  }

  #showTable(figures) {
    const order = [...this.types.keys()];
    const grids = figures.map((what) => gridOf(this.state.series, what, order));
    const layers = [...new Set(grids.flatMap((grid) => grid.layers))];
    const rank = (layer) => (order.includes(layer) ? order.indexOf(layer) : order.length);
    layers.sort((a, b) => rank(a) - rank(b));
    const latest = (grid, layer) => grid.rows[grid.layers.indexOf(layer)]?.findLast((value) => value !== null);
    const cells = (layer) =>
      grids.map((grid, i) => {
        const value = latest(grid, layer);
        const text = value === undefined ? "" : format.measure(value);
        return h("td", { class: "right", data: { label: FIGURES[figures[i]].label } }, text);
      });
    replace(
      this.table,
      h(
        "table",
        { class: "table figures" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Layer"), figures.map((what) => h("th", { scope: "col", class: "right", title: FIGURES[what].label }, FIGURES[what].short)))),
        h("tbody", {}, layers.map((layer) => h("tr", {}, h("th", { scope: "row", class: "nowrap" }, this.#called(layer)), cells(layer)))),
      ),
    );
  }
}
