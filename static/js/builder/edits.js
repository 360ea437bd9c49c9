// Changes to a model's layers that leave its wiring as it was meant. A layer without a name is called by its place, so
// whoever takes from it by that must follow when places change. Pure: each answers a new model and where to look then.

const NAME = /^[A-Za-z][A-Za-z0-9_]*$/; // of an input of a block

/** Where layers stand: null is the model itself, a name one of its blocks. */
export const layersIn = (model, scope) => (scope === null ? model.layers : (model.blocks?.[scope]?.layers ?? []));

/** What the layers of a place may take from beside one another. */
export const inputsOf = (model, scope) => (scope === null ? (model.inputs ?? ["input"]) : (model.blocks?.[scope]?.inputs ?? ["input"]));

export const callOf = (layers, i) => layers[i].name || String(i);

export function inserted(model, scope, at, layer) {
  return changed(model, scope, (places) => places.toSpliced(at, 0, { layer: structuredClone(layer), from: null }), at);
}

/** The same again below them, without their names: they take from one another as they did, else from the same. */
export function duplicated(model, scope, from, to = from) {
  const copyOf = ({ name, ...layer }, i) => ({ layer: structuredClone(layer), from: null, copied: i + from });
  const copies = layersIn(model, scope).slice(from, to + 1).map(copyOf);
  return changed(model, scope, (places) => places.toSpliced(to + 1, 0, ...copies), to + 1);
}

/** Some that follow one another stand elsewhere: `to` is where the first of them is then. */
export function moved(model, scope, from, to, num = 1) {
  return changed(model, scope, (places) => places.toSpliced(from, num).toSpliced(to, 0, ...places.slice(from, from + num)), to);
}

/** Without some that follow one another. */
export function removed(model, scope, from, to = from) {
  const without = withoutOne(model, scope, to);
  return to > from ? removed(without.model, scope, from, to - 1) : without;
}

/** Without one layer: whoever took from it takes from what it took from first, also who did so as the next one. */
function withoutOne(model, scope, at) {
  const layers = layersIn(model, scope);
  const [own] = layers[at].inputs ?? [];
  const follows = layers[at + 1];
  const before = at > 0 ? callOf(layers, at - 1) : inputsOf(model, scope)[0];
  const takeOut = (places) => {
    if (own === undefined || own === before || !follows || follows.inputs) return places.toSpliced(at, 1);
    return places.with(at + 1, { layer: { ...follows, inputs: [own] }, from: at + 1, isWired: true }).toSpliced(at, 1);
  };
  return changed(model, scope, takeOut, Math.min(at, layers.length - 2));
}

/** Called otherwise, by those too who take from it. An empty name is none. */
export function renamed(model, scope, at, name) {
  const rename = (places) => {
    const { name: _, ...rest } = places[at].layer;
    return places.with(at, { ...places[at], layer: name ? { ...rest, name } : rest });
  };
  return changed(model, scope, rename, at);
}

/**
 * A model with the layers of one place replaced by what `arrange` makes of them: {layer, from: where it was, or null,
 * copied: where that is which it is a copy of, isWired: whether it takes from others than it did there}.
 */
function changed(model, scope, arrange, at) {
  const before = layersIn(model, scope);
  const given = inputsOf(model, scope);
  const known = new Map(before.map((_, i) => [callOf(before, i), i]).reverse()); // of two that are called alike, the first
  const sourceOf = (call) => (given.includes(call) ? { call } : { place: known.get(call), call });
  const sources = before.map(({ inputs }) => inputs?.map(sourceOf));
  const places = arrange(before.map((layer, from) => ({ layer, from })));
  const now = new Map(places.map(({ from }, i) => [from, i]));
  const copies = new Map(places.flatMap(({ copied }, i) => (copied === undefined ? [] : [[copied, i]])));
  const layers = places.map(({ layer }) => ({ ...layer }));
  const callNow = ({ call, place }, seen = []) => {
    if (place === undefined) return call;
    if (now.has(place)) return callOf(layers, now.get(place));
    if (seen.includes(place)) return given[0]; // they took from one another
    // It is gone: what it took from stands for it, or the one before.
    const [own] = sources[place] ?? [];
    if (own) return callNow(own, [...seen, place]);
    return place > 0 ? callNow({ place: place - 1 }, [...seen, place]) : given[0];
  };
  places.forEach(({ layer, from, copied, isWired }, i) => {
    const meant = from === null || isWired ? layer.inputs?.map(sourceOf) : sources[from];
    const isCopied = ({ place }) => copied !== undefined && copies.has(place);
    if (meant) layers[i].inputs = meant.map((one) => (isCopied(one) ? callOf(layers, copies.get(one.place)) : callNow(one)));
  });
  return { model: withLayers(model, scope, layers), at };
}

