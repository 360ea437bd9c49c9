// What can be asked of a dataset: one of its columns, the very input of the model, or the next token of a text. Pure.

import { featuresFor, isWords, likelyTarget } from "./draft.js";
import { targetInWords } from "./targets.js";

const ITSELF = "\nitself"; // no column is called so: names have no line breaks
const NEXT = "\nnext ";
const SEVERAL = "\nseveral";

const isSame = (names, others) => Boolean(others) && names.length === others.length && names.every((one, i) => one === others[i]);

/** The choices, as a select has them; with that of a draft which asks for several columns of its own. */
export function targetOptions(columns, data = {}) {
  const texts = columns.filter(isWords).map(({ name }) => ({ value: NEXT + name, label: `the next token of ${name}` }));
  const itself = inputItself(columns).length ? [{ value: ITSELF, label: "the input itself (autoencoder)" }] : [];
  const isOwn = Array.isArray(data.target) && targetChoice(data) !== ITSELF;
  const own = isOwn ? [{ value: SEVERAL, label: targetInWords(data) }] : [];
  return [...own, ...columns.map(({ name }) => ({ value: name, label: name })), ...itself, ...texts];
}

/** Which of them a draft has made. */
export function targetChoice({ target, next_token: isNext, features, window }) {
  if (isNext) return NEXT + target;
  if (window) return target;
  if (isSame([target].flat(), features)) return ITSELF;
  return Array.isArray(target) ? SEVERAL : target;
}

/** Make one: the columns that are fed where the choice says so, else null. Changes the draft. */
export function chooseTarget(draft, columns, choice) {
  const { data } = draft;
  if (choice === SEVERAL) return null;
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
