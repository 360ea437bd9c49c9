// Which runs are chosen, some by hand or all that match, and what can be done to them. Pure.

export class Selection {
  ids = new Set();
  isAll = false; // all that match, those included that were never fetched
  #anchor = null;

  has = (id) => this.isAll || this.ids.has(id);
  count = (total) => (this.isAll ? total : this.ids.size);

  clear() {
    this.ids.clear();
    this.isAll = false;
    this.#anchor = null;
  }

  all() {
    this.isAll = true;
  }

  /** Turn one over; `known` are those on hand, which stay chosen when one of all is turned off. */
  toggle(index, id, known = []) {
    if (this.isAll) {
      this.isAll = false;
      this.ids = new Set(known);
    }
    if (!this.ids.delete(id)) this.ids.add(id);
    this.#anchor = index;
  }

  /** Everything from the one last turned over to this: `between(a, b)` names them. */
  extend(index, between) {
    for (const id of between(this.#anchor ?? index, index)) this.ids.add(id);
    this.#anchor = index;
  }

  /** How a batch names them. */
  asked(filter) {
    return this.isAll ? { filter } : { ids: [...this.ids] };
  }
}

const isActive = ({ status }) => ["queued", "running", "paused"].includes(status);
const isOurs = ({ origin }) => origin === "worker";
const SENSIBLE = {
  pause: (run) => isOurs(run) && isActive(run) && run.status !== "paused",
  resume: (run) => isOurs(run) && ["paused", "failed", "cancelled"].includes(run.status),
  cancel: isActive,
  delete: (run) => !isActive(run),
  requeue: isOurs,
  archive: (run) => !run.archived_at,
  unarchive: (run) => run.archived_at,
  favorite: (run) => !run.is_favorite,
  unfavorite: (run) => run.is_favorite,
  tag: () => true,
  untag: (run) => run.tags.length > 0,
  project: () => true,
};

/** What can be done to at least one of the runs; where one is not on hand, undefined, it might be anything. */
export function sensibleActions(runs) {
  const isAnything = runs.some((run) => run === undefined);
  return new Set(Object.keys(SENSIBLE).filter((action) => isAnything || runs.some(SENSIBLE[action])));
}
