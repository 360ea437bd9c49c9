// The model's answers, whatever kind of question it was trained on, in one shape. Pure.

/**
 * {value, probabilities: [{name, share}] most likely first, or null}. The server gives a number, a class, or an object
 * with `prediction` (or `value`, `class`) and `probabilities` by class.
 */
export function readAnswer(prediction, classes = null) {
  if (prediction === null || typeof prediction !== "object") return { value: prediction, probabilities: null };
  const value = prediction.prediction ?? prediction.class ?? prediction.value ?? prediction.label ?? null;
  return { value, probabilities: readShares(prediction.probabilities, classes) };
}

function readShares(given, classes) {
  if (!given) return null;
  const pairs = Array.isArray(given) ? given.map((share, i) => [classes?.[i] ?? i, share]) : Object.entries(given);
  return pairs.map(([name, share]) => ({ name: String(name), share: Number(share) })).sort((a, b) => b.share - a.share);
}

/** A value to begin with for each column: what is typical of it. */
export function typicalValue(column) {
  if (column.type === "integer") return Math.round(column.mean ?? column.min ?? 0);
  if (column.type === "float") return Number((column.mean ?? column.min ?? 0).toPrecision(4));
  if (column.type === "boolean") return false;
  const top = column.top ?? column.top_values ?? (Array.isArray(column.histogram) ? column.histogram : null);
  return top?.[0]?.value ?? column.values?.[0] ?? "";
}

/** What a person typed, as the column's type has it; an empty field is a missing value. */
export function parseValue(column, text) {
  const trimmed = String(text).trim();
  if (trimmed === "") return null;
  if (column.type === "integer" || column.type === "float") {
    const value = Number(trimmed.replace("−", "-"));
    return Number.isFinite(value) ? value : trimmed;
  }
  if (column.type === "boolean") return trimmed === "true";
  return trimmed;
}

/** Whether a row of features is a picture: [channels, height, width] of one or three channels. */
export function pictureShape(inputShape) {
  if (inputShape?.length !== 3) return null;
  const [channels, height, width] = inputShape;
  return (channels === 1 || channels === 3) && height >= 4 && width >= 4 ? { channels, height, width } : null;
}
