// Tabs as the ARIA pattern has them: arrows move, the address remembers.

import { $, $$ } from "./dom.js";

/** `onShow(key)` is called whenever a panel comes into view, the first one included. Returns show(key). */
export function startTabs(tablist, onShow) {
  const tabs = $$('[role="tab"]', tablist);
  const keyOf = (tab) => tab.id.replace("tab-", "");

  function show(key, { focus = false } = {}) {
    const chosen = tabs.find((tab) => keyOf(tab) === key) ?? tabs[0];
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      $(`#${tab.getAttribute("aria-controls")}`).hidden = tab !== chosen;
    }
    if (focus) chosen.focus();
    // In the next frame: now it would have the whole page laid out before its panels are filled.
    requestAnimationFrame(() => chosen.scrollIntoView({ block: "nearest", inline: "nearest" }));
    onShow(keyOf(chosen));
  }

  function choose(key, options) {
    history.replaceState(null, "", `#${key}`);
    show(key, options);
  }

  tablist.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (tab) choose(keyOf(tab));
  });
  tablist.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const moves = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    choose(keyOf(tabs[(moves[event.key] + tabs.length) % tabs.length]), { focus: true });
  });
  addEventListener("hashchange", () => show(location.hash.slice(1)));
  show(location.hash.slice(1));
  return choose;
}
