// What the machine does while it trains: where the time of a step goes, its readings as curves, and profiles of some steps.

import * as api from "../api.js";
import { offersOf } from "../controls.js";
import { emptyCard, h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { select } from "../forms.js";
import { machineCharts, profilesOf, seconds, stepTime, wordsOf } from "../machine.js";
import { toast, toastError } from "../shell.js";

const NUM_STEPS = 10;
const FIRST_ROWS = 15;
const HOW = "Open the file at ui.perfetto.dev: your browser reads it there, and sends it nowhere.";

export class Machine {
  /** Its charts join the group of the others: one window, one axis. */
  constructor(panel, state, group) {
    Object.assign(this, { panel, state, group, figures: new Map(), step: null, asked: null });
    this.note = h("span", { class: "card-note figures" });
    this.bar = h("div", { class: "time-bar", role: "img" });
    this.parts = h("ul", { class: "legend" });
    this.advice = h("p", { class: "small muted", hidden: true }, "The device waits for its data for much of the time: smaller images, fewer transformations or a larger batch may help.");
    this.time = card("Where the time of a step goes", this.note, h("div", { class: "stack-s" }, this.bar, this.parts, this.advice));
    this.charts = h("div", { class: "small-charts machine-charts" });
    this.button = h("button", { class: "button small", type: "button", onclick: () => this.#ask().catch(toastError) }, `Profile ${NUM_STEPS} steps`);
    this.chosen = h("span");
    this.profile = h("div", { class: "stack-s" });
    this.profiles = card("Profile", h("div", { class: "row" }, this.chosen, this.button), this.profile);
  }

  /** Draw what the stream has told so far, of a run as it is now. */
  async show(run) {
    this.run = run;
    this.#showCharts();
    this.#showTime();
    await this.#showProfiles();
  }

  #showCharts() {
    const names = [...this.state.series.values()].filter(({ length }) => length).map(({ name }) => name);
    const charts = machineCharts(names);
    if (!charts.length) {
      const text = this.state.isFinished
        ? "The machine is read once a second: this run was over before, or is older than that."
        : "The machine is read once a second while it trains. The first reading is still to come.";
      this.nothing ??= emptyCard("No readings", text);
      setText(this.nothing.lastElementChild, text);
    }
    const shown = [...(charts.length ? [this.time, this.charts] : [this.nothing]), this.profiles];
    if (shown.some((element, i) => this.panel.children[i] !== element)) replace(this.panel, shown);
    const figures = charts.map((chart) => this.#figure(chart));
    if (figures.some((figure, i) => this.charts.children[i] !== figure)) replace(this.charts, figures);
  }

  #figure({ key, title, curves }) {
    const held = this.figures.get(key) ?? { figure: h("figure", { class: "card chart", data: { chart: key } }) };
    const signature = curves.map(({ name }) => name).join(" ");
    if (held.signature === signature) return held.figure;
    held.signature = signature;
    this.figures.set(key, held);
    const bound = curves.map((curve) => ({ ...curve, series: this.state.seriesNamed(curve.name) }));
    if (held.chart) held.chart.setCurves(bound);
    else held.chart = this.group.add(held.figure, { key, title, curves: bound, words: wordsOf(curves[0].name), isFromZero: true });
    return held.figure;
  }

  #showTime() {
    const time = stepTime(this.state.series);
    this.time.hidden = !time;
    if (!time) return;
    setText(this.note, `${seconds(time.total)} a step`);
    this.bar.setAttribute("aria-label", time.words);
    replace(this.bar, time.parts.map(barPart));
    replace(this.parts, time.parts.map(partItem));
    this.advice.hidden = !time.waits;
  }

  // profiles

  async #ask() {
    await api.post(`/runs/${this.run.id}/controls`, { type: "profile", num_steps: NUM_STEPS });
    toast(`Asked for a profile of ${NUM_STEPS} steps.`);
  }

  async #showProfiles() {
    const profiles = profilesOf(this.run.artifacts);
    this.button.hidden = !offersOf(this.run, this.state.status).control;
    const { latest } = this;
    this.latest = profiles[0]?.step;
    if (this.latest !== latest || !profiles.some(({ step }) => step === this.step)) this.step = this.latest ?? null;
    const steps = profiles.map(({ step }) => step).join();
    if (this.steps !== steps) this.#offer(profiles);
    this.steps = steps;
    if (!profiles.length) {
      const asks = "Which operators take the time, and what runs when: asked for while it trains, it looks closely at some steps.";
      replace(this.profile, h("p", { class: "muted" }, this.button.hidden ? "No profile was taken of this run." : asks));
      return;
    }
    await this.#showProfile(profiles.find(({ step }) => step === this.step));
  }

  #offer(profiles) {
    if (profiles.length < 2) return replace(this.chosen);
    const options = profiles.map(({ step }) => ({ value: String(step), label: `after step ${format.count(step)}` }));
    const chosen = select(options, String(this.step), (step) => {
      this.step = Number(step);
      this.#showProfiles().catch(toastError);
    });
    chosen.setAttribute("aria-label", "Profile");
    return replace(this.chosen, chosen);
  }

  async #showProfile({ step, summary, trace }) {
    if (this.shown === step) return;
    const place = `/runs/${this.run.id}/artifacts/`;
    const found = await api.get(place + summary);
    this.shown = step;
    const words = `${format.plural(found.num_steps, "step")} after step ${format.count(found.step)} on ${found.device}, ${seconds(found.took_s / found.num_steps)} each while it was looked at.`;
    const link = h("a", { class: "button small", href: `/api/v1${place}${trace}`, download: trace }, "Download the trace");
    replace(this.profile, h("p", {}, words), h("div", { class: "row" }, link, h("span", { class: "muted small" }, HOW)), tableOf(found));
  }
}

