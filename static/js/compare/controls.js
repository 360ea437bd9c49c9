// Controls that are made anew when the state changes: the one that had the keyboard has it again.

import { $$, replace } from "../dom.js";

const FOCUSABLE = "select, button, input, summary, a[href]";

export function replaceControls(place, ...children) {
  const at = $$(FOCUSABLE, place).indexOf(document.activeElement);
  replace(place, ...children);
  if (at >= 0) $$(FOCUSABLE, place)[at]?.focus();
}
