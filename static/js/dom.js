// Elements in one call. Text is always text: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/** h("button", { class: "button", onclick: f, data: { step: 3 }, aria: { label: "x" } }, "text", child, …) */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) setProperty(element, name, value);
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

function setProperty(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "data") Object.assign(element.dataset, value);
  else if (name === "aria") for (const [key, text] of Object.entries(value)) element.setAttribute(`aria-${key}`, text);
  else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "value" || name === "checked" || name === "disabled" || name === "selected") element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** What stands where there is nothing to show: what is lacking, and what to do. */
export const emptyCard = (title, text) => h("section", { class: "card empty" }, h("h2", {}, title), h("p", {}, text));

/** Set text only when it differs: no needless layout, and no screen reader told twice. */
export function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

export function replace(element, ...children) {
  element.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
}

const FOCUSABLE = "input, select, textarea, button, summary, a[href]";

/** Draw what is in `container` anew, and leave the focus where it was: at what stands in the same place then. */
export function redrawn(container, draw) {
  const at = $$(FOCUSABLE, container).indexOf(document.activeElement);
  draw();
  if (at < 0) return;
  const now = $$(FOCUSABLE, container);
  now[Math.min(at, now.length - 1)]?.focus({ preventScroll: true });
}

/** What the server put into the page for its script. */
export function pageData() {
  const script = document.getElementById("page-data");
  return script ? JSON.parse(script.textContent) : {};
}

export function debounce(wait, action) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...args), wait);
  };
}

let nextId = 0;

/** An id for a label to point at. */
export function uniqueId(prefix = "f") {
  nextId += 1;
  return `${prefix}-${nextId}`;
}
