// A pad to draw a picture on, as small as the model takes it.

import { h } from "../dom.js";

const BRUSH = 0.75; // in pixels of the small picture, for one of 8; grows with the picture

export class Pad {
  /** `highest` is the value of a full stroke; `onChange` is called when the picture changed. */
  constructor({ channels, height, width }, highest, onChange) {
    Object.assign(this, { channels, height, width, highest, onChange, values: new Float32Array(height * width) });
    this.canvas = h("canvas", {
      class: "pad",
      width,
      height,
      role: "img",
      aria: { label: `Drawing pad, ${width} by ${height} pixels` },
    });
    this.canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.#move(event));
    this.canvas.addEventListener("pointerup", () => (this.last = null));
    this.canvas.addEventListener("pointercancel", () => (this.last = null));
    this.paint();
  }

  get isEmpty() {
    return this.values.every((value) => value === 0);
  }

  clear() {
    this.values.fill(0);
    this.paint();
    this.onChange();
  }

  /** Show a picture that is there: values in reading order, one channel after the other; several are shown as their mean. */
  show(values) {
    const size = this.height * this.width;
    for (let i = 0; i < size; i += 1) {
      let sum = 0;
      for (let c = 0; c < this.channels; c += 1) sum += Number(values[c * size + i]) || 0;
      this.values[i] = sum / this.channels / this.highest;
    }
    this.paint();
  }

  /** The picture as a row of features. */
  row() {
    const one = Array.from(this.values, (value) => Math.round(value * this.highest * 1000) / 1000);
    return Array.from({ length: this.channels }, () => one).flat();
  }

  paint() {
    const ctx = this.canvas.getContext("2d");
    const image = ctx.createImageData(this.width, this.height);
    this.values.forEach((value, i) => image.data.set([value * 255, value * 255, value * 255, 255], i * 4));
    ctx.putImageData(image, 0, 0);
  }

  #begin(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this.#at(event);
    this.#stroke(this.last, this.last);
  }

  #move(event) {
    if (!this.last) return;
    const point = this.#at(event);
    this.#stroke(this.last, point);
    this.last = point;
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * this.width - 0.5,
      ((event.clientY - box.top) / box.height) * this.height - 0.5,
    ];
  }

  #stroke([x0, y0], [x1, y1]) {
    const steps = Math.max(1, Math.ceil(Math.hypot(x1 - x0, y1 - y0) * 4));
    for (let i = 0; i <= steps; i += 1) this.#dab(x0 + ((x1 - x0) * i) / steps, y0 + ((y1 - y0) * i) / steps);
    this.paint();
    this.onChange();
  }

  #dab(x, y) {
    const radius = BRUSH * Math.max(1, this.width / 16) + 0.35;
    const reach = Math.ceil(radius + 1);
    for (
      let row = Math.max(0, Math.floor(y - reach));
      row <= Math.min(this.height - 1, Math.ceil(y + reach));
      row += 1
    ) {
      for (
        let column = Math.max(0, Math.floor(x - reach));
        column <= Math.min(this.width - 1, Math.ceil(x + reach));
        column += 1
      ) {
        const ink = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(column - x, row - y)));
        const i = row * this.width + column;
        this.values[i] = Math.max(this.values[i], ink);
      }
    }
  }
}
