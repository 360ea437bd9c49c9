// What can be asked of a run under way, and what was, in words. Pure.

import { count, exact, plural } from "./format.js";
import { FINISHED } from "./runstate.js";

/** What a run can be asked for as it stands: {pause, resume, cancel, control}. */
export function offersOf({ origin, request, checkpoints = [] }, status) {
  const isOurs = !origin || origin === "worker";
  const isEnding = request === "cancel";
  const isPausing = status === "running" && request === "pause";
  const endedBadly = (status === "failed" || status === "cancelled") && checkpoints.length > 0;
  const isUnderWay = !FINISHED.has(status) && !isEnding;
  return {
    pause: isOurs && isUnderWay && status !== "paused" && !isPausing,
    resume: isOurs && ((isUnderWay && (status === "paused" || isPausing)) || endedBadly),
    cancel: !FINISHED.has(status),
    control: isOurs && isUnderWay,
  };
}

const WORDS = {
  checkpoint: () => "a checkpoint",
  stop: ({ keep }) => `stop, with the ${keep === "last" ? "last" : "best"} weights`,
  set_lr: ({ lr }) => `a learning rate of ${exact(lr)}`,
  set_num_epochs: ({ num_epochs: epochs }) => `${count(epochs)} epochs`,
  profile: ({ num_steps: steps }) => `a profile of ${plural(steps, "step")}`,
  time_limit: () => "stop at its time limit",
};

/** What was asked for: "a learning rate of 0.0003". */
export const askedFor = (control) => WORDS[control.type]?.(control) ?? control.type;

const isOpen = ({ step }) => !Number.isFinite(step);

/** What was asked and is not done yet, in a sentence; "" where nothing is. `controls` in their order. */
export function pendingInWords(controls, status) {
  const open = controls.filter(isOpen);
  if (!open.length) return "";
  const what = open.map(askedFor).join("; ");
  if (FINISHED.has(status)) return `asked too late: ${what}`;
  return `asked, and done ${status === "running" ? "between two steps" : "when it goes on"}: ${what}`;
}

/** What was done after a step, as the sign on a curve says it. */
export function doneInWords(control) {
  const after = `after step ${count(control.step)}`;
  const best = control.best_epoch ? `, keeping epoch ${count(control.best_epoch)}` : "";
  if (control.type === "time_limit") return `Stopped at its time limit ${after}${best}`;
  if (control.type === "stop") return `Stopped ${after}, as was asked${best || ", keeping the last weights"}`;
  if (control.type === "set_lr") return `Learning rate set to ${exact(control.lr)} ${after}`;
  if (control.type === "set_num_epochs") return `Epochs set to ${count(control.num_epochs)} ${after}`;
  if (control.type === "profile") return `A profile of ${plural(control.num_steps, "step")} was taken ${after}`;
  return `A checkpoint was asked for ${after}`;
}

/** The stop that ended it, if one did. */
export const stopOf = (controls) => controls.find((one) => !isOpen(one) && (one.type === "stop" || one.type === "time_limit"));

/** The learning rate that a schedule goes by now. */
export function rateOf({ spec }, controls) {
  return controls.filter((one) => one.type === "set_lr").at(-1)?.lr ?? spec.training?.optimizer?.lr;
}