const card = (title, beside, content) =>
  h("section", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, title), beside), content);

function barPart({ role, share }) {
  const part = h("span", { data: { role } }, h("span", { class: "swatch" }));
  part.style.flexGrow = share;
  return part;
}

function partItem({ label, role, seconds: took, share }) {
  const swatch = h("span", { class: "swatch", aria: { hidden: "true" } });
  const value = h("span", { class: "legend-value figures" }, `${Math.round(share * 100)}%, ${seconds(took)}`);
  return h("li", { data: { role } }, swatch, h("span", {}, label), value);
}

/** The operators that took most of the time by themselves. */
function tableOf({ operators, took_s: took, device }) {
  const isOnGpu = device === "cuda";
  const times = [...(isOnGpu ? [["On the GPU", "device_s"]] : []), ["By itself", "self_s"], ["With what it calls", "total_s"]];
  const heads = ["Operator", "Times", ...times.map(([name]) => name), "Share", "Memory"];
  const main = isOnGpu ? "device_s" : "self_s";
  const rows = operators.map((one, place) => {
    const share = took ? `${Math.round((one[main] / took) * 100)}%` : "";
    const memory = one.memory_bytes ? `${one.memory_bytes < 0 ? "−" : ""}${format.bytes(Math.abs(one.memory_bytes))}` : "";
    const cells = [format.count(one.count), ...times.map(([, key]) => seconds(one[key])), share, memory];
    return h("tr", { hidden: place >= FIRST_ROWS }, h("th", { scope: "row" }, one.name), cells.map((text, i) => h("td", { class: "right", data: { label: heads[i + 1] } }, text)));
  });
  const head = h("thead", {}, h("tr", {}, heads.map((text, i) => h("th", { scope: "col", class: i ? "right" : null }, text))));
  const region = { class: "table-wrap", tabindex: "0", role: "region", aria: { label: "Operators" } };
  const table = h("div", region, h("table", { class: "table figures" }, head, h("tbody", {}, rows)));
  const show = ({ target }) => {
    for (const row of rows) row.hidden = false;
    target.remove();
    table.focus();
  };
  const more = h("button", { class: "button quiet small", type: "button", onclick: show }, `Show all ${rows.length}`);
  return h("div", { class: "stack-s" }, table, rows.length > FIRST_ROWS ? h("div", { class: "row" }, more) : null);
}
