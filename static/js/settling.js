// What follows for a run that is being described from its dataset, its target and its features. Pure: changes the draft.

import * as drafts from "./draft.js";
import { isEmbedded } from "./lookupdraft.js";

/** A draft whose dataset is another one: what it names that is not there gives way, and the rest follows. */
export function settleDataset(draft, columns) {
  const names = new Set(columns.map(({ name }) => name));
  const isThere = (name) => name === null || name === undefined || names.has(name);
  if (!names.has(draft.data.target)) draft.data.target = drafts.likelyTarget(columns);
  const { window } = draft.data;
  if (window && !(isThere(window.time) && isThere(window.series))) draft.data.window = null;
  if (!isThere(draft.data.split.column) || (window && !draft.data.window))
    draft.data.split = { type: "shares", train: 0.7, validation: 0.15, test: 0.15 };
  if (draft.data.split.type === "shares" && !draft.data.window)
    draft.data.split = drafts.splitSaid(columns) ?? draft.data.split;
  settle(draft, columns);
}

/** A draft whose target is another one: loss, metrics, features and how they are fed. `own` are features that a person
 * chose: these stay. */
export function settle(draft, columns, own = null) {
  const target = columns.find(({ name }) => name === draft.data.target);
  Object.assign(draft.training, drafts.proposalFor(target, columns));
  draft.data.features = own?.length ? own : drafts.featuresFor(columns, draft.data);
  const features = drafts.featuresOf(draft, columns);
  draft.data.input_shape = draft.data.window ? null : drafts.pictureOf(features);
  draft.data.missing = drafts.missingFor(features);
  const fed = new Set(features.map(({ name }) => name));
  const kept = own ? Object.entries(draft.data.columns ?? {}).filter(([name]) => fed.has(name)) : [];
  draft.data.columns = { ...drafts.stepsFor(features, columns, draft.data.target), ...Object.fromEntries(kept) };
  draft.data.scale = drafts.scaleFor(features.filter((column) => !isEmbedded(draft.data, column)));
  if (!own) draft.data.augment = [];
  const { split, window } = draft.data;
  const isNumber = drafts.questionOf(target) === "number";
  if (!window && ("stratify" in split || split.type === "shares")) split.stratify = !isNumber;
  draft.data.scale_target = isNumber ? drafts.scaleFor([target]) : "none";
}
