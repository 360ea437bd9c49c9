// How a dataset is called, its version with it, and how a version came to be. Pure.

import * as format from "../format.js";

/** The name, with its version where there are several. */
export const titled = ({ name, version }) => (version > 1 ? `${name} v${version}` : name);

/** How a version was made of the one before, a sentence for each step. */
export function madeInWords(made) {
  if (!made) return [];
  const files = (made.added ?? []).map(({ filename, num_rows: num }) =>
    num === undefined ? `${filename} is added` : `${format.plural(num, "row")} added from ${filename}`,
  );
  const cells = (made.relabelled ?? []).map((one) => {
    const num = one.num_changed ?? one.num_cells;
    const what = num === undefined ? one.column : `${format.plural(num, "cell")} of ${one.column} changed`;
    return one.filter ? `${what}: ${shown(one.value)} where ${one.filter.join(" and ")}` : what;
  });
  return [...files, ...cells];
}

const shown = (value) => (value === null ? "missing" : String(value));

/** What deleting a version does to the disk. */
export function freedInWords({ own_bytes: own, size_bytes: size }) {
  const freed = own ? `This frees ${format.bytes(own)}.` : "This frees nothing.";
  const kept = Math.max(0, (size ?? 0) - own);
  return kept ? `${freed} ${format.bytes(kept)} stay, for other versions hold them too.` : freed;
}

/** What one can go on from, and how the next version is called: versions are the newest first. */
export function standing(versions, id) {
  const ready = versions.filter(({ status }) => status === "ready");
  const making = versions.find(({ status }) => status === "ingesting");
  const newest = ready[0] ?? null;
  const here = versions.find((one) => one.id === id);
  const blocked = making && newest && making.version > newest.version;
  return {
    newest,
    making: blocked ? making : null,
    isNewest: newest?.id === id,
    canGoOn: newest?.id === id && !blocked,
    next: Math.max(0, ...versions.map(({ version }) => version)) + 1,
    older: versions.filter(({ status, version }) => status === "ready" && version < (here?.version ?? 0)),
  };
}
