// The few calls of a canvas that the strokes of `paint.js` make, as an SVG document. Pure.

const round = (value) => Math.round(value * 100) / 100;
const escaped = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const ANCHORS = { left: "start", start: "start", center: "middle", right: "end", end: "end" };
const BASELINES = { top: "hanging", middle: "central", alphabetic: "alphabetic", bottom: "text-after-edge" };
const STATE = {
  strokeStyle: "#000",
  fillStyle: "#000",
  lineWidth: 1,
  globalAlpha: 1,
  lineJoin: "miter",
  font: "10px sans-serif",
  textAlign: "left",
  textBaseline: "alphabetic",
};

export class SvgContext {
  #parts = [];
  #path = [];
  #stack = [];
  #dash = [];
  #numClips = 0;
  #numOpen = 0;

  constructor(width, height) {
    Object.assign(this, { width, height }, STATE);
  }

  save() {
    const state = Object.fromEntries(Object.keys(STATE).map((name) => [name, this[name]]));
    this.#stack.push({ state, dash: this.#dash, numOpen: this.#numOpen });
  }

  restore() {
    const { state, dash, numOpen } = this.#stack.pop();
    for (; this.#numOpen > numOpen; this.#numOpen -= 1) this.#parts.push("</g>");
    Object.assign(this, state);
    this.#dash = dash;
  }

  beginPath() {
    this.#path = [];
  }

  moveTo(x, y) {
    this.#path.push(`M${round(x)} ${round(y)}`);
  }

  lineTo(x, y) {
    this.#path.push(`${this.#path.length ? "L" : "M"}${round(x)} ${round(y)}`);
  }

  rect(x, y, width, height) {
    this.#path.push(`M${round(x)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}Z`);
  }

  /** Whole circles only. */
  arc(x, y, radius) {
    const [r, width] = [round(radius), round(2 * radius)];
    this.#path.push(`M${round(x - radius)} ${round(y)}a${r} ${r} 0 1 0 ${width} 0a${r} ${r} 0 1 0 ${-width} 0Z`);
  }

  clip() {
    this.#numClips += 1;
    this.#parts.push(`<clipPath id="clip${this.#numClips}"><path d="${this.#path.join("")}"/></clipPath>`);
    this.#parts.push(`<g clip-path="url(#clip${this.#numClips})">`);
    this.#numOpen += 1;
  }

  setLineDash(dash) {
    this.#dash = dash;
  }

  stroke() {
    if (!this.#path.length) return;
    const dash = this.#dash.length ? ` stroke-dasharray="${this.#dash.map(round).join(" ")}"` : "";
    const look = `stroke="${escaped(this.strokeStyle)}" stroke-width="${round(this.lineWidth)}" stroke-linejoin="${this.lineJoin}"`;
    this.#parts.push(`<path d="${this.#path.join("")}" fill="none" ${look}${dash}${this.#alpha}/>`);
  }

  fill() {
    if (!this.#path.length) return;
    this.#parts.push(`<path d="${this.#path.join("")}" fill="${escaped(this.fillStyle)}"${this.#alpha}/>`);
  }

  fillRect(x, y, width, height) {
    const place = `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"`;
    this.#parts.push(`<rect ${place} fill="${escaped(this.fillStyle)}"${this.#alpha}/>`);
  }

  fillText(text, x, y) {
    const [, weight = "400", size, family] = /^(?:(\d+) )?([\d.]+)px (.*)$/.exec(this.font) ?? [];
    const look = `font-family="${escaped(family ?? "sans-serif")}" font-size="${size ?? 10}" font-weight="${weight}"`;
    const place = `x="${round(x)}" y="${round(y)}" text-anchor="${ANCHORS[this.textAlign]}" dominant-baseline="${BASELINES[this.textBaseline]}"`;
    this.#parts.push(`<text ${place} ${look} fill="${escaped(this.fillStyle)}"${this.#alpha}>${escaped(text)}</text>`);
  }

  /** About as wide as the text will be: enough to choose the side it stands on. */
  measureText(text) {
    const size = Number(/([\d.]+)px/.exec(this.font)?.[1] ?? 10);
    return { width: String(text).length * size * 0.58 };
  }

  get #alpha() {
    return this.globalAlpha < 1 ? ` opacity="${round(this.globalAlpha)}"` : "";
  }

  toString() {
    const size = `width="${this.width}" height="${this.height}" viewBox="0 0 ${this.width} ${this.height}"`;
    return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${this.#parts.join("")}${"</g>".repeat(this.#numOpen)}</svg>`;
  }
}
