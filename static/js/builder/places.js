// What the server said of a model, brought to the layers that a person sees: those of the model, or of one block. Pure.

import { callOf, layersIn } from "./edits.js";

/** Where the layers of a block first stand: "stage.0", or "stage.0.inner"; null where no layer uses it. */
export function prefixOf(model, block) {
  const followed = new Set(); // what lies in a block is the same wherever it stands
  const follow = (layers, prefix) => {
    for (const [i, layer] of layers.entries()) {
      if (layer.type !== "block") continue;
      const at = prefix + callOf(layers, i) + (layer.repeat > 1 ? ".0" : "");
      if (layer.block === block) return at;
      if (followed.has(layer.block) || !model.blocks?.[layer.block]) continue;
      followed.add(layer.block);
      const found = follow(model.blocks[layer.block].layers, `${at}.`);
      if (found) return found;
    }
    return null;
  };
  return follow(model.layers, "");
}

/**
 * What is known of each layer of a place: {shape, numParameters, numMultiplyAdds, numKept}, null where it is not. Of a
 * layer that stands for a block, that of all its layers.
 */
export function figuresOf(model, scope, reports) {
  const prefix = scope === null ? "" : prefixOf(model, scope);
  const layers = layersIn(model, scope);
  if (prefix === null) return layers.map(() => null);
  const before = scope === null ? "" : `${prefix}.`;
  const groups = new Map();
  for (const report of reports) {
    if (!report.name.startsWith(before)) continue;
    // The model's own layers are told by their number: two may be called alike.
    const call = scope === null ? report.index : report.name.slice(before.length).split(".")[0];
    if (!groups.has(call)) groups.set(call, []);
    groups.get(call).push(report);
  }
  return layers.map((_, i) => summed(groups.get(scope === null ? i : callOf(layers, i))));
}

function summed(reports) {
  if (!reports) return null;
  const sum = (name) => reports.reduce((total, report) => total + (report[name] ?? 0), 0);
  return {
    shape: reports.at(-1).output_shape,
    numParameters: sum("num_parameters"),
    numFrozen: sum("num_frozen"),
    numMultiplyAdds: sum("num_multiply_adds"),
    numKept: sum("num_kept"),
  };
}

/** Where a problem is: {scope, at, field}, or null where it is not at a layer. */
export function placeOfProblem({ loc }) {
  const [first, second, ...rest] = loc;
  if (first !== "model") return null;
  if (second === "layers" && Number.isInteger(rest[0])) return { scope: null, at: rest[0] };
  if (second === "blocks" && rest[1] === "layers" && Number.isInteger(rest[2])) return { scope: rest[0], at: rest[2] };
  return null;
}

/** The problems of each layer of a place, by its number. */
export function problemsAt(problems, scope) {
  const found = new Map();
  for (const problem of problems) {
    const place = placeOfProblem(problem);
    if (place?.scope === scope) found.set(place.at, [...(found.get(place.at) ?? []), problem]);
  }
  return found;
}

/** What is said at a layer's row, each once: of which setting, where it is of one, and the message without the place. */
export function toldAtLayer(problems) {
  const told = problems.map((problem) => {
    const settings = problem.loc.slice(problem.loc[1] === "blocks" ? 5 : 3).filter((part) => typeof part === "string");
    const message = withoutPlace(problem.msg);
    const setting = settings.join(" ").replaceAll("_", " ");
    return !setting || message.replaceAll("_", " ").includes(setting) ? message : `${setting}: ${message}`;
  });
  return [...new Set(told)].join("; ");
}

/** A message without the place that it begins with, for where it stands at that place. */
export const withoutPlace = (message) => message.replace(/^layer \d+ \([a-z0-9_]+\): /, "").replace(/^layer \d+ /, "");

/** Where a model is at its end, or before: the same place with a layer that is there, -1 where there is none. */
export const within = (model, scope, at) => Math.min(at, layersIn(model, scope).length - 1);
