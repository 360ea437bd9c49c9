// The list of runs: filtered and sorted by the server, windowed here, so that a hundred thousand scroll as ten do.

import * as api from "../api.js";
import { $, $$, h, pageData, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { keyed } from "../keyed.js";
import { live } from "../live.js";
import { Actions } from "../runs/actions.js";
import { chooseColumns, keptColumns } from "../runs/columnmenu.js";
import { asked, column, nextSort, onPhone } from "../runs/columns.js";
import { FilterBox } from "../runs/filterbox.js";
import { PAGE_SIZE, Pages, retryAfter, windowOf } from "../runs/pages.js";
import { fillRow, fillTime, makeRow } from "../runs/rows.js";
import { Selection } from "../runs/selection.js";
import { Sparks } from "../runs/sparks.js";
import { toastError } from "../shell.js";

const NEWEST = "-created";
const SPARKS_EVERY_MS = 3000;
const COUNT_EVERY_MS = 1000;
const NARROW = matchMedia("(width <= 640px)");

const scroller = $("#runs-scroll");
const table = $("#runs");
const body = $("tbody.rows", table);
const [above, below] = $$("tbody.pad > tr", table);
const pages = new Pages();
const selection = new Selection();
const runs = new Map(); // id -> {run, seenAt}
let numFailures = 0; // of pages, one after the other
let numNew = 0; // runs that match and came since the list was read
let { filter, sort } = pageData();
let chosen = []; // columns, in the order that the person gave them
let keys = []; // the same, as this width shows them
let current = -1; // the row that the keyboard is at
let asking = 0;
let frame = null;

const find = (id) => runs.get(id)?.run;
const rowAt = (id) => $(`tr[data-key="${CSS.escape(id)}"]`, body);
const rowHeight = () => Number.parseFloat(getComputedStyle(table).getPropertyValue("--row")) * 16;
const isAtTop = () => scroller.scrollTop < rowHeight() / 2;

const list = {
  selection,
  find,
  reload: () => reload(),
  selectionChanged: () => {
    draw();
    showSelection();
  },
  get total() {
    return pages.total;
  },
  get filter() {
    return filter;
  },
};
const actions = new Actions($("#selection"), list);
const told = new Set(); // runs that the stream has told of
const sparks = new Sparks(find, (id) => {
  const row = rowAt(id);
  if (row) drawSpark(row, find(id));
});

// rows in view

function draw() {
  frame ??= requestAnimationFrame(() => {
    frame = null;
    drawNow();
  });
}

function inView() {
  const { scrollTop: top, clientHeight: height } = scroller;
  return windowOf({ top, height, rowHeight: rowHeight(), total: pages.total });
}

function drawNow() {
  const height = rowHeight();
  const { first, last } = inView();
  const places = [];
  for (let index = first; index <= last; index += 1) places.push({ index, id: pages.at(index) });
  keyed(body, places, { key: ({ index, id }) => id ?? `at ${index}`, make: () => makeRow(keys), fill });
  above.style.height = `${first * height}px`;
  below.style.height = `${Math.max(0, pages.total - 1 - last) * height}px`;
  if (pages.total) for (const wanted of pages.missing(first, last)) fetchPage(wanted);
  actions.show(); // what can be done to the chosen changes with them
}

function fill(row, { index, id }) {
  row.setAttribute("aria-rowindex", String(index + 2));
  row.toggleAttribute("data-current", index === current);
  row.toggleAttribute("data-waiting", !id);
  const known = id && runs.get(id);
  if (!known) return;
  const isSelected = selection.has(id);
  $("input", row).checked = isSelected;
  row.toggleAttribute("data-selected", isSelected);
  fillRow(row, known.run, keys, known.seenAt);
  drawSpark(row, known.run);
  if (keys.includes("curve")) sparks.want(id);
}

function drawSpark(row, run) {
  const cell = $('[data-column="curve"]', row);
  if (cell) sparks.draw(cell, run);
}

// pages

function take(run) {
  const known = runs.get(run.id)?.run;
  runs.set(run.id, { run: { ...run, values: run.values ?? known?.values }, seenAt: Date.now() });
}

const ask = (more) => api.get(`/runs${api.query({ filter, sort, columns: asked(keys), limit: PAGE_SIZE, ...more })}`);

async function fetchPage({ page, cursor, offset }) {
  const mine = asking;
  pages.asking(page);
  try {
    const answer = await ask({ ...(cursor ? { cursor } : { offset }), count: false });
    if (mine !== asking) return;
    numFailures = 0;
    accept(page, answer);
  } catch (error) {
    if (mine !== asking) return;
    setTimeout(() => mine === asking && askAgain(page), retryAfter(numFailures));
    if (error.status !== 0 && numFailures === 0) toastError(error);
    numFailures += 1;
  }
}

/** Rows that are still in view are asked for again; others when they come into view. */
function askAgain(page) {
  pages.failed(page);
  draw();
}

function accept(page, answer) {
  for (const run of answer.items) take(run);
  pages.put(page, answer);
  showState();
  draw();
}

/** Read the list again; what is in view stays where it is unless the filter or the order is another. */
async function reload({ isOther = false, isSettled = true } = {}) {
  asking += 1;
  const mine = asking;
  const [first, ...others] = isOther ? [0] : pagesInView();
  try {
    const [answer, ...more] = await Promise.all([
      ask({ offset: first * PAGE_SIZE }),
      ...others.map((page) => ask({ offset: page * PAGE_SIZE, count: false })),
    ]);
    if (mine !== asking) return;
    box.tell();
    numNew = numFailures = 0;
    const kept = held();
    pages.clear();
    if (isOther) {
      scroller.scrollTop = 0;
      current = -1;
      selection.clear();
      showSelection();
    }
    accept(first, answer);
    others.forEach((page, i) => accept(page, more[i]));
    if (!isOther) hold(kept);
  } catch (error) {
    if (mine === asking) refused(error, isSettled);
  }
}

/** The pages that the rows in view are on, those just beyond either edge included. */
function pagesInView() {
  const { first, last } = inView();
  const [from, to] = [first, Math.max(first, last)].map((index) => Math.floor(index / PAGE_SIZE));
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Where the rows in view are, and the keyboard, so that they can be there again when rows above them have come or gone. */
function held() {
  const { first, last } = inView();
  const places = pages.between(first, last).map((id) => ({ id, index: pages.indexOf(id) }));
  const focused = document.activeElement;
  return { places, id: pages.at(current), isFocused: body.contains(focused) && focused.matches("a.row-link") };
}

/** The row that the keyboard was at still is; where it has gone, the one that took its place. */
function hold({ places, id, isFocused }) {
  const index = id ? pages.indexOf(id) : -1;
  current = index >= 0 ? index : Math.min(current, pages.total - 1);
  drawNow();
  if (!isAtTop()) scrollByRows(shiftOf(places));
  showSelection();
  const row = rowAt(pages.at(current) ?? "");
  if (isFocused && row && !body.contains(document.activeElement)) $("a.row-link", row).focus({ preventScroll: true });
}

/** By how many rows most of them have moved. */
function shiftOf(places) {
  const shifts = places.map(({ id, index }) => [pages.indexOf(id), index]).filter(([now]) => now >= 0);
  const sorted = shifts.map(([now, before]) => now - before).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

function scrollByRows(numRows) {
  if (!numRows) return;
  scroller.scrollTop += numRows * rowHeight();
  drawNow();
}

/** A filter that cannot be read leaves the list as it is, and says why beside the field. */
function refused(error, isSettled) {
  if (error.status !== 422) {
    if (error.status !== 0) toastError(error);
    return;
  }
  const isOfFilter = error.errors[0]?.loc.includes("filter");
  if (isOfFilter || !isSettled) tellLater(error.message, isSettled);
  else if (sort !== NEWEST) setSort(NEWEST);
}

let telling = null;

function tellLater(message, isSettled) {
  clearTimeout(telling);
  telling = setTimeout(() => box.tell(message), isSettled ? 0 : 700); // not while a word is half typed
}

// filter, order, columns

const box = new FilterBox(
  { input: $("#filter"), list: $("#completions"), error: $("#filter-error") },
  (text, { isSettled }) => {
    clearTimeout(telling);
    if (text === filter && !isSettled) return;
    filter = text;
    remember();
    reload({ isOther: true, isSettled });
  },
);

function remember() {
  history.replaceState(null, "", `/runs${api.query({ filter, sort: sort === NEWEST ? "" : sort })}`);
}

function setSort(next) {
  sort = next;
  remember();
  showHead();
  reload({ isOther: true });
}

function showHead() {
  const sorted = (key) => (sort === key ? "ascending" : sort === `-${key}` ? "descending" : null);
  const titles = [{ key: "name", title: "Run", sort: "name" }, ...keys.map(column)];
  const heads = titles.map(({ title, sort: by, isRight, hint }) =>
    h(
      "th",
      { scope: "col", class: isRight ? "right" : null, title: hint, "aria-sort": by && sorted(by) },
      by ? h("button", { class: "sort", type: "button", data: { sort: by } }, title) : title,
    ),
  );
  replace($("#head"), $("#head").firstElementChild, heads);
  const widths = [...(NARROW.matches ? [2.5, 7.25] : [2.75, 14]), ...keys.map((key) => column(key).width)];
  replace($("colgroup", table), widths.map(() => h("col")));
  $$("col", table).forEach((col, i) => (col.style.width = i === 1 ? "auto" : `${widths[i]}rem`));
  table.style.minWidth = `${widths.reduce((sum, width) => sum + width, 0)}rem`;
}

function setColumns(next) {
  chosen = next;
  arrange();
  drawNow();
  reload();
}

function arrange() {
  keys = NARROW.matches ? onPhone(chosen) : chosen;
  body.replaceChildren();
  showHead();
}

// what stands around the list

function showState() {
  const { total } = pages;
  table.hidden = total === 0;
  table.setAttribute("aria-rowcount", String(total + 1));
  $("#no-match").hidden = total > 0 || !filter;
  $("#no-runs").hidden = total > 0 || Boolean(filter);
  const sortedBy = sort === NEWEST ? "newest first" : `by ${sort.replace(/^-/, "")}${sort[0] === "-" ? ", descending" : ""}`;
  setText($("#summary"), `${format.plural(total, "run")}${filter ? (total === 1 ? " matches" : " match") : ""} · ${sortedBy} · updated live`);
  const more = $("#show-news");
  more.hidden = numNew === 0;
  setText(more, `Show ${format.plural(numNew, "new run")}`);
}

function showSelection() {
  const some = selection.count(pages.total);
  const all = $("#select-all");
  all.checked = some > 0 && some >= pages.total;
  all.indeterminate = some > 0 && some < pages.total;
  actions.show();
}

// news: what is in view changes in its place; what is new waits unless one looks at the beginning

let counting = null;

/** How many match is for the server to say: what is new may not. */
function countNews() {
  counting ??= setTimeout(async () => {
    counting = null;
    try {
      const mine = asking;
      const { num_matching: total } = await ask({ limit: 1 });
      if (mine !== asking || total === pages.total) return;
      numNew = Math.max(0, total - pages.total);
      if (total < pages.total) return reload();
      if (isAtTop() && sort === NEWEST && selection.count(pages.total) === 0) reload();
      else showState();
    } catch {
      // counted again when something else comes
    }
  }, COUNT_EVERY_MS);
}

function update(items) {
  let isNews = false;
  for (const run of items) {
    const isKnown = runs.has(run.id);
    isNews ||= !isKnown && !told.has(run.id);
    told.add(run.id);
    if (isKnown) take(run);
  }
  draw();
  if (isNews) countNews();
}

// pointer and keys

function turnOver(index, { isRange = false } = {}) {
  const id = pages.at(index);
  if (!id) return;
  if (isRange) selection.extend(index, (a, b) => pages.between(a, b));
  else selection.toggle(index, id, pages.ids());
  list.selectionChanged();
}

const indexOfRow = (row) => Number(row.getAttribute("aria-rowindex")) - 2;

async function star(row) {
  const run = find(row.dataset.run);
  try {
    take(await api.patch(`/runs/${run.id}`, { is_favorite: !run.is_favorite }));
    draw();
  } catch (error) {
    toastError(error);
  }
}

body.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-run]");
  if (!row) return;
  if (event.target.closest("[data-star]")) star(row);
  else if (event.target.closest(".select-cell")) {
    if (!event.target.matches("input")) event.preventDefault();
    turnOver(indexOfRow(row), { isRange: event.shiftKey });
  } else if (!event.target.closest("a")) $("a.row-link", row).click();
});
$("#select-all").addEventListener("change", (event) => {
  if (event.target.checked) selection.all();
  else selection.clear();
  list.selectionChanged();
});
$("#head").addEventListener("click", (event) => {
  const by = event.target.closest("[data-sort]")?.dataset.sort;
  if (by) setSort(nextSort(sort, by));
});

