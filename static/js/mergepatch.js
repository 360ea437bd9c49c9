// JSON merge patch, as RFC 7396 has it. Pure.

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** A document with a patch merged into it, as a new one: null removes, objects merge, all else takes the place. */
export function mergePatch(target, patch) {
  if (!isObject(patch)) return structuredClone(patch);
  const merged = isObject(target) ? structuredClone(target) : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}
