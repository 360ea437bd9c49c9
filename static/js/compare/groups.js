// Which runs stand together, and how each is drawn. Pure.

export const NUM_COLORS = 8; // --run-1 … in tokens.css
export const DASHES = [[], [7, 3], [2, 2], [9, 3, 2, 3]];

/** How the nth curve looks: eight colours, then the same eight in another dash. */
export function styleOf(index) {
  return {
    color: `--run-${(index % NUM_COLORS) + 1}`,
    dash: DASHES[Math.floor(index / NUM_COLORS) % DASHES.length],
  };
}

/**
 * Runs that agree in one thing: [{key, label, runs, index}], in the order of the values, each with its place among the
 * colours. `valueOf(run)` gives the value; with `by` empty every run is a group of its own.
 */
export function groupRuns(runs, by, valueOf) {
  if (!by) return runs.map((run, index) => ({ key: run.id, label: run.name, runs: [run], index }));
  const found = new Map();
  for (const run of runs) {
    const value = valueOf(run) ?? null;
    const key = JSON.stringify(value);
    if (!found.has(key)) found.set(key, { key, value, label: labelOf(by, value), runs: [] });
    found.get(key).runs.push(run);
  }
  return [...found.values()].sort((a, b) => order(a.value, b.value)).map((group, index) => ({ ...group, index }));
}

/** The value that a run is grouped by: its project, its tags, the group that it is one of, or a setting's (from `rowOf(key)`, by run). */
export function groupValue(run, by, rowOf) {
  if (by === "project") return run.project || null;
  if (by === "group") return run.group ? [run.group.name, run.group.id] : null;
  if (by === "tag") return run.tags.length ? [...run.tags].sort().join(", ") : null;
  return rowOf(by)?.get(run.id) ?? null;
}

const NAMES = { tag: "no tag", project: "no project", group: "of no group" };

function labelOf(by, value) {
  if (value === null) return NAMES[by] ?? `${shortKey(by)}: none`;
  if (by === "group") return value[0];
  return by === "tag" || by === "project" ? String(value) : `${shortKey(by)} = ${value}`;
}

/** "training.optimizer.lr" -> "optimizer.lr" */
export const shortKey = (key) => key.split(".").slice(-2).join(".");

/** Numbers by size, words by the alphabet, nothing last. */
export function order(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}
