// Whether what somebody wrote can be shown at all. Whether it holds, the server says. Pure.

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const areNames = (value) => value === null || value === undefined || (Array.isArray(value) && value.every((one) => typeof one === "string"));

/** Why a model cannot be shown, or null. */
export function misfitOf(model) {
  if (!areNames(model.inputs) || !areNames(model.outputs)) return 'inputs and outputs are lists of names: ["user", "film"]';
  if (model.blocks !== undefined && !isObject(model.blocks)) return "blocks are an object: a block by each name";
  for (const [name, block] of Object.entries(model.blocks ?? {})) {
    if (!isObject(block) || !Array.isArray(block.layers)) return `The block ${name} is an object with layers: { "layers": [ … ] }`;
    if (!areNames(block.inputs)) return `The inputs of the block ${name} are a list of names`;
    const found = misfitOfLayers(block.layers, `of the block ${name}`);
    if (found) return found;
  }
  return misfitOfLayers(model.layers, "");
}

function misfitOfLayers(layers, where) {
  const at = layers.findIndex((layer) => !isObject(layer) || typeof layer.type !== "string");
  if (at >= 0) return `Layer ${at} ${where} is an object with a type: { "type": "relu" }`.replace("  ", " ");
  const wrong = layers.findIndex(({ inputs }) => !areNames(inputs));
  return wrong >= 0 ? `inputs of layer ${wrong} ${where} are a list of names: ["0", "stem"]`.replace("  ", " ") : null;
}

/** "1, 28, 28" -> [1, 28, 28]; null where it is no shape. */
export function readShape(text) {
  const sizes = text.split(/[^0-9]+/).filter(Boolean).map(Number);
  return sizes.length && sizes.every((size) => size > 0) ? sizes : null;
}
