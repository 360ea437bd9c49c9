// Changes to a model's layers that leave its wiring as it was meant. A layer without a name is called by its place, so
// whoever takes from it by that must follow when places change. Pure: each answers a new model and where to look then.

/** Where layers stand: null is the model itself, a name one of its blocks. */
export const layersIn = (model, scope) => (scope === null ? model.layers : (model.blocks?.[scope]?.layers ?? []));

/** What the layers of a place may take from beside one another. */
export const inputsOf = (model, scope) => (scope === null ? (model.inputs ?? ["input"]) : (model.blocks?.[scope]?.inputs ?? ["input"]));

export const callOf = (layers, i) => layers[i].name || String(i);

export function inserted(model, scope, at, layer) {
  return changed(model, scope, (places) => places.toSpliced(at, 0, { layer: structuredClone(layer), from: null }), at);
}

/** The same again below it, without its name; what it takes from is the same. */
export function duplicated(model, scope, at) {
  const { name, ...copy } = layersIn(model, scope)[at];
  return inserted(model, scope, at + 1, copy);
}

export function moved(model, scope, from, to) {
  return changed(model, scope, (places) => places.toSpliced(from, 1).toSpliced(to, 0, places[from]), to);
}

/** Without one layer: whoever took from it takes from what it took from first. */
export function removed(model, scope, at) {
  return changed(model, scope, (places) => places.toSpliced(at, 1), Math.min(at, layersIn(model, scope).length - 2));
}

/** Called otherwise, by those too who take from it. An empty name is none. */
export function renamed(model, scope, at, name) {
  const rename = (places) => {
    const { name: _, ...rest } = places[at].layer;
    return places.with(at, { ...places[at], layer: name ? { ...rest, name } : rest });
  };
  return changed(model, scope, rename, at);
}

/** A model with the layers of one place replaced by what `arrange` makes of them: {layer, from: where it was, or null}. */
function changed(model, scope, arrange, at) {
  const before = layersIn(model, scope);
  const sources = before.map((layer, i) => layer.inputs?.map((call) => sourceOf(before, inputsOf(model, scope), call, i)));
  const places = arrange(before.map((layer, from) => ({ layer, from })));
  const now = new Map(places.map(({ from }, i) => [from, i]));
  const layers = places.map(({ layer }) => ({ ...layer }));
  places.forEach(({ layer, from }, i) => {
    const meant = from === null ? layer.inputs?.map((call) => sourceOf(before, inputsOf(model, scope), call)) : sources[from];
    if (meant) layers[i].inputs = meant.map((one) => callNow(one, { before, sources, now, layers, model, scope }));
  });
  return { model: withLayers(model, scope, layers), at };
}

/** What a layer takes from: {place} of another, or {call} of what is no layer. */
function sourceOf(layers, given, call) {
  const place = given.includes(call) ? -1 : layers.findIndex((_, i) => callOf(layers, i) === call);
  return place < 0 ? { call } : { place };
}

function callNow({ call, place }, context) {
  if (call !== undefined) return call;
  const { before, sources, now, layers, model, scope } = context;
  if (now.has(place)) return callOf(layers, now.get(place));
  // It is gone: what it took from stands for it.
  const own = sources[place]?.[0];
  if (own) return callNow(own, context);
  return place > 0 ? callNow({ place: place - 1 }, { before, sources, now, layers, model, scope }) : inputsOf(model, scope)[0];
}

export function withLayers(model, scope, layers) {
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

/** A block of some layers that follow one another, used in their place; null where they are no chain on their own. */
export function gathered(model, scope, from, to) {
  const layers = layersIn(model, scope);
  const inner = layers.slice(from, to + 1);
  const calls = new Set(inner.slice(0, -1).map((_, i) => callOf(layers, from + i)));
  const isTakenFrom = layers.some(({ inputs }) => inputs?.some((call) => calls.has(call)));
  if (inner.some(({ inputs }) => inputs) || isTakenFrom) return null;
  const name = freeName(Object.keys(model.blocks ?? {}), "block");
  const use = { layer: { type: "block", block: name }, from: to };
  const blocks = { ...model.blocks, [name]: { layers: structuredClone(inner) } };
  return { ...changed({ ...model, blocks }, scope, (places) => places.toSpliced(from, to - from + 1, use), from), name };
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
export function readValue(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
