// What happened to a run, as signs on its curves: checkpoints, findings, resumes, what was asked, steps of the learning rate. Pure.

import { doneInWords } from "./controls.js";
import { count, measure } from "./format.js";

const MOST_CHANGES = 40; // a learning rate that changes more often than this glides rather than steps
const MOST_OFTEN = 0.05; // of its points

/** [{step, kind, text}] in the order of their steps. `state` is a RunState. */
export function eventsOf(state) {
  const controls = [...state.controls.values()].filter(({ step }) => Number.isFinite(step));
  const set = controls.filter(({ type }) => type === "set_lr"); // which is told as that
  const events = [
    ...state.marks.map(({ kind, step, isBest }) => ({ kind, step, text: TEXTS[kind](step, isBest) })),
    ...state.findings
      .filter(({ step }) => Number.isFinite(step))
      .map(({ step, title }) => ({ kind: "finding", step, text: `${title}, step ${count(step)}` })),
    ...controls.map((control) => ({ kind: "control", step: control.step, text: doneInWords(control) })),
    ...rateChanges(state.series.get("optimizer/lr")).filter(({ step, before }) => !set.some((one) => before <= one.step && one.step < step)),
  ];
  return events.sort((a, b) => a.step - b.step);
}

const TEXTS = {
  checkpoint: (step, isBest) => `Checkpoint${isBest ? ", the best so far" : ""}, step ${count(step)}`,
  resume: (step) => `Went on from step ${count(step)}`,
};

/** Where a learning rate leaps from one value to another; nothing where it glides. */
export function rateChanges(series) {
  if (!series) return [];
  const { steps, values, length } = series;
  const changes = [];
  for (let i = 1; i < length; i += 1) {
    if (values[i] === values[i - 1] || !Number.isFinite(values[i]) || !Number.isFinite(values[i - 1])) continue;
    const text = `Learning rate ${measure(values[i - 1])} → ${measure(values[i])}, step ${count(steps[i])}`;
    changes.push({ kind: "rate", step: steps[i], before: steps[i - 1], text });
    if (changes.length > MOST_CHANGES) return [];
  }
  return changes.length <= length * MOST_OFTEN ? changes : [];
}
