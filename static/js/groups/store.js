// A comparison of the runs of one group, which is drawn as their mean with what lies around it. Its address is the page's.

import { DEFAULTS } from "../compare/link.js";
import { Store } from "../compare/store.js";

export const MAX_FIRST = 4; // charts to begin with

export class GroupStore extends Store {
  constructor(runs) {
    super();
    this.state = { ...DEFAULTS, ids: runs.map(({ id }) => id), by: "group", spread: "deviation" };
  }

  keepLink() {}
}

/** The charts to begin with: the losses, then what is measured on rows that were not trained on, then on those that were. */
export function firstCharts(names) {
  const of = (part) => names.filter((name) => name.startsWith(`${part}/`) && !name.endsWith("/loss"));
  const losses = ["validation/loss", "train/loss"].filter((name) => names.includes(name));
  const measured = of("validation").length ? of("validation") : of("train");
  return [...losses, ...measured].slice(0, MAX_FIRST);
}
