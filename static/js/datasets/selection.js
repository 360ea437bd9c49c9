// Which of several things in a grid are chosen, by the mouse or by keys. Pure.

const STEPS = {
  ArrowLeft: () => -1,
  ArrowRight: () => 1,
  ArrowUp: (width) => -width,
  ArrowDown: (width) => width,
  Home: () => -Infinity,
  End: () => Infinity,
};

export class Selection {
  focus = 0; // where the keys are
  #anchor = 0; // where a range begins
  #chosen = new Set();

  constructor(count) {
    this.count = count;
  }

  get size() {
    return this.#chosen.size;
  }

  has(i) {
    return this.#chosen.has(i);
  }

  /** The chosen ones, ascending. */
  all() {
    return [...this.#chosen].sort((a, b) => a - b);
  }

  clear() {
    this.#chosen.clear();
  }

  /** A click: turns one over; with shift, chooses all from the one before to this. */
  click(i, { shift = false } = {}) {
    this.focus = i;
    if (shift) return this.#range(i);
    this.#anchor = i;
    this.#turn(i);
  }

  /** A key in a grid that is `width` wide. Returns whether it meant anything. */
  key(name, { shift = false, control = false } = {}, width = 1) {
    if (control && name.toLowerCase() === "a") {
      for (let i = 0; i < this.count; i++) this.#chosen.add(i);
      return true;
    }
    if (control) return false;
    if (name === " ") {
      this.click(this.focus, { shift });
      return true;
    }
    if (name === "Escape" && this.size) {
      this.clear();
      return true;
    }
    if (!(name in STEPS)) return false;
    this.#move(STEPS[name](width), shift);
    return true;
  }

  #move(step, extends_) {
    const to = Math.min(this.count - 1, Math.max(0, this.focus + step));
    const isRow = Math.abs(step) > 1 && Number.isFinite(step);
    if (isRow && (this.focus + step < 0 || this.focus + step >= this.count)) return; // there is no row there
    if (extends_) this.#range(to);
    else this.#anchor = to;
    this.focus = to;
  }

  #range(to) {
    for (let i = Math.min(this.#anchor, to); i <= Math.max(this.#anchor, to); i++) this.#chosen.add(i);
  }

  #turn(i) {
    if (!this.#chosen.delete(i)) this.#chosen.add(i);
  }
}
