// The lines of a log that a page holds: those that the stream has told, and before them what was asked of the server. Pure.

export class LogLines {
  constructor(wanted = "") {
    this.wanted = wanted.trim();
    this.lines = []; // those that contain what is wanted, oldest first
    this.first = null; // everything from this event on is in them
    this.last = 0;
    this.hasEarlier = true; // as far as anyone knows
  }

  /** Take what the stream has told; gives the new lines, or null where it does not go on from those here: begin again. */
  follow(told) {
    if (!told.length) return [];
    if (this.last && (told[0].seq > this.last || told.at(-1).seq < this.last)) return null;
    const fresh = told.slice(told.findLastIndex(({ seq }) => seq <= this.last) + 1);
    this.first ??= told[0].seq;
    this.last = told.at(-1).seq;
    const wanted = this.wanted.toLowerCase();
    const shown = fresh.filter(({ text }) => text.toLowerCase().includes(wanted));
    this.lines.push(...shown);
    return shown;
  }

  /** Take what stands before, as the server answered: {lines, has_earlier}; gives the lines that are new. */
  prepend({ lines, has_earlier: hasEarlier }) {
    const earlier = this.first === null ? lines : lines.filter(({ seq }) => seq < this.first);
    this.lines.unshift(...earlier);
    this.first = earlier[0]?.seq ?? this.first;
    this.last = Math.max(this.last, earlier.at(-1)?.seq ?? 0);
    this.hasEarlier = hasEarlier;
    return earlier;
  }

  /** Let go of the oldest; gives their number. */
  trim(most) {
    const count = Math.max(0, this.lines.length - most);
    if (!count) return 0;
    this.lines.splice(0, count);
    this.first = this.lines[0].seq;
    this.hasEarlier = true;
    return count;
  }
}
