// A button that opens a list of things to do: arrows move in it, Escape leaves it.

import { $, $$, h, replace } from "./dom.js";
import { toastError } from "./shell.js";

/** The button with its list; `entries()` says what is in it: [{label, act, isOn}]. `shown(isOn)` hears of its opening. */
export function withMenu(button, { label, entries, shown = () => {} }) {
  const list = h("div", { class: "menu", role: "menu", hidden: true, aria: { label } });
  const show = (isOn) => {
    list.hidden = !isOn;
    button.setAttribute("aria-expanded", String(isOn));
    shown(isOn);
    if (isOn) replace(list, entries().map((entry) => item(entry, () => show(false))));
    if (isOn) $("[role^=menuitem]", list)?.focus();
  };
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => show(list.hidden));
  list.addEventListener("keydown", (event) => {
    const items = $$("[role^=menuitem]", list);
    const at = items.indexOf(document.activeElement);
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
    if (event.key === "Escape") {
      show(false);
      button.focus();
    } else if (event.key in moves) items[(moves[event.key] + items.length) % items.length].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const holder = h("div", { class: "menu-holder" }, button, list);
  holder.addEventListener("focusout", (event) => {
    if (!list.hidden && !holder.contains(event.relatedTarget)) show(false);
  });
  return holder;
}

function item({ label, act, isOn }, close) {
  return h(
    "button",
    {
      class: "button quiet small",
      type: "button",
      role: isOn === undefined ? "menuitem" : "menuitemcheckbox",
      tabindex: "-1",
      aria: isOn === undefined ? {} : { checked: String(isOn) },
      onclick: () => {
        close();
        Promise.resolve(act()).catch(toastError);
      },
    },
    label,
  );
}
