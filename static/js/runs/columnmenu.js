// Which columns the list has: chosen in a dialog, kept by the server for whoever is signed in.

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { Kept } from "../kept.js";
import { toastError } from "../shell.js";
import { column, columnsFrom, DEFAULT, MAX_COLUMNS, OWN } from "./columns.js";

const kept = new Kept("runs-columns", toastError);

export async function keptColumns() {
  try {
    return columnsFrom(await kept.read());
  } catch {
    return DEFAULT; // the list is there without its arrangement
  }
}

/** Let a person choose; `onChange(keys)` is called at every change. */
export function chooseColumns(keys, onChange) {
  let chosen = [...keys];
  const list = h("ul", { class: "plain column-list" });
  const add = h("input", { class: "input", id: "add-column", list: "known-columns", autocomplete: "off", placeholder: "optimizer.lr, train/loss.min, …" });
  const known = h("datalist", { id: "known-columns" });
  const form = h(
    "form",
    { class: "row" },
    h("label", { class: "visually-hidden", for: "add-column" }, "Setting or result"),
    h("div", { class: "grow" }, add),
    h("button", { class: "button", type: "submit" }, "Add"),
  );
  const close = h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Close");
  const reset = h("button", { class: "button quiet", type: "button", onclick: () => change(DEFAULT) }, "Restore");
  const dialog = h(
    "dialog",
    { aria: { labelledby: "columns-title" } },
    h("h2", { id: "columns-title" }, "Columns"),
    h("p", { class: "muted dialog-lead" }, "Any setting and any result can be a column; a click on its title sorts by it."),
    form,
    known,
    list,
    h("div", { class: "dialog-actions" }, reset, close),
  );
  const change = (next) => {
    chosen = next.slice(0, MAX_COLUMNS);
    show();
    kept.keep({ columns: chosen });
    onChange(chosen);
  };
  const show = () => {
    const others = Object.keys(OWN).filter((key) => !chosen.includes(key));
    replace(list, [...chosen, ...others].map((key) => lineOf(key, chosen, change)));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const key = add.value.trim();
    if (key && !chosen.includes(key)) change([...chosen, key]);
    add.value = "";
  });
  add.addEventListener("input", () => offer(known, add.value));
  dialog.addEventListener("close", () => dialog.remove());
  show();
  offer(known, "");
  document.body.append(dialog);
  dialog.showModal();
}

function lineOf(key, chosen, change) {
  const at = chosen.indexOf(key);
  const id = `column-${key}`;
  const box = h("input", {
    type: "checkbox",
    id,
    checked: at >= 0,
    onchange: () => change(at >= 0 ? chosen.filter((one) => one !== key) : [...chosen, key]),
  });
  const up = h(
    "button",
    {
      class: "button quiet small",
      type: "button",
      aria: { label: `Move ${column(key).title} to the left` },
      onclick: () => change(chosen.toSpliced(at - 1, 2, chosen[at], chosen[at - 1])),
    },
    "←",
  );
  return h("li", { class: "row" }, box, h("label", { class: "grow", for: id }, column(key).title), at > 0 ? up : null);
}

async function offer(list, begun) {
  try {
    const { items } = await api.get(`/runs/filter/completions${api.query({ q: begun })}`);
    const keys = items.filter(({ kind, text }) => kind === "key" && (text.includes(".") || text.includes("/") || !OWN[text]));
    replace(list, keys.map(({ text }) => h("option", { value: text })));
  } catch {
    // a name can be typed without being offered
  }
}
