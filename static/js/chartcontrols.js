// What one sets of charts: the controls of a group, the tools and the menu of a chart, its keys and gestures.

import { UNITS } from "./axis.js";
import { FORMATS, save } from "./chartexport.js";
import { h, replace, setText } from "./dom.js";
import { withMenu } from "./menu.js";

const MAX_SMOOTHING = 0.999;
const WHEEL_ZOOM = 0.0015; // for each pixel of a wheel
const LEAST_PINCH_PX = 24;

/** The controls of a group: x axis and smoothing. */
export class GroupControls {
  /** `onUnit(unit)` is called with a unit that was chosen; `units` are those to choose from. */
  constructor(group, element, { onUnit }) {
    Object.assign(this, { group, element });
    this.unit = h("select", { class: "select", aria: { label: "Horizontal axis" } });
    this.unit.addEventListener("change", () => onUnit(this.unit.value));
    this.slider = h("input", { type: "range", class: "slider", min: 0, max: 1, step: 0.001, aria: { label: "Smoothing" } });
    this.slider.addEventListener("input", () => this.#smooth());
    this.weight = h("output", { class: "figures small muted chart-weight" });
    this.logX = toggle("log x", group.isLogX, (isOn) => group.setAxis(group.axis, isOn));
    replace(
      element,
      this.unit,
      h("label", { class: "row small chart-smoothing" }, h("span", { class: "muted" }, "Smoothing"), this.slider, this.weight),
      this.logX,
    );
  }

  /** The slider is finer towards one: a weight is 1 − (1 − place)², so that 0.9, 0.99 and 0.999 lie apart. */
  #smooth() {
    const place = Number(this.slider.value);
    const weight = Math.min(MAX_SMOOTHING, 1 - (1 - place) ** 2);
    this.group.setSmoothing(Number(weight.toFixed(3)));
    this.show();
  }

  show(units = null) {
    const { group } = this;
    if (units && units.join() !== this.units) {
      this.units = units.join();
      replace(this.unit, units.map((unit) => h("option", { value: unit }, UNITS[unit])));
    }
    this.unit.value = group.unit;
    const place = group.smoothing >= MAX_SMOOTHING ? 1 : 1 - Math.sqrt(1 - group.smoothing);
    if (document.activeElement !== this.slider) this.slider.value = String(place);
    // Until a person asks, only what is noisy is smoothed: a number would promise more.
    const said = !group.isSmoothingAsked ? "auto" : group.smoothing ? String(group.smoothing) : "off";
    this.slider.setAttribute("aria-valuetext", said);
    setText(this.weight, said);
    this.logX.setAttribute("aria-pressed", String(group.isLogX));
  }
}

export function toggle(name, isOn, onChange) {
  const button = h("button", { class: "button quiet small", type: "button", aria: { pressed: String(isOn) } }, name);
  button.addEventListener("click", () => {
    const pressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pressed));
    onChange(pressed);
  });
  return button;
}

/** The tools of a chart; what is asked for seldom is in its menu. */
export function toolsOf(chart) {
  chart.logButton = toggle("log y", chart.isLog, (isOn) => chart.setLog(isOn));
  chart.enlargeButton = toggle("enlarge", false, (isOn) => chart.enlarge(isOn));
  const reset = h("button", { class: "button quiet small chart-reset", type: "button", hidden: true }, "Whole run");
  reset.addEventListener("click", () => chart.group.setWindow(null));
  return h("div", { class: "chart-tools" }, reset, chart.logButton, chart.enlargeButton, menuOf(chart));
}

function menuOf(chart) {
  const button = h(
    "button",
    { class: "button quiet small icon chart-more", type: "button", title: "More", aria: { label: `More for ${chart.title}` } },
    "⋯",
  );
  return withMenu(button, {
    label: `${chart.title}: more`,
    entries: () => entriesOf(chart),
    shown: (isOn) => chart.figure.classList.toggle("has-menu", isOn),
  });
}

function entriesOf(chart) {
  const own = [
    { label: "Full screen", act: () => chart.figure.requestFullscreen() },
    ...Object.entries(FORMATS).map(([name, label]) => ({ label, act: () => save(chart, name) })),
  ];
  return [...(chart.menu?.() ?? []), ...own];
}

/** Arrows move the crosshair, with shift the window; + and − change the window, 0 shows everything. */
export function onKey(chart, event) {
  const { plot, group } = chart;
  const [from, to] = group.range();
  const at = chart.cursorX ?? (from + to) / 2;
  const go = (share) =>
    event.shiftKey ? group.pan(share * 10) : plot.pointTo(Math.min(to, Math.max(from, at + share * (to - from))));
  const keys = {
    ArrowLeft: () => go(-0.01),
    ArrowRight: () => go(0.01),
    "+": () => group.zoom(at, 0.5),
    "=": () => group.zoom(at, 0.5),
    "-": () => group.zoom(at, 2),
    0: () => group.setWindow(null),
    Escape: () => (chart.figure.classList.contains("enlarged") ? chart.enlarge(false) : plot.pointTo(null)),
  };
  if (!plot || !keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  keys[event.key]();
}

/** With ctrl or ⌘ (as trackpads pinch) the wheel zooms, with shift it pans; two fingers do both. */
export function addGestures(chart) {
  const { group, plotElement } = chart;
  const at = (clientX) => chart.plot.posToVal(clientX - chart.plot.over.getBoundingClientRect().left, "x");
  plotElement.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.shiftKey) return;
      event.preventDefault();
      const by = event.deltaY || event.deltaX;
      if (event.shiftKey) group.pan(by / plotElement.clientWidth);
      else group.zoom(at(event.clientX), Math.exp(by * WHEEL_ZOOM));
    },
    { passive: false },
  );
  let before = null;
  plotElement.addEventListener("touchmove", (event) => {
    if (event.touches.length !== 2) return;
    event.preventDefault();
    const [a, b] = [...event.touches].map((touch) => touch.clientX).sort((one, other) => one - other);
    const now = { middle: (a + b) / 2, width: Math.max(LEAST_PINCH_PX, b - a) };
    if (before) {
      group.zoom(at(now.middle), before.width / now.width);
      group.pan((before.middle - now.middle) / plotElement.clientWidth);
    }
    before = now;
  });
  for (const name of ["touchend", "touchcancel"]) plotElement.addEventListener(name, () => (before = null));
}
