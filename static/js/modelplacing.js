// Where the boxes of a model's graph stand, and how the arrows run. The only module that knows the library for it.

import { Graph, layout } from "../vendor/dagre/dagre.esm.js";

export const BOX = { width: 184, height: 42 };
const STEP = 16; // between boxes that simply follow one another
const GAP = 40; // between rows
const ROOM = 14; // beside a box

/**
 * Places for what `boxesOf` gives, from the top to the bottom.
 *
 * Boxes that simply follow one another are one tall thing to the library: it is spared most of the work, and a skip
 * connection runs straight beside them. Returns { width, height, places: Map(id, {x, y}), frames: [{id, x, y, width,
 * height}], paths: [{from, to, d}] }, x and y of the upper left corner.
 */
export function placed({ boxes, frames, edges }) {
  const stretches = stretchesOf(boxes);
  const graph = new Graph({ compound: frames.length > 0, multigraph: false });
  graph.setGraph({ rankdir: "TB", nodesep: 2 * ROOM, edgesep: ROOM, ranksep: GAP, marginx: ROOM, marginy: ROOM });
  graph.setDefaultEdgeLabel(() => ({ labelpos: "c" }));
  for (const frame of frames) graph.setNode(`frame ${frame.id}`, {});
  for (const frame of frames) if (frame.frame !== null) graph.setParent(`frame ${frame.id}`, `frame ${frame.frame}`);
  for (const stretch of stretches) {
    graph.setNode(stretch.id, { width: BOX.width, height: stretch.boxes.length * (BOX.height + STEP) - STEP });
    if (stretch.frame !== null) graph.setParent(stretch.id, `frame ${stretch.frame}`);
  }
  const owner = new Map(stretches.flatMap((stretch) => stretch.boxes.map((box) => [box.id, stretch.id])));
  const between = edges.filter(({ from, to }) => owner.get(from) !== owner.get(to));
  for (const { from, to } of between) graph.setEdge(owner.get(from), owner.get(to));
  layout(graph);
  const width = widened(graph);
  const places = placesOf(stretches, graph);
  const bands = bandsOf(stretches, graph);
  const pathOf = ({ from, to }) => {
    const isBetween = owner.get(from) !== owner.get(to);
    const points = isBetween ? graph.edge(owner.get(from), owner.get(to)).points : [];
    return { from, to, d: path(ends(places, from, to), points, bands) };
  };
  return {
    width,
    height: graph.graph().height,
    places,
    frames: frames.map((frame) => ({ id: frame.id, ...cornerOf(graph.node(`frame ${frame.id}`)) })),
    paths: edges.map(pathOf),
  };
}

/** The library counts boxes alone into its picture: arrows that run beside them all are moved in too. */
function widened(graph) {
  const things = [...graph.nodes().map((id) => graph.node(id)), ...graph.edges().map((edge) => graph.edge(edge))];
  const points = graph.edges().flatMap((edge) => graph.edge(edge).points);
  const left = Math.min(0, ...points.map(({ x }) => x - ROOM));
  const right = Math.max(graph.graph().width, ...points.map(({ x }) => x + ROOM));
  for (const thing of things) if (thing.x !== undefined) thing.x -= left;
  for (const point of points) point.x -= left;
  return right - left;
}

/** Boxes in a row where each takes from the one before alone, and that one gives to it alone. */
function stretchesOf(boxes) {
  const byId = new Map(boxes.map((box) => [box.id, box]));
  const stretches = [];
  const stretchOf = new Map();
  for (const box of boxes) {
    const before = box.inputs.length === 1 ? byId.get(box.inputs[0]) : null;
    const goesOn = before?.outputs.length === 1 && before.frame === box.frame;
    const stretch = goesOn ? stretchOf.get(before.id) : { id: box.id, frame: box.frame, boxes: [] };
    if (!goesOn) stretches.push(stretch);
    stretch.boxes.push(box);
    stretchOf.set(box.id, stretch);
  }
  return stretches;
}

const cornerOf = ({ x, y, width, height }) => ({ x: x - width / 2, y: y - height / 2, width, height });

function placesOf(stretches, graph) {
  const places = new Map();
  for (const stretch of stretches) {
    const { x, y } = cornerOf(graph.node(stretch.id));
    stretch.boxes.forEach((box, i) => places.set(box.id, { x, y: y + i * (BOX.height + STEP) }));
  }
  return places;
}

/** The rows of the picture: { middle: {top, bottom} }. In a row arrows run straight down, so that they cut no box. */
function bandsOf(stretches, graph) {
  const bands = new Map();
  for (const { id } of stretches) {
    const { y, height } = graph.node(id);
    const known = bands.get(Math.round(y));
    if (!known || known.bottom - known.top < height)
      bands.set(Math.round(y), { top: y - height / 2, bottom: y + height / 2 });
  }
  return bands;
}

function ends(places, from, to) {
  const [a, b] = [places.get(from), places.get(to)];
  const middle = BOX.width / 2;
  return [
    { x: a.x + middle, y: a.y + BOX.height },
    { x: b.x + middle, y: b.y },
  ];
}

/** Straight within rows, curved between them. */
function path([start, end], points, bands) {
  const rows = points.slice(1, -1).flatMap(({ x, y }) => {
    const band = bands.get(Math.round(y));
    return band
      ? [
          { x, y: band.top },
          { x, y: band.bottom },
        ]
      : [];
  });
  const own = points.length ? [rowOf(start, bands)?.bottom, rowOf(end, bands)?.top] : [];
  const stops = [start, { x: start.x, y: own[0] ?? start.y }, ...rows, { x: end.x, y: own[1] ?? end.y }, end];
  return stops.slice(1).reduce((d, stop, i) => d + leg(stops[i], stop), `M${at(start)}`);
}

function rowOf({ y }, bands) {
  for (const band of bands.values()) if (y >= band.top - 1 && y <= band.bottom + 1) return band;
  return null;
}

function leg(a, b) {
  if (Math.abs(a.x - b.x) < 0.5) return a.y === b.y ? "" : `L${at(b)}`;
  const middle = (a.y + b.y) / 2;
  return `C${at({ x: a.x, y: middle })} ${at({ x: b.x, y: middle })} ${at(b)}`;
}

const at = ({ x, y }) => `${Math.round(x * 10) / 10},${Math.round(y * 10) / 10}`;
