// What every page has: theme, keys, menu, the live indicator, messages.

import { $, h, setText } from "./dom.js";
import * as format from "./format.js";
import { live } from "./live.js";

const THEMES = ["system", "light", "dark"];

function setTheme(theme) {
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem("traindeck-theme");
  } else {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("traindeck-theme", theme);
  }
  showTheme();
  dispatchEvent(new Event("themechange"));
}

const theme = () => document.documentElement.dataset.theme ?? "system";

function showTheme() {
  const names = { system: "System theme", light: "Light theme", dark: "Dark theme" };
  setText($("#theme-button span"), names[theme()]);
}

const nextTheme = () => setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);

const STATES = { live: "live", connecting: "connecting", offline: "offline, trying again", refused: "signed out" };

function showLiveState() {
  const element = $("#live-state");
  element.dataset.status = live.state === "refused" ? "offline" : live.state;
  setText(element.firstElementChild, STATES[live.state]);
}

function showCounts(counts) {
  for (const [name, count] of Object.entries(counts)) setText($(`[data-count="${name}"]`), format.count(count));
}

/** Tell something in a corner of the page; errors stay until they are closed. */
export function toast(text, { isError = false } = {}) {
  const close = h("button", { class: "button quiet small", type: "button", onclick: () => message.remove() }, "Close");
  const message = h("div", { class: isError ? "toast bad" : "toast" }, h("span", {}, text), close);
  $("#toasts").append(message);
  if (!isError) setTimeout(() => message.remove(), 6000);
}

export function toastError(error) {
  if (error.name === "AbortError") return;
  toast([error.message, error.hint].filter(Boolean).join(" "), { isError: true });
}

/** Ask before something that cannot be undone. Resolves to whether the person agreed. */
export function confirmed({ title, text, action }) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      { class: "confirm", aria: { labelledby: "confirm-title" } },
      h("h2", { id: "confirm-title" }, title),
      h("p", { class: "muted" }, text),
      h(
        "form",
        { method: "dialog", class: "dialog-actions" },
        h("button", { class: "button", value: "" }, "Keep"),
        h("button", { class: "button danger", value: "yes" }, action),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

const PLACES = { r: "/runs", c: "/compare", m: "/models", d: "/datasets", g: "/gallery", q: "/queue", w: "/workers" };
let lastKey = { key: "", time: 0 };

const KEYS = {
  "/": () => $("[data-search]")?.focus(),
  n: () => location.assign("/runs/new"),
  t: nextTheme,
  "?": () => $("#keys-dialog").showModal(),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog[open], canvas")) return;
  const follows = lastKey.key === "g" && event.timeStamp - lastKey.time < 1200;
  lastKey = { key: follows ? "" : event.key, time: event.timeStamp };
  if (follows && PLACES[event.key]) location.assign(PLACES[event.key]);
  else if (KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key]();
  }
}

function onMenu() {
  const sidebar = $("#sidebar");
  const isOpen = sidebar.toggleAttribute("data-open");
  $("#menu-button").setAttribute("aria-expanded", String(isOpen));
}

$("#theme-button").addEventListener("click", nextTheme);
$("#keys-button").addEventListener("click", KEYS["?"]);
$("#menu-button").addEventListener("click", onMenu);
addEventListener("keydown", onKey);
live.addEventListener("state", showLiveState);
showTheme();
live.follow("counts", { onItems: ([counts]) => showCounts(counts) });
