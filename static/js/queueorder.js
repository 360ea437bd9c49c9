// The order of what waits, as a page changes it before the server has answered. Pure.

/** The ids with one of them put before or after another; the same list when nothing moves. */
export function placed(ids, id, { before = null, after = null, to = null }) {
  const others = ids.filter((other) => other !== id);
  if (others.length === ids.length) return ids;
  const beside = before ?? after;
  let at = to === "first" ? 0 : others.length;
  if (beside !== null) {
    at = others.indexOf(beside);
    if (at < 0) return ids;
    if (after !== null) at += 1;
  }
  others.splice(at, 0, id);
  return others;
}

/** Where a job has to be put to move by a number of places, up or down; null when it stands at that end already. */
export function step(ids, id, by) {
  const at = ids.indexOf(id);
  const beside = ids[at + by];
  if (at < 0 || beside === undefined) return null;
  return by < 0 ? { before: beside } : { after: beside };
}
