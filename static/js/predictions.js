// The model's answers, whatever kind of question it was trained on, in one shape. Pure.

/**
 * {value, probabilities: [{name, share}] most likely first, or null}. The server gives {label, probabilities} for
 * classes, {label, scores} where nobody knows how likely they are, and {value} for numbers, with {std} where it knows how
 * sure it is; values that are not finite come as words.
 */
export function readAnswer({ label, value, std, probabilities, scores }) {
  if (scores) {
    const named = Object.entries(scores).map(([name, score]) => ({ name, score: Number(score) }));
    return { value: label, probabilities: null, scores: named.sort((a, b) => b.score - a.score) };
  }
  if (!probabilities) return { value: value ?? label, ...(std !== undefined && { std }), probabilities: null };
  const shares = Object.entries(probabilities).map(([name, share]) => ({ name, share: Number(share) }));
  return { value: label, probabilities: shares.sort((a, b) => b.share - a.share) };
}

/** A value to begin with for each column: what is typical of it. */
export function typicalValue(column) {
  if (column.type === "integer") return Math.round(column.mean ?? column.min ?? 0);
  if (column.type === "float") return Number((column.mean ?? column.min ?? 0).toPrecision(4));
  if (column.type === "boolean") return false;
  if (column.type === "timestamp") return timeInWords(column.mean ?? column.min);
  return column.top_values?.[0]?.value ?? column.values?.[0] ?? "";
}

/** Seconds since 1970 as a person writes the time, of UTC: 2026-03-31, or 2026-03-31 14:05. Of what is none, nothing. */
export function timeInWords(seconds) {
  const time = new Date(Math.round(Number(seconds ?? NaN) / 60) * 60_000);
  if (Number.isNaN(time.getTime())) return "";
  const text = time.toISOString();
  return text.slice(11, 16) === "00:00" ? text.slice(0, 10) : text.slice(0, 16).replace("T", " ");
}

/** From where to where the values of a column lie; nothing of words. */
export function rangeInWords({ type, min, max }, number) {
  if (min === null || min === undefined) return "";
  const say = type === "timestamp" ? timeInWords : number;
  return `${say(min)} to ${say(max)}`;
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
