// Two specifications held against each other. Pure.

/** Every leaf of a specification by its place: "model.layers.0.type" -> "conv2d". Lists of plain values are one leaf. */
export function leavesOf(spec, place = "", found = new Map()) {
  if (isPlain(spec)) {
    if (place) found.set(place, spec);
    return found;
  }
  for (const [key, value] of Object.entries(spec)) leavesOf(value, place ? `${place}.${key}` : key, found);
  return found;
}

const isLeaf = (value) => value === null || typeof value !== "object";
const isPlain = (value) =>
  isLeaf(value) || (Array.isArray(value) && value.every(isLeaf)) || Object.keys(value).length === 0;

/** [{place, a, b, kind: "same" | "changed" | "left" | "right"}] in the order of the places; undefined is not there. */
export function difference(a, b) {
  const [left, right] = [leavesOf(a), leavesOf(b)];
  const places = [...new Set([...left.keys(), ...right.keys()])];
  places.sort((one, two) => one.localeCompare(two, "en", { numeric: true }));
  return places.map((place) => {
    const [x, y] = [left.get(place), right.get(place)];
    return { place, a: x, b: y, kind: kindOf(left.has(place), right.has(place), x, y) };
  });
}

function kindOf(isLeft, isRight, x, y) {
  if (!isRight) return "left";
  if (!isLeft) return "right";
  return JSON.stringify(x) === JSON.stringify(y) ? "same" : "changed";
}

/** A leaf as a person reads it. */
export function leafInWords(value) {
  if (value === undefined) return "";
  if (value === null) return "none";
  return Array.isArray(value)
    ? value.map(leafInWords).join(", ") || "none"
    : typeof value === "object"
      ? "{}"
      : String(value);
}
