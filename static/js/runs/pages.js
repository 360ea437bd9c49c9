// A list that is far longer than what is seen of it: pages come as they are scrolled to. Pure.

export const PAGE_SIZE = 100;

export class Pages {
  #ids = []; // with holes where nothing has been fetched
  #cursors = new Map(); // page -> how it is reached from the page before
  #asked = new Set();
  total = 0;

  /** Forget everything: another filter, another order. */
  clear() {
    this.#ids = [];
    this.#cursors.clear();
    this.#asked.clear();
    this.total = 0;
  }

  at = (index) => this.#ids[index];
  indexOf = (id) => this.#ids.indexOf(id);
  ids = () => this.#ids.filter(Boolean);

  /** The ids from one place to another, both included, of those that have been fetched. */
  between(a, b) {
    return this.#ids.slice(Math.min(a, b), Math.max(a, b) + 1).filter(Boolean);
  }

  /** What to ask the server for so that rows `first` to `last` can be shown: [{page, cursor} | {page, offset}]. */
  missing(first, last) {
    const found = [];
    const end = Math.min(last, this.total - 1);
    for (let page = Math.floor(Math.max(0, first) / PAGE_SIZE); page * PAGE_SIZE <= end; page += 1) {
      if (this.#asked.has(page)) continue;
      const cursor = this.#cursors.get(page);
      found.push(cursor ? { page, cursor } : { page, offset: page * PAGE_SIZE });
    }
    return found;
  }

  asking = (page) => this.#asked.add(page);
  failed = (page) => this.#asked.delete(page);

  /** Take in what the server answered for a page. */
  put(page, { items, next_cursor: next, num_matching: total }) {
    this.#asked.add(page);
    items.forEach(({ id }, i) => (this.#ids[page * PAGE_SIZE + i] = id));
    if (next && items.length === PAGE_SIZE) this.#cursors.set(page + 1, next);
    this.total = total ?? this.total; // not counted again for every page
    this.#ids.length = Math.min(this.#ids.length, this.total);
  }
}

const RETRY_MS = 2000;
const LONGEST_RETRY_MS = 30_000;

/** How long to wait with a page that could not be had, after so many others that could not. */
export function retryAfter(numFailures) {
  return Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** numFailures);
}

/** Which rows of fixed height a view shows, with some beyond either edge. */
export function windowOf({ top, height, rowHeight, total, beyond = 12 }) {
  const first = Math.max(0, Math.floor(top / rowHeight) - beyond);
  const last = Math.min(total - 1, Math.ceil((top + height) / rowHeight) + beyond);
  return { first: Math.min(first, Math.max(0, total - 1)), last };
}
