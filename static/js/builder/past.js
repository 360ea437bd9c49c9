// What was done, so that it can be undone. Changes to the same thing in a row are one. Pure.

const MOST = 500; // states
const MOST_CHARACTERS = 20_000_000; // of all of them

export class Past {
  /** `state` is anything that JSON holds. */
  constructor(state) {
    this.states = [JSON.stringify(state)];
    this.at = 0;
    this.key = null;
  }

  /** Something was done; `key` says to what, where more of the same is to join it. Whether anything changed. */
  record(state, key = null) {
    const text = JSON.stringify(state);
    if (text === this.states[this.at]) return false;
    const joins = key !== null && key === this.key && this.at === this.states.length - 1 && this.at > 0;
    if (!joins) this.at += 1;
    this.states.splice(this.at, Infinity, text);
    const most = Math.max(2, Math.min(MOST, Math.floor(MOST_CHARACTERS / text.length)));
    if (this.states.length > most) this.states.splice(0, this.states.length - most);
    this.at = this.states.length - 1;
    this.key = key;
    return true;
  }

  get canUndo() {
    return this.at > 0;
  }

  get canRedo() {
    return this.at < this.states.length - 1;
  }

  /** The state before, or null where there is none. */
  undo() {
    return this.canUndo ? this.#go(-1) : null;
  }

  redo() {
    return this.canRedo ? this.#go(1) : null;
  }

  #go(by) {
    this.at += by;
    this.key = null;
    return JSON.parse(this.states[this.at]);
  }
}
