// Figures as a list of bars, each with its name and its figure: read line by line, or at a glance.

import { h, svg } from "../dom.js";

/**
 * items: {label, share in [0, 1], figure, note, href, isChosen, onclick}. Those with an address are links. `label` is
 * what the whole list is called.
 */
export function barList(items, label) {
  return h("ol", { class: "bars", aria: { label } }, items.map((item) => h("li", {}, row(item))));
}

function row({ label, share, figure, note, href, isChosen, onclick }) {
  const parts = [
    h("span", { class: "bar-name", title: label }, label),
    bar(share),
    h("span", { class: "bar-figure figures" }, figure, note ? h("span", { class: "muted" }, ` ${note}`) : null),
  ];
  if (!href) return h("div", { class: "bar" }, parts);
  return h("a", { class: "bar", href, onclick, "aria-current": isChosen ? "true" : null }, parts);
}

function bar(share) {
  const width = `${(Math.min(1, Math.max(0, share)) * 100).toFixed(2)}%`;
  return svg(
    "svg",
    { class: "bar-line", "aria-hidden": "true" },
    svg("rect", { class: "bar-track", width: "100%", height: "100%", rx: 2 }),
    svg("rect", { width, height: "100%", rx: 2 }),
  );
}
