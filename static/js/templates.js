// Models to start from, as the server has them: what they are made for, and which of them is proposed.

import * as api from "./api.js";
import { featuresOf, isPicture, lookedUp, pictureOf } from "./draft.js";

const MANY_COLUMNS = 20; // of whole numbers that are no picture: a sequence, or as many amounts

/**
 * The bodies of POST /models/templates; none while it is not known what is fed. Two where columns may be a sequence of
 * words as well as a row of numbers. `typed` says what no column does.
 */
export function templatesAsks(draft, columns, inputShape, outputShape, typed = {}) {
  if (!inputShape?.length) return [];
  const ask = { input_shape: inputShape, output_shape: outputShape ?? [1], num_embeddings: null };
  if (!columns.length) return [{ ...ask, num_embeddings: typed.numEmbeddings || null }];
  const { numTokens, numEmbedded, numEmbeddings } = lookedUp(draft, columns);
  const features = featuresOf(draft, columns);
  if (numEmbedded) return [{ ...ask, num_embeddings: numEmbeddings, num_columns: numEmbedded }];
  const asWords = { ...ask, num_embeddings: numTokens };
  const texts = features.map(({ name }) => draft.data.columns?.[name]?.tokens);
  const isOneLength = texts.every((tokens) => tokens?.length === texts[0]?.length);
  if (texts.length > 0 && texts.every(Boolean)) return [{ ...asWords, num_texts: isOneLength ? texts.length : 1 }];
  const isSequence =
    features.length > MANY_COLUMNS &&
    inputShape.length === 1 &&
    features.every(({ type, min }) => type === "integer" && min >= 0);
  return isSequence ? [asWords, ask] : [ask];
}

const kept = new Map(); // what was answered once holds as long as the page

/** Every template, made for the first of what is asked for that it fits. */
export async function templatesFor(asks) {
  const lists = await Promise.all(asks.map(templatesOf));
  return (lists[0] ?? []).map((template, i) => lists.map((list) => list[i]).find(({ definition }) => definition) ?? template);
}

function templatesOf(ask) {
  const key = JSON.stringify(ask);
  if (!kept.has(key)) kept.set(key, api.post("/models/templates", ask).catch((error) => {
    kept.delete(key); // so that the next change asks again
    throw error;
  }));
  return kept.get(key);
}

/** What is fed asks for a template of this key. */
export function keyFor(draft, columns) {
  const features = featuresOf(draft, columns);
  if (lookedUp(draft, columns).numEmbedded) return "embedded";
  if (draft.data.window || features.some(({ name }) => draft.data.columns?.[name]?.tokens)) return "lstm";
  return pictureOf(features) || isPicture(draft, columns) ? "lenet" : "mlp";
}

/** The template to begin with: of a key that was chosen, else that is asked for, else any that fits; null for none. */
export function proposed(templates, ...keys) {
  const fitting = templates.filter(({ definition }) => definition);
  const found = [...keys, "mlp"].map((key) => fitting.find((template) => template.key === key)).find(Boolean);
  return found ?? fitting[0] ?? null;
}

/** What a form without room for a line on each calls a template: by what it is made of. */
export function nameOf({ key, title }, draft) {
  if (key === "lenet") return "Convolutional network";
  if (key !== "lstm") return title;
  return draft.data.window ? "LSTM over a window" : "Embedding and LSTM";
}
