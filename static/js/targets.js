// What a run predicts, where that may be several columns. Pure.

import { plural } from "./format.js";

const NAMED = 4;

/** The names of the columns that are predicted, each once where several outputs are held to them. */
export function targetsOf(data) {
  const told = data?.outputs ? Object.values(data.outputs).flatMap(({ target }) => target) : [data?.target ?? []].flat();
  return [...new Set(told)];
}

/** "price", or "a, b, c, d and 60 columns more" */
export function targetInWords(data) {
  const names = targetsOf(data);
  if (!names.length) return "–";
  const more = names.length - NAMED;
  const words = names.slice(0, NAMED).join(", ") + (more > 0 ? ` and ${plural(more, "column")} more` : "");
  return data.next_token ? `${words}, the next token of it` : words;
}
