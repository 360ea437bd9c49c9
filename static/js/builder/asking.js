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
