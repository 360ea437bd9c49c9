// What several inputs are fed, and what several outputs are held to. Pure: changes the draft.

import { likelyTarget, proposalFor, questionOf, scaleFor } from "../draft.js";
import { settle } from "../settling.js";

/** Which columns each of several inputs is fed to begin with: that of its name; what is left goes to those without. */
export function inputsFor(names, columns) {
  const left = columns.filter((name) => !names.includes(name));
  const without = names.filter((name) => !columns.includes(name));
  const share = (name) => {
    const at = without.indexOf(name);
    return at === without.length - 1 ? left.slice(at) : left.slice(at, at + 1);
  };
  return Object.fromEntries(names.map((name) => [name, columns.includes(name) ? [name] : share(name)]));
}

/** A draft's data for a model with these inputs: what each is fed where there are several, else what all are. */
export function feedInputs(data, names, columns) {
  if ((names?.length ?? 1) === 1) {
    delete data.inputs;
    return;
  }
  if (isSame(data.inputs, names)) return;
  data.inputs = inputsFor(names, columns);
  data.features = null;
  data.input_shape = null;
}

const isSame = (one, names) => JSON.stringify(Object.keys(one ?? {})) === JSON.stringify(names);

/** A draft for a model with these outputs: a target, a loss and metrics for each where there are several. */
export function askOutputs(draft, names, columns) {
  const { data, training } = draft;
  if ((names?.length ?? 1) === 1) {
    if (data.outputs) askOnce(draft, columns);
    return;
  }
  if (isSame(data.outputs, names)) return;
  const asked = columns.find(({ name }) => name === data.target) ?? columns.at(-1);
  const columnOf = (name) => columns.find((column) => column.name === name) ?? asked;
  data.outputs = Object.fromEntries(names.map((name) => [name, {}]));
  training.outputs = {};
  for (const name of names) holdTo(draft, name, columnOf(name));
  for (const field of ["target", "scale_target", "next_token"]) delete data[field];
  if (data.split.stratify) data.split.stratify = false; // by which of them?
  for (const field of ["loss", "metrics"]) delete training[field];
}

/** Hold an output to a column: with its scale, and the loss and metrics that fit. */
export function holdTo(draft, name, column) {
  const isNumber = questionOf(column) === "number";
  draft.data.outputs[name] = { target: column.name, ...(isNumber && { scale_target: scaleFor([column]) }) };
  draft.training.outputs[name] = proposalFor(column);
}

function askOnce(draft, columns) {
  delete draft.data.outputs;
  delete draft.training.outputs;
  draft.data.target = likelyTarget(columns);
  settle(draft, columns);
}
