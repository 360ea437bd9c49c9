// The model's answers, whatever kind of question it was trained on, in one shape. Pure.

/**
 * {value, probabilities: [{name, share}] most likely first, or null}. The server gives {label, probabilities} for
 * classes and {value} for numbers; values that are not finite come as words.
 */
export function readAnswer({ label, value, probabilities }) {
  if (!probabilities) return { value: value ?? label, probabilities: null };
  const shares = Object.entries(probabilities).map(([name, share]) => ({ name, share: Number(share) }));
  return { value: label, probabilities: shares.sort((a, b) => b.share - a.share) };
}

/** A value to begin with for each column: what is typical of it. */
export function typicalValue(column) {
  if (column.type === "integer") return Math.round(column.mean ?? column.min ?? 0);
  if (column.type === "float") return Number((column.mean ?? column.min ?? 0).toPrecision(4));
  if (column.type === "boolean") return false;
  return column.top_values?.[0]?.value ?? column.values?.[0] ?? "";
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
