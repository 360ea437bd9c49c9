// How far the page has read each stream. Pure. The server promises neither gap nor duplicate; a cursor makes it so
// whatever happens on the way: it passes every event on once, in order, and says when it must ask again.

export class StreamCursor {
  constructor(after = 0) {
    this.seq = after;
  }

  /** Events that are new, and whether some are missing before them (then none is passed on: ask again). */
  accept(events) {
    const fresh = [];
    for (const event of events) {
      if (event.seq <= this.seq) continue;
      if (event.seq !== this.seq + 1) return { events: fresh, hasGap: true };
      fresh.push(event);
      this.seq = event.seq;
    }
    return { events: fresh, hasGap: false };
  }

  /** A snapshot stands in for everything up to `lastSeq`. */
  reset(lastSeq) {
    this.seq = lastSeq;
  }
}

const FIRST_DELAY_S = 0.5;
const LONGEST_DELAY_S = 15;

/** How long to wait before the nth attempt to reconnect; `chance` in [0, 1) keeps a thousand pages apart. */
export function reconnectDelay(attempt, chance) {
  const delay = Math.min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** attempt);
  return delay * (0.5 + chance / 2);
}
