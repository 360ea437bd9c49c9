// What a merge patch would change of a run, in words. Pure.

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** ["optimizer lr 0.1 → 0.01", "layers 1 and 3: relu → leaky_relu"]; nothing of what stays as it is. */
export function changesOf(spec, patch) {
  return Object.entries(patch).flatMap(([name, value]) => inside(spec?.[name], value, []));
}

function inside(before, patch, path) {
  if (Array.isArray(patch) && Array.isArray(before)) return inLayers(before, patch, path);
  if (patch === null && isObject(before)) return [`without ${words(path)}`];
  if (!isObject(patch)) return same(before, patch) ? [] : [`${words(path)}${told(before)} → ${valueInWords(patch)}`];
  if (patch.type && before?.type !== patch.type) {
    const rest = Object.entries(patch).filter(([name, value]) => name === "lr" && value !== null);
    const more = rest.map(([name, value]) => `, ${name} ${value}`).join("");
    return [`${words(path)}${told(before)} → ${patch.type}${more}`];
  }
  if (!before) return [`${words(path)} ${valueInWords(patch)}`];
  return Object.entries(patch).flatMap(([name, value]) => inside(before[name], value, [...path, name]));
}

/** Of a list of layers, those that become something else, together where they become the same. */
function inLayers(before, after, path) {
  const groups = new Map();
  after.forEach((layer, i) => {
    const change = layerChange(before[i], layer);
    if (change) groups.set(change, [...(groups.get(change) ?? []), i]);
  });
  return [...groups].map(([change, places]) => `${places.length > 1 ? words(path) : "layer"} ${listed(places)}: ${change}`);
}

function layerChange(before, after) {
  if (before?.type !== after.type) return `${before?.type ?? "none"} → ${after.type}`;
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = fields.filter((name) => name in after && !same(before[name], after[name]));
  const dropped = fields.filter((name) => isChosen(before[name]) && !(name in after));
  return [
    ...changed.map((name) => `${words([name])}${told(before[name])} → ${valueInWords(after[name])}`),
    ...dropped.map((name) => `without ${words([name])}`),
  ].join(", ");
}

/** What a frozen specification spells out although nobody chose it is not dropped when a patch leaves it out. */
const isChosen = (value) => isObject(value);

const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
const words = (path) => path.join(" ").replaceAll("_", " ");
const told = (before) => (before === null || before === undefined ? "" : ` ${valueInWords(before)}`);

function valueInWords(value) {
  if (value === null || value === undefined) return "none";
  if (!isObject(value)) return String(value);
  if (value.type) return value.type;
  const entries = Object.entries(value).filter(([, one]) => !isObject(one));
  return entries.map(([name, one]) => `${words([name])} ${one}`).join(", ");
}

const listed = (places) =>
  places.length < 2 ? String(places[0]) : `${places.slice(0, -1).join(", ")} and ${places.at(-1)}`;
