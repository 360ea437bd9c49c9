// A run that is being described: where it begins, what follows from the target. Pure.

import { embeddedSizes, isRating, ratingsOf } from "./lookupdraft.js";
import { fedByDefault } from "./windowdraft.js";

const MANY_CLASSES = 50; // a whole number with more values than this is a quantity
const MASK = /mask|segment|annotation/i;
const PIXEL = /^(pixel|px|p)[_ ]?\d+$/i;

export function emptyDraft() {
  return {
    name: "",
    tags: [],
    dataset: null,
    model: { name: null, layers: [] },
    data: {
      features: null,
      target: "",
      input_shape: null,
      window: null,
      split: { type: "shares", train: 0.7, validation: 0.15, test: 0.15, seed: 0, stratify: false, shuffle: true },
      scale: "none",
      scale_target: "none",
      missing: { type: "error" },
      repeats: "keep",
      categories: "one_hot",
      columns: {},
      augment: [],
    },
    training: {
      num_epochs: 20,
      batch_size: 32,
      seed: 0,
      device: "auto",
      loss: { type: "mse_loss" },
      optimizer: { type: "adam" },
      schedule: { type: "constant" },
      metrics: [],
      early_stopping: null,
    },
  };
}

/** A draft from a specification that is there: what it does not say is as in a new one. */
export function draftOf(spec, { name } = {}) {
  const empty = emptyDraft();
  if (spec.data?.outputs) for (const field of ["target", "scale_target"]) delete empty.data[field];
  if (spec.training?.outputs) for (const field of ["loss", "metrics"]) delete empty.training[field];
  return structuredClone({
    ...empty,
    ...spec,
    name: name ?? spec.name ?? "",
    data: { ...empty.data, ...spec.data },
    training: { ...empty.training, ...spec.training },
  });
}

/** "digits" -> "digits 2" -> "digits 3" */
export function nextName(name) {
  const own = name.replace(/, (fold \d+ of \d+|seed \d+)$/, ""); // which run of a group it was
  const found = /^(.*) (\d+)$/.exec(own);
  return found ? `${found[1]} ${Number(found[2]) + 1}` : `${own} 2`;
}

/** What a target asks for: "number", "yes_no" or "classes". */
export function questionOf(column) {
  if (!column) return null;
  if (column.type === "image") return MASK.test(column.name) ? "pixels" : "values";
  if (column.type === "array") return "values";
  if (column.num_distinct === 2) return "yes_no";
  if (column.type === "float" || column.type === "timestamp") return "number";
  if (column.type === "integer" && column.num_distinct > MANY_CLASSES) return "number";
  return "classes";
}

const PROPOSALS = {
  pixels: { loss: { type: "cross_entropy" }, metrics: [{ type: "accuracy" }] },
  values: { loss: { type: "mse_loss" }, metrics: [{ type: "mae" }] },
  number: { loss: { type: "mse_loss" }, metrics: [{ type: "mae" }, { type: "r2" }] },
  yes_no: { loss: { type: "binary_cross_entropy_with_logits" }, metrics: [{ type: "accuracy" }, { type: "f1" }] },
  classes: { loss: { type: "cross_entropy" }, metrics: [{ type: "accuracy" }] },
};

/** Loss and metrics that fit a target. A rating is an amount, also where there are few of them. */
export function proposalFor(column, columns = []) {
  const question = isRating(columns, column?.name) ? "number" : questionOf(column);
  return structuredClone(PROPOSALS[question] ?? PROPOSALS.number);
}

const PART_COLUMN = /^(part|split|set|subset|partition)$/i;
const PARTS = { train: /^train(ing)?$/i, validation: /^(val|valid|validation|dev)$/i, test: /^test(ing)?$/i };

/** The split that a column of the table says already, as folders of an archive do; else null. */
export function splitSaid(columns) {
  const column = columns.find(({ name, values }) => PART_COLUMN.test(name) && values?.length > 1);
  if (!column) return null;
  const said = Object.entries(PARTS).map(([part, pattern]) => [part, column.values.filter((one) => pattern.test(one))]);
  const numSaid = said.reduce((sum, [, values]) => sum + values.length, 0);
  const isWhole = numSaid === column.values.length && said[0][1].length > 0;
  return isWhole ? { type: "column", column: column.name, ...Object.fromEntries(said) } : null;
}

