// What may be believed of a worker and of what waits, in words. Pure.

import * as format from "./format.js";

/** The database's clock as this page knows it: what was told a while ago is not taken for news. */
export class Clock {
  #ahead = null; // of this page's clock, in ms

  /** At this moment it is so late there. */
  sync(time) {
    this.#ahead = Date.parse(time) - Date.now();
  }

  get isKnown() {
    return this.#ahead !== null;
  }

  /** A time there, on this page's clock, in ms; now, while that is not known. */
  local(time) {
    const at = typeof time === "number" ? time * 1000 : Date.parse(time);
    return this.isKnown ? Math.min(Date.now(), at - this.#ahead) : Date.now();
  }

  /** How many seconds ago that was. */
  age(time) {
    return (Date.now() - this.local(time)) / 1000;
  }
}

/** A time and the seconds since. */
export const plus = (time, seconds) => new Date(Date.parse(time) + seconds * 1000).toISOString();

/** What a silence of `age` seconds says: null while it is no longer than it may be. */
export function silence(age, { silentAfter, lostAfter }) {
  if (age === null || age === undefined || age < silentAfter) return null;
  const since = `no sign of life for ${whole(Math.floor(age))}`;
  return age < lostAfter
    ? `${since}; it is taken over after ${whole(lostAfter)}`
    : `${since}; another worker takes it over`;
}

const whole = (seconds) => (seconds < 60 ? `${Math.round(seconds)} s` : format.duration(seconds));

/** How a worker stands, `age` seconds after it was last heard of: the server's word, and what has passed since. */
export function workerState(worker, age) {
  if (worker.state === "stopped") return "stopped";
  if (age < worker.silent_after_s) return "alive";
  return age < worker.lost_after_s ? "silent" : "lost";
}

/** When something likely starts, that was `seconds` away `passed` seconds ago. */
export function likelyStart(seconds, passed = 0) {
  if (seconds === null || seconds === undefined) return "start unknown";
  const left = seconds - passed;
  return left < 1 ? "starts any moment" : `starts in about ${whole(rounded(left))}`;
}

/** A guess has no more digits than it is good for. */
function rounded(seconds) {
  const unit = seconds < 20 ? 1 : seconds < 120 ? 5 : seconds < 3600 ? 60 : 900;
  return Math.max(unit, Math.round(seconds / unit) * unit);
}

/** How an attempt ended, from its number and its cause. */
export function ending(attempt, cause) {
  return cause ? [`Attempt ${format.count(attempt)} ended. ${cause.message}`, cause.hint ?? ""] : null;
}

/** What a job is, in a word or two. */
export function kindWords(kind) {
  return { train: "training", ingest: "reading a dataset", export: "export", report: "reported by a script" }[kind] ?? kind;
}