function moveTo(index) {
  current = Math.max(0, Math.min(pages.total - 1, index));
  const height = rowHeight();
  const top = current * height;
  const seen = scroller.clientHeight - 2 * height;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (top > scroller.scrollTop + seen) scroller.scrollTop = top - seen;
  drawNow();
  const id = pages.at(current);
  if (id) $("a.row-link", rowAt(id)).focus({ preventScroll: true });
}

const KEYS = {
  j: () => moveTo(current + 1),
  k: () => moveTo(current - 1),
  x: () => current >= 0 && turnOver(current),
  X: () => current >= 0 && turnOver(current, { isRange: true }),
  Escape: () => {
    selection.clear();
    list.selectionChanged();
  },
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open]")) return;
  if (!KEYS[event.key] || !pages.total) return;
  event.preventDefault();
  KEYS[event.key]();
});
body.addEventListener("focusin", (event) => {
  const row = event.target.closest("tr[data-run]");
  if (row && event.target.matches("a")) current = indexOfRow(row);
});

scroller.addEventListener("scroll", draw, { passive: true });
addEventListener("resize", draw);
NARROW.addEventListener("change", () => {
  arrange();
  drawNow();
});
$("#show-news").addEventListener("click", () => {
  scroller.scrollTop = 0;
  if (sort !== NEWEST) setSort(NEWEST);
  else reload();
});
$("#choose-columns").addEventListener("click", () => chooseColumns(chosen, setColumns));
$("#project").addEventListener("change", (event) => {
  const rest = filter.replace(/\s*\bproject:("(?:[^"\\]|\\.)*"|\S+)/g, "").trim();
  const { value } = event.target;
  filter = [rest, value && `project:${JSON.stringify(value)}`].filter(Boolean).join(" ");
  $("#filter").value = filter;
  remember();
  reload({ isOther: true });
});

chosen = await keptColumns();
arrange();
await reload();
showSelection();
live.follow("runs", { onItems: update, onReset: () => reload() });
let wasOffline = false;
live.addEventListener("state", () => {
  if (live.state === "live" && wasOffline) reload();
  wasOffline = live.state === "offline";
});
setInterval(() => {
  for (const row of body.children) {
    const known = runs.get(row.dataset.run);
    const cell = known?.run.status === "running" && $('[data-column="duration"]', row);
    if (cell) fillTime(cell, known.run, known.seenAt);
  }
}, 1000);
setInterval(() => {
  for (const row of body.children) if (find(row.dataset.run)?.status === "running") sparks.want(row.dataset.run);
}, SPARKS_EVERY_MS);