/** Whether rows may be left out once they are read: how many, the columns do not tell. */
export function leavesOut(data, columns) {
  const isDropped = ({ missing }) => missing?.type === "drop";
  const target = columns.find(({ name }) => name === data.target);
  const { repeats, columns: steps } = data;
  return repeats === "drop" || isDropped(data) || Object.values(steps ?? {}).some(isDropped) || Boolean(target?.num_missing);
}

/** The columns that are fed. */
export function featuresOf(draft, columns) {
  const { features } = draft.data;
  if (features) return columns.filter(({ name }) => features.includes(name));
  return fedByDefault(columns, draft.data);
}

const MOST_TEXTS = 2; // that are read one after the other: a question and its answer, a title and its article

export const isWords = ({ type, values }) => type === "text" && !values;

/**
 * What is best fed: of a rating the user and the item, an image alone, texts where there is nothing but words beside
 * them, else whatever needs no cutting. Null: all columns.
 */
export function featuresFor(columns, data) {
  if (!data.window && isRating(columns, data.target)) {
    const { user, item } = ratingsOf(columns);
    return [user, item];
  }
  const others = fedByDefault(columns, data);
  const image = others.find(({ type }) => type === "image");
  if (image) return [image.name];
  const rest = others.filter((column) => !isWords(column));
  if (rest.length === others.length) return null;
  const hasNumbers = rest.some(({ type }) => type !== "category");
  const texts = others.filter(isWords).slice(0, MOST_TEXTS);
  return (hasNumbers ? rest : texts).map(({ name }) => name);
}

/** The features, where a person chose others than are proposed; else null. */
export function chosenFeatures(data, columns) {
  const proposed = featuresFor(columns, data);
  return data.features && JSON.stringify(data.features) !== JSON.stringify(proposed) ? data.features : null;
}

const USUAL_SIDE = 64; // in pixels, of images that have not one size
const USUAL_TOKENS = 10_000;
const CHARACTERS = 128;

/** How a text is cut: into words, or into characters where it is one word all through. */
export function tokensFor({ word_lengths: lengths, num_distinct_words: numWords }, most = USUAL_TOKENS) {
  if (lengths && lengths.edges.at(-1) <= 2) return { level: "characters", vocabulary_size: CHARACTERS };
  return { vocabulary_size: numWords ? Math.min(most, numWords + 2) : most }; // with what fills up and what is unknown
}

/** What single columns need: texts are cut into words, images made one size, users and items are looked up. */
export function stepsFor(features, columns = [], target = null) {
  if (isRating(columns, target)) {
    const { user, item } = ratingsOf(columns);
    const looked = features.filter(({ name }) => name === user || name === item);
    return Object.fromEntries(looked.map(({ name }) => [name, { categories: "embedded" }]));
  }
  const steps = {};
  for (const { name, type, values, images, word_lengths, num_distinct_words: numWords } of features) {
    if (isWords({ type, values })) steps[name] = { tokens: tokensFor({ word_lengths, num_distinct_words: numWords }) };
    const isOneSize = images && images.min_height === images.max_height && images.min_width === images.max_width;
    if (type === "image") steps[name] = { pixels: isOneSize ? {} : { height: USUAL_SIDE, width: USUAL_SIDE } };
  }
  return steps;
}

/** The steps of single columns after one was taken in or left out. */
export function stepsWith(steps, isTaken, column) {
  const { [column.name]: own, ...others } = steps ?? {};
  return isTaken ? { ...stepsFor([column]), ...others, ...(own && { [column.name]: own }) } : others;
}

/** Whether what is fed is an image. */
export function isPicture(draft, columns) {
  const features = featuresOf(draft, columns);
  return (draft.data.input_shape?.length ?? 1) === 3 || (features.length === 1 && features[0].type === "image");
}

