// What follows for a run that is being described from its dataset, its target and its features. Pure: changes the draft.

import { targetChoice } from "./asked.js";
import * as drafts from "./draft.js";
import { isEmbedded } from "./lookupdraft.js";
import { usualSplit } from "./windowdraft.js";

/** A draft whose dataset is another one: what it names that is not there gives way, and the rest follows. */
export function settleDataset(draft, columns) {
  const names = new Set(columns.map(({ name }) => name));
  const isThere = (name) => name === null || name === undefined || names.has(name);
  const isPlain = !draft.data.outputs && targetChoice(draft.data) === draft.data.target; // and nothing put together
  if (!isPlain || !names.has(draft.data.target)) {
    for (const field of ["outputs", "inputs"]) delete draft.data[field];
    delete draft.training.outputs;
    draft.data.target = drafts.likelyTarget(columns);
    delete draft.data.next_token;
  }
  const { window } = draft.data;
  if (window && !(isThere(window.time) && isThere(window.series))) draft.data.window = null;
  if (!isThere(draft.data.split.column) || (window && !draft.data.window))
    draft.data.split = usualSplit();
  if (draft.data.split.type === "shares" && !draft.data.window)
    draft.data.split = drafts.splitSaid(columns) ?? draft.data.split;
  settle(draft, columns);
}

/**
 * A draft whose target is another one: loss, metrics, features and how they are fed. `own` are features that a person
 * chose, or that the target asks for: these stay.
 */
export function settle(draft, columns, own = null) {
  const { data } = draft;
  const target = columns.find(({ name }) => name === data.target);
  Object.assign(draft.training, proposal(data, target, columns));
  data.features = own?.length ? own : drafts.featuresFor(columns, data);
  const features = drafts.featuresOf(draft, columns);
  data.input_shape = data.window ? null : drafts.pictureOf(features);
  data.missing = drafts.missingFor(features);
  const fed = new Set(features.map(({ name }) => name));
  const kept = own ? Object.entries(data.columns ?? {}).filter(([name]) => fed.has(name)) : [];
  data.columns = { ...drafts.stepsFor(features, columns, data.target), ...Object.fromEntries(kept) };
  if (data.next_token) data.columns = { [data.target]: { tokens: { ...drafts.tokensFor(target, MOST_NEXT), pad: "end" } } };
  data.scale = drafts.scaleFor(features.filter((column) => !isEmbedded(data, column)));
  if (!own) data.augment = [];
  const { split, window } = data;
  const question = drafts.questionOf(target);
  const areClasses = (question === "yes_no" || question === "classes") && !data.next_token;
  if (!window && ("stratify" in split || split.type === "shares")) split.stratify = areClasses;
  data.scale_target = question === "number" ? drafts.scaleFor([target]) : "none";
  if (Array.isArray(data.target)) data.scale_target = data.scale; // what it is fed is what it is to give
}

const MOST_NEXT = 2000; // words that are told apart at each place

/** Loss and metrics for what is asked: each place of a text is one of the vocabulary, what is fed is numbers. */
function proposal(data, target, columns) {
  if (data.next_token) return { loss: { type: "cross_entropy" }, metrics: [{ type: "accuracy" }] };
  if (Array.isArray(data.target)) return { loss: { type: "mse_loss" }, metrics: [{ type: "mae" }] };
  const isItself = data.features?.length === 1 && data.features[0] === data.target && !data.window;
  return isItself ? { loss: { type: "mse_loss" }, metrics: [{ type: "mae" }] } : drafts.proposalFor(target, columns);
}
