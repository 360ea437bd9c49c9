// What templates are made for: from a dataset that was chosen, or from sizes that somebody typed. Pure.

import { featuresOf, presetContext } from "../draft.js";

const MANY_COLUMNS = 20; // of whole numbers that are no picture: a sequence

/** The body of POST /models/templates, or null while it is not known what is fed. */
export function templatesAsk(draft, columns, inputShape, outputShape, typed) {
  if (!inputShape?.length) return null;
  const ask = { input_shape: inputShape, output_shape: outputShape ?? [1], num_embeddings: null };
  if (!columns.length) return { ...ask, num_embeddings: typed.numEmbeddings || null };
  const { numTokens, numEmbedded, numEmbeddings } = presetContext(draft, columns);
  const features = featuresOf(draft, columns);
  if (numEmbedded) return { ...ask, num_embeddings: numEmbeddings, num_columns: numEmbedded };
  const areWords = features.length > 0 && features.every(({ name }) => draft.data.columns?.[name]?.tokens);
  const isSequence =
    features.length > MANY_COLUMNS &&
    inputShape.length === 1 &&
    features.every(({ type, min }) => type === "integer" && min >= 0);
  return areWords || isSequence ? { ...ask, num_embeddings: numTokens } : ask;
}

/** "1, 28, 28" -> [1, 28, 28]; null where it is no shape. */
export function readShape(text) {
  const sizes = text.split(/[^0-9]+/).filter(Boolean).map(Number);
  return sizes.length && sizes.every((size) => size > 0) ? sizes : null;
}

/** Which columns each of several inputs is fed to begin with: that of its name; what is left goes to those without. */
export function inputsFor(names, columns) {
  const left = columns.filter((name) => !names.includes(name));
  const without = names.filter((name) => !columns.includes(name));
  const share = (name) => {
    const at = without.indexOf(name);
    return at === without.length - 1 ? left.slice(at) : left.slice(at, at + 1);
  };
  return Object.fromEntries(names.map((name) => [name, columns.includes(name) ? [name] : share(name)]));
}

/** A draft's data for a model with these inputs: what each is fed where there are several, else what all are. */
export function feedInputs(data, names, columns) {
  if ((names?.length ?? 1) === 1) {
    delete data.inputs;
    return;
  }
  const isSame = JSON.stringify(Object.keys(data.inputs ?? {})) === JSON.stringify(names);
  if (isSame) return;
  data.inputs = inputsFor(names, columns);
  data.features = null;
  data.input_shape = null;
}