function withLayers(model, scope, layers) {
  if (scope === null) return { ...model, layers };
  return { ...model, blocks: { ...model.blocks, [scope]: { ...model.blocks[scope], layers } } };
}

/** A name that no block has yet: "block", "block2" … */
export function freeName(taken, word) {
  if (!taken.includes(word)) return word;
  let number = 2;
  while (taken.includes(`${word}${number}`)) number += 1;
  return `${word}${number}`;
}

/**
 * A block of some layers that follow one another, used in their place: what they take from elsewhere are its inputs.
 * Null where others take from within, or the model ends there.
 */
export function gathered(model, scope, from, to) {
  const layers = layersIn(model, scope);
  const inner = layers.slice(from, to + 1);
  const calls = inner.map((_, i) => callOf(layers, from + i));
  const within = new Set(calls);
  const isTakenFrom = layers.some(
    ({ inputs }, i) => (i < from || i > to) && inputs?.some((call) => within.has(call) && call !== calls.at(-1)),
  );
  const isEnd = scope === null && model.outputs?.some((call) => within.has(call));
  if (isTakenFrom || isEnd) return null;
  const before = from > 0 ? callOf(layers, from - 1) : inputsOf(model, scope)[0];
  const outside = inner.flatMap(({ inputs }, i) => inputs ?? (i === 0 ? [before] : [])).filter((call) => !within.has(call));
  const taken = [...new Set(outside)]; // in the order of use: the first layer takes the first
  const inputs = taken.map((call, i) => (taken.length === 1 ? "input" : NAME.test(call) ? call : `input${i + 1}`));
  const own = (call) => (within.has(call) ? callOf(inner, calls.indexOf(call)) : inputs[taken.indexOf(call)]);
  const isFirstAlone = taken.length === 1 && !inner[0].inputs;
  const body = inner.map((layer) => (layer.inputs ? { ...layer, inputs: layer.inputs.map(own) } : layer));
  const name = freeName(Object.keys(model.blocks ?? {}), "block");
  const said = argumentsIn(inner); // of the block that they stand in
  const use = { type: "block", block: name };
  if (!isFirstAlone) use.inputs = taken;
  if (said.length) use.arguments = Object.fromEntries(said.map((one) => [one, `$${one}`]));
  const block = { layers: structuredClone(body) };
  if (taken.length > 1) block.inputs = inputs;
  if (said.length) block.arguments = Object.fromEntries(said.map((one) => [one, null]));
  const blocks = { ...model.blocks, [name]: block };
  const put = (places) => places.toSpliced(from, to - from + 1, { layer: use, from: to, isWired: true });
  return { ...changed({ ...model, blocks }, scope, put, from), name };
}

/** A block under another name, in all its uses. */
export function renamedBlock(model, old, name) {
  const use = (layer) => (layer.type === "block" && layer.block === old ? { ...layer, block: name } : layer);
  const blocks = Object.entries(model.blocks).map(([one, block]) => [
    one === old ? name : one,
    { ...block, layers: block.layers.map(use) },
  ]);
  return { ...model, layers: model.layers.map(use), blocks: Object.fromEntries(blocks) };
}

/** The arguments that settings name, as "$width". */
function argumentsIn(value) {
  if (typeof value === "string") return value.startsWith("$") ? [value.slice(1)] : [];
  if (value === null || typeof value !== "object") return [];
  return [...new Set(Object.values(value).flatMap(argumentsIn))];
}

/** A model without a block that no layer uses any more. */
export function withoutBlock(model, name) {
  const { [name]: _, ...blocks } = model.blocks;
  const { blocks: __, ...rest } = model;
  return Object.keys(blocks).length ? { ...rest, blocks } : rest;
}

/** Whether any layer, of the model or of a block, stands for that block. */
export function isUsed(model, name) {
  const places = [model.layers, ...Object.values(model.blocks ?? {}).map(({ layers }) => layers)];
  return places.flat().some((layer) => layer.type === "block" && layer.block === name);
}

/** "width, stride = 2" -> { width: null, stride: 2 }: what each use of a block may say, and what holds where it does not. */
export function readArguments(text) {
  const parts = text.split(/,(?![^[]*\])/).map((part) => part.trim());
  const pairs = parts.filter(Boolean).map((part) => {
    const [name, ...value] = part.split("=");
    return [name.trim(), value.length ? readValue(value.join("=").trim()) : null];
  });
  return Object.fromEntries(pairs);
}

export const writeArguments = (given) =>
  Object.entries(given ?? {})
    .map(([name, value]) => (value === null ? name : `${name} = ${JSON.stringify(value)}`))
    .join(", ");

/** JSON where it is such, else the words as they stand. */
function readValue(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