const SMALL = 10; // numbers up to this need no scaling to be learned from

/** How features are best fed: pixels from 0 to 1, numbers that are large or far apart standardized. */
export function scaleFor(features) {
  if (pictureOf(features)) return features.some(({ max }) => max > 1) ? "min_max" : "none";
  const isLarge = ({ type, min, max }) =>
    ["integer", "float", "timestamp"].includes(type) && Math.max(Math.abs(min ?? 0), Math.abs(max ?? 0)) > SMALL;
  const areTokens = features.length > 20 && features.every(({ type, min }) => type === "integer" && min >= 0);
  return features.some(isLarge) && !areTokens ? "standardize" : "none";
}

/** What fills the gaps of the features: what fits words, too, where words have gaps. */
export function missingFor(features) {
  const gaps = features.filter(({ num_missing: count }) => count > 0);
  if (!gaps.length) return { type: "error" };
  return { type: gaps.every(({ type }) => type === "integer" || type === "float") ? "mean" : "most_frequent" };
}

/** The shape of a picture whose pixels are the columns, if they look like one. */
export function pictureOf(features) {
  const side = Math.sqrt(features.length);
  const isSquare = Number.isInteger(side) && side >= 4;
  return isSquare && features.every(({ name, type }) => PIXEL.test(name) && (type === "integer" || type === "float"))
    ? [1, side, side]
    : null;
}

/** A target to begin with: a column of a usual name, else the last one. */
export function likelyTarget(columns) {
  const rated = ratingsOf(columns)?.value;
  if (rated) return rated;
  const usual = ["target", "label", "output", "class", "y"];
  const found = usual.map((word) => columns.find(({ name }) => name.toLowerCase() === word)).find(Boolean);
  return found?.name ?? columns.at(-1)?.name ?? "";
}

/** What is looked up of what is fed: how many columns are embedded, in how many places, and how many tokens there are. */
export function lookedUp(draft, columns) {
  const features = featuresOf(draft, columns);
  const sizes = features.map(({ name }) => draft.data.columns?.[name]?.tokens?.vocabulary_size ?? 0);
  const highest = Math.max(0, ...features.map(({ max }) => max ?? 0));
  return { numTokens: Math.max(...sizes, 0) || Math.floor(highest) + 1, ...embeddedSizes(draft.data, features) };
}

/** Steps of the whole run. */
export function numSteps(draft, numTrainRows) {
  const { num_epochs: numEpochs, batch_size: batchSize } = draft.training;
  if (!numTrainRows || !Number.isInteger(numEpochs)) return null;
  return numEpochs * Math.ceil(numTrainRows / (batchSize || numTrainRows));
}

// places

/** ["training", "optimizer", "lr"] -> "training.optimizer.lr" */
export const placeOf = (loc) => loc.join(".");

/** The same in words, for a list of problems: "Layer 4, kernel size". */
export function placeInWords(loc) {
  const [first, second, third, ...rest] = loc;
  if (first === "model" && second === "layers" && Number.isInteger(third))
    return [`Layer ${third}`, ...words(rest)].join(", ");
  if (first === "model" && second === "blocks" && rest[0] === "layers")
    return [`Block ${third}`, `layer ${rest[1]}`, ...words(rest.slice(2))].join(", ");
  const names = { data: "Data", training: "Training", model: "Model", dataset: "Dataset", name: "Name" };
  return [names[first] ?? String(first ?? "Run"), ...words([second, third, ...rest])].join(", ");
}

const words = (parts) =>
  parts
    .filter((part) => part !== undefined && !Number.isInteger(part))
    .map((part) => String(part).replaceAll("_", " "));

/** The value at a place of a specification. */
export function valueAt(draft, loc) {
  return loc.reduce((value, key) => value?.[key], draft);
}

/** Set it, or leave it out when undefined. */
export function setAt(draft, loc, value) {
  const owner = loc.slice(0, -1).reduce((parent, key) => (parent[key] ??= {}), draft);
  if (value === undefined) delete owner[loc.at(-1)];
  else owner[loc.at(-1)] = value;
}
