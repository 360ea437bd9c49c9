// What can be asked of a dataset: one of its columns, the very input of the model, or the next token of a text. Pure.

import { featuresFor, isWords, likelyTarget } from "./draft.js";

const ITSELF = "\nitself"; // no column is called so: names have no line breaks
const NEXT = "\nnext ";

/** The choices, as a select has them. */
export function targetOptions(columns) {
  const texts = columns.filter(isWords).map(({ name }) => ({ value: NEXT + name, label: `the next token of ${name}` }));
  const itself = inputItself(columns).length ? [{ value: ITSELF, label: "the input itself (autoencoder)" }] : [];
  return [...columns.map(({ name }) => ({ value: name, label: name })), ...itself, ...texts];
}

/** Which of them a draft has made. */
export function targetChoice({ target, next_token: isNext, features, window }) {
  if (isNext) return NEXT + target;
  if (window) return target;
  const isItself = Array.isArray(target) || (features?.length === 1 && features[0] === target);
  return isItself ? ITSELF : target;
}

/** Make one: the columns that are fed where the choice says so, else null. Changes the draft. */
export function chooseTarget(draft, columns, choice) {
  const { data } = draft;
  delete data.next_token;
  if (choice === ITSELF) {
    const fed = inputItself(columns);
    data.target = fed.length === 1 ? fed[0] : fed;
    return fed;
  }
  if (choice.startsWith(NEXT)) {
    data.target = choice.slice(NEXT.length);
    data.next_token = true;
    return [data.target];
  }
  data.target = choice;
  return null;
}

/** What an autoencoder learns: the image, the array, or all numbers but the usual target. */
function inputItself(columns) {
  const proposed = featuresFor(columns, { target: likelyTarget(columns) });
  const fed = columns.filter(({ name }) => (proposed ? proposed.includes(name) : name !== likelyTarget(columns)));
  const whole = fed.find(({ type }) => type === "image" || type === "array");
  if (whole) return [whole.name];
  return fed.filter(({ type }) => type === "integer" || type === "float").map(({ name }) => name);
}

/** What is asked, in words; null where nothing is. */
export function askedInWords(data, question) {
  const words = { number: "a number", yes_no: "yes or no", classes: "one of several classes", pixels: "a class at each pixel", values: "as many numbers" };
  if (data.next_token) return "the next token at each place";
  if (targetChoice(data) === ITSELF) return "the input itself";
  return words[question] ?? null;
}
