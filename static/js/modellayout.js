// A model's layers as boxes and arrows: which fold into one box, and what each box says. Knows no page and no places.

import * as format from "./format.js";

export const MOST_OPEN = 60; // with more layers than this, what can be folded is, until someone opens it
const IN_A_RANGE = 40; // layers that follow one another in one box where there are no blocks to fold
const LENIENCE = 10; // more or fewer, where fewer arrows are cut then

/** The layers as they are written, the use of a block as one: for a model that cannot be inspected yet. */
export function layersOf({ layers }) {
  const names = layers.map((layer, i) => layer.name || String(i));
  return layers.map((layer, i) => ({
    index: i,
    name: names[i],
    type: layer.type,
    block: layer.block,
    repeat: layer.repeat,
    inputs: layer.inputs ?? [names[i - 1] ?? "input"],
    output_shape: null,
    num_parameters: null,
  }));
}

/** Layers by the blocks that they stand in: { path, children } for a block or a range, { path, layer } for a layer. */
export function treeOf(layers) {
  const root = { path: "", children: [] };
  for (const layer of layers) {
    const parts = layer.name.split(".");
    let place = root;
    for (let depth = 1; depth < parts.length; depth += 1) place = within(place, parts.slice(0, depth).join("."));
    place.children.push({ path: layer.name, layer });
  }
  return ranged(root);
}

function within(place, path) {
  const last = place.children.at(-1);
  if (last?.path === path) return last;
  place.children.push({ path, children: [] });
  return place.children.at(-1);
}

/** The same, where no box holds more than can be looked at: neighbours beyond that stand in ranges. */
function ranged(place) {
  const children = place.children.map((child) => (child.layer ? child : ranged(child)));
  const numParts = children.length;
  if (numParts <= MOST_OPEN) return { ...place, children, numParts };
  const ranges = cut(children).map((some) => ({
    path: `${some[0].path}…${some.at(-1).path}`,
    isRange: true,
    children: some,
    numParts: some.length,
  }));
  return { ...place, children: ranges, numParts };
}

/** Neighbours in groups of about IN_A_RANGE, parted where the fewest arrows cross. */
function cut(children) {
  const crossing = crossings(children);
  const groups = [];
  for (let start = 0; start < children.length;) {
    const end = bestEnd(crossing, start + IN_A_RANGE);
    groups.push(children.slice(start, end));
    start = end;
  }
  return groups;
}

function bestEnd(crossing, wanted) {
  const last = crossing.length - 1;
  if (wanted + LENIENCE >= last) return last;
  let best = wanted;
  for (let away = 1; away <= LENIENCE; away += 1)
    for (const end of [wanted - away, wanted + away]) if (crossing[end] < crossing[best]) best = end;
  return best;
}

/** For each place between two neighbours, how many of those before it are read after it. */
function crossings(children) {
  const owner = new Map(children.flatMap((child, i) => leaves(child).map(({ name }) => [name, i])));
  const lastRead = children.map((_, i) => i);
  children.forEach((child, i) => {
    for (const layer of leaves(child))
      for (const one of layer.inputs) if (owner.get(one) < i) lastRead[owner.get(one)] = i;
  });
  const found = new Array(children.length + 2).fill(0);
  lastRead.forEach((last, i) => {
    found[i + 1] += 1;
    found[last + 1] -= 1;
  });
  for (let i = 1; i < found.length; i += 1) found[i] += found[i - 1];
  return found.slice(0, -1);
}

/** The layers in a place of the tree, in order. */
export const leaves = (place) => (place.layer ? [place.layer] : place.children.flatMap(leaves));

const folds = (place) =>
  place.layer ? [] : place.children.filter((one) => !one.layer).flatMap((one) => [one.path, ...folds(one)]);

/** Every box that can be opened. */
export const allFolds = (layers) => folds(treeOf(layers));

/**
 * The boxes, the frames around what stands open, and the arrows.
 *
 * `graph`: { input: { name, shape }, layers, definition? }, of which the definition tells what a block is called.
 * A box: { id, kind: "input" | "layer" | "fold", title, note, shape, numParameters, index, frame, inputs, outputs, … }.
 */
export function boxesOf(graph, open) {
  const { input, layers, definition } = graph;
  const boxes = [
    {
      id: input.name,
      kind: "input",
      title: input.name,
      note: "",
      shape: input.shape ?? null,
      family: "input",
      frame: null,
      inputs: [],
      outputs: [],
      names: [],
      indexes: [],
    },
  ];
  const frames = [];
  const visit = (place, frame) => {
    for (const child of place.children) {
      if (child.layer) boxes.push(layerBox(child.layer, frame));
      else if (!open.has(child.path)) boxes.push({ ...foldBox(child, definition), kind: "fold", frame });
      else {
        frames.push({ ...foldBox(child, definition), frame });
        visit(child, child.path);
      }
    }
  };
  visit(treeOf(layers), null);
  return { boxes, frames, edges: join(boxes, layers) };
}

/** Arrows between boxes, each once, noted in both. */
function join(boxes, layers) {
  const owner = new Map(boxes.flatMap((box) => box.names.map((name) => [name, box])));
  owner.set(boxes[0].id, boxes[0]);
  const edges = [];
  for (const layer of layers) {
    const to = owner.get(layer.name);
    for (const name of layer.inputs) {
      const from = owner.get(name);
      if (!from || from === to || to.inputs.includes(from.id)) continue;
      to.inputs.push(from.id);
      from.outputs.push(to.id);
      edges.push({ from: from.id, to: to.id });
    }
  }
  return edges;
}

