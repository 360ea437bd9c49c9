// What a person arranges, kept by the server for whoever is signed in. The last word wins, whatever the order of answers,
// and a page that goes at once loses none: a word that is not confirmed yet waits in the tab's own storage.

import * as api from "./api.js";

const MAX_KEEPALIVE = 16_000; // characters: what a browser sends on from a page that is gone is limited to 64 KiB

export class Kept {
  #waiting = null; // a newer word than the one under way
  #isSending = false;

  /** `tell(error)` is called with a word that could not be kept. */
  constructor(key, tell, { put = api.put, get = api.get, storage = sessionStorage } = {}) {
    Object.assign(this, { path: `/views/${key}`, place: `traindeck-view-${key}`, put, get, storage, tell });
  }

  /** What was kept last; null if nothing was. Raises ApiError. */
  async read() {
    const unsaid = this.storage.getItem(this.place);
    if (unsaid === null) return (await this.get(this.path)).body;
    const body = JSON.parse(unsaid);
    this.#send(body);
    return body;
  }

  keep(body) {
    this.storage.setItem(this.place, JSON.stringify(body));
    this.#send(body);
  }

  async #send(body) {
    this.#waiting = body;
    if (this.#isSending) return;
    this.#isSending = true;
    let isUnsaid = false;
    while (this.#waiting) {
      const next = this.#waiting;
      this.#waiting = null;
      try {
        await this.put(this.path, { body: next }, { keepalive: JSON.stringify(next).length < MAX_KEEPALIVE });
        isUnsaid = false;
      } catch (error) {
        isUnsaid = !(error.status >= 400); // what was refused would be again
        this.tell(error);
      }
    }
    this.#isSending = false;
    if (!isUnsaid) this.storage.removeItem(this.place);
  }
}