function layerBox(layer, frame) {
  const ownName = layer.name.slice(layer.name.lastIndexOf(".") + 1);
  return {
    id: layer.name,
    kind: "layer",
    title: layer.block ? usedInWords(layer) : layer.type,
    note: /^\d+$/.test(ownName) ? "" : ownName,
    shape: layer.output_shape,
    numParameters: layer.num_parameters,
    family: familyOf(layer.type),
    index: layer.index,
    indexes: [layer.index],
    names: [layer.name],
    frame,
    inputs: [],
    outputs: [],
  };
}

function foldBox(place, definition) {
  const inside = leaves(place);
  const known = inside.every((layer) => layer.num_parameters !== null);
  return {
    id: place.path,
    ...titleOf(place, definition),
    isRange: Boolean(place.isRange),
    shape: inside.at(-1).output_shape,
    numParameters: known ? inside.reduce((sum, layer) => sum + layer.num_parameters, 0) : null,
    numLayers: inside.length,
    family: "fold",
    index: inside[0].index,
    indexes: [...new Set(inside.map((layer) => layer.index))],
    names: inside.map((layer) => layer.name),
    inputs: [],
    outputs: [],
  };
}

/** "stage", "residual ×3": how a block is called where it is used, and what it is. */
function titleOf(place, definition) {
  if (place.isRange) return { title: place.path.replace("…", " … "), note: "" };
  const use = useAt(place.path.split("."), definition);
  const own = place.path.slice(place.path.lastIndexOf(".") + 1);
  if (!use) return { title: own, note: "" };
  const times = use.isRepeated ? ` ×${place.numParts}` : "";
  const title = /^\d+$/.test(own) ? `${use.block}${times}` : `${own}: ${use.block}${times}`;
  return { title: use.copy === null ? title : `${use.block}, ${use.copy + 1} of ${use.repeat}`, note: "" };
}

const usedInWords = ({ block, repeat = 1 }) => (repeat === 1 ? block : `${block} ×${repeat}`);

/** What is written where a path of names leads: which block it uses, and which of its repetitions is meant. */
function useAt(parts, definition) {
  let layers = definition?.layers;
  for (let i = 0; layers && i < parts.length;) {
    const use = layers.find((layer, j) => (layer.name || String(j)) === parts[i] && layer.type === "block");
    if (!use) return null;
    const isRepeated = (use.repeat ?? 1) !== 1;
    i += 1;
    if (i === parts.length) return { block: use.block, repeat: use.repeat ?? 1, isRepeated, copy: null };
    if (isRepeated) {
      const copy = Number(parts[i]);
      i += 1;
      if (i === parts.length) return { block: use.block, repeat: use.repeat, isRepeated: false, copy };
    }
    layers = definition.blocks?.[use.block]?.layers;
  }
  return null;
}

/** What is wrong in each of the model's own layers, from the API's problems: { index: [message] }. */
export function problemsByLayer(problems, definition) {
  const found = new Map();
  const note = (index, message) => found.set(index, [...(found.get(index) ?? []), message]);
  for (const { loc, msg } of problems) {
    const block = loc[loc.indexOf("blocks") + 1];
    const index = loc[loc.indexOf("layers") + 1];
    if (loc.includes("blocks")) for (const one of usersOf(block, definition)) note(one, msg);
    else if (loc.includes("layers") && typeof index === "number") note(index, msg);
  }
  return found;
}

/** The model's own layers that use a block, themselves or through other blocks. */
function usersOf(block, definition) {
  const known = new Map([[block, true]]); // of each block, whether that one is in it
  const uses = ({ type, block: used }) => {
    if (type !== "block") return false;
    if (!known.has(used)) {
      known.set(used, false); // until it is known: a circle holds nothing new
      known.set(used, (definition.blocks?.[used]?.layers ?? []).some(uses));
    }
    return known.get(used);
  };
  return (definition?.layers ?? []).flatMap((layer, i) => (uses(layer) ? [i] : []));
}

/** A box for those who do not see it. */
export function inWords(box) {
  const called = box.kind === "layer" ? `${box.title} ${/^\d+$/.test(box.id) ? `layer ${box.id}` : box.id}` : box.title;
  return [
    called,
    box.numLayers ? format.plural(box.numLayers, "layer") : "",
    box.shape ? `${box.kind === "input" ? "shape" : "output"} ${compactShape(box.shape)}` : "",
    box.numParameters ? format.plural(box.numParameters, "parameter") : "",
    box.inputs.length ? `takes from ${box.inputs.join(" and ")}` : "",
  ]
    .filter(Boolean)
    .join(", ");
}

/** 16×28×28 */
export const compactShape = (sizes) => (sizes?.length ? sizes.join("×") : sizes ? "scalar" : "");

// What a type belongs to, by its name: as the schema's `group`, which a page need not fetch for this. One that is not
// known yet has no colour.
const FAMILIES = [
  ["resizing", /^upsample$|shuffle$|^max_unpool/],
  ["pooling", /pool\dd$|_pool$|^mean$/],
  ["convolution", /conv/],
  ["basic", /^(bi)?linear$/],
  ["normalisation", /norm/],
  ["channels", /^squeeze_excitation$|^layer_scale$/],
  ["attention", /attention|^transformer/],
  ["sequence", /embedding$|_position$|_token$|^(rnn|lstm|gru)$/],
  ["regularisation", /dropout|^drop_path$|noise$/],
  ["shape", /^(flatten|reshape|permute|slice|select|pad)$/],
  ["branches", /^(add|subtract|multiply|dot|cosine_similarity|concat)$/],
  ["backbone", /^backbone$/],
  ["activation", /elu$|^(relu6|silu|mish|glu|threshold)$|sigmoid$|tanh|swish$|^soft|^log_soft|shrink$/],
  ["fold", /^block$/],
];

export const familyOf = (type) => FAMILIES.find(([, pattern]) => pattern.test(type))?.[0] ?? "other";
