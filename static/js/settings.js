// A run's specification as short lines. Pure.

import { count, duration, exact, plural } from "./format.js";
import { targetInWords } from "./targets.js";

/** [name, value] pairs, the most telling first; `controls` are what was asked of the run under way. */
export function settingsOf(run, controls = []) {
  const { data = {}, training = {}, config } = run.spec;
  if (config) return flattened(config);
  return [
    [
      "model",
      `${run.model?.name ?? run.spec.model?.name ?? "unnamed"}, ${plural(run.num_parameters ?? run.inspection?.num_parameters ?? 0, "parameter")}`,
    ],
    ["data", `${run.dataset?.name ?? "dataset"}, ${splitInWords(data.split)}`],
    ["target", targetInWords(data)],
    ...(data.window ? [["window", windowInWords(data.window)]] : []),
    ["loss", lossInWords(training)],
    ["optimizer", inWords(training.optimizer)],
    ...rateInWords(controls),
    ["schedule", inWords(training.schedule) || "constant"],
    ["epochs", epochsInWords(run)],
    ["batch", training.batch_size ? count(training.batch_size) : "all rows"],
    ...stepsInWords(training),
    [
      "early stopping",
      training.early_stopping
        ? `after ${plural(training.early_stopping.patience, "epoch")} without a better ${training.early_stopping.series}`
        : "none",
    ],
    ...(training.time_limit_s ? [["time limit", duration(training.time_limit_s)]] : []),
    ["scaling", data.scale === "none" || !data.scale ? "none" : data.scale.replaceAll("_", " ")],
    ...(Object.keys(data.columns ?? {}).length
      ? [["made ready by themselves", Object.keys(data.columns).join(", ")]]
      : []),
    ...(data.augment?.length ? [["augmentation", data.augment.map(inWords).join(", ")]] : []),
    ["seed", String(training.seed ?? 0)],
  ];
}

/** [name, value] pairs of what its steps do beside the usual. */
function stepsInWords(training) {
  const { micro_batch_size, num_processes = 1, precision, tf32, compile, deterministic, ema, swa } = training;
  const { fit_memory, lr_range_test: test } = training;
  const late = ema?.start_step ? `, from step ${count(ema.start_step + 1)} on` : "";
  const said = [
    ["rows at once", micro_batch_size && count(micro_batch_size)],
    ["out of memory", fit_memory && "fewer rows at once"],
    ["rates tried first", test && `${count(test.num_steps)}, from ${test.start_lr} to ${test.end_lr}`],
    ["processes", num_processes > 1 && count(num_processes)],
    ["precision", [precision, tf32 && "TF32 on a GPU"].filter(Boolean).join(", ")],
    ["steps", [compile && "compiled", deterministic === false && "not the same bits on a GPU"].filter(Boolean).join(", ")],
    ["weights left", ema && `a moving average, ${ema.decay} of it kept each step${late}`],
    ["weights left", swa && `the mean of those after each epoch from ${count(swa.start_epoch + 1)} on`],
  ];
  return said.filter(([, value]) => value);
}

/** The learning rate that was set last, if any was. */
function rateInWords(controls) {
  const set = controls.filter(({ type, step }) => type === "set_lr" && Number.isFinite(step)).at(-1);
  return set ? [["learning rate", `${exact(set.lr)} after step ${count(set.step)}`]] : [];
}

/** How many there are, and how many were planned where that was changed. */
function epochsInWords({ spec, num_epochs: now }) {
  const planned = spec.training?.num_epochs;
  return now === undefined || now === null || now === planned ? count(planned) : `${count(now)}, at first ${count(planned)}`;
}

/** Of several outputs, the loss of each with what it counts in the sum. */
export function lossInWords({ loss, outputs }) {
  if (!outputs) return loss?.type ?? "–";
  const told = Object.entries(outputs).map(([name, one]) => {
    const weight = (one.weight ?? 1) === 1 ? "" : `${one.weight} × `;
    return `${weight}${one.loss.type} of ${name}`;
  });
  return told.join(" + ");
}

/** What a script said that it was set to, by dotted names. */
function flattened(config, prefix = "") {
  return Object.entries(config).flatMap(([key, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? flattened(value, `${prefix}${key}.`)
      : [[prefix + key, typeof value === "string" ? value : JSON.stringify(value)]],
  );
}

const UNTOLD = new Set(["type", "warmup_steps", "eps", "betas"]);

/** {type: "sgd", lr: 0.1, momentum: 0.9} -> "sgd lr=0.1 momentum=0.9", without what is zero, off or left as it is. */
export function inWords(spec) {
  if (!spec?.type) return "";
  const told = Object.entries(spec).filter(
    ([name, value]) => !UNTOLD.has(name) && value !== null && value !== false && value !== 0,
  );
  const undecayed = spec.decay_norms_and_biases === false ? ["norms and biases undecayed"] : [];
  return [spec.type, ...told.map(([name, value]) => `${name}=${inShort(value)}`), ...undecayed].join(" ");
}

function inShort(value) {
  if (Array.isArray(value)) return value.join("×");
  return typeof value === "object" ? inWords(value) : String(value);
}

/** {length: 32, horizon: 8, time: "hour"} -> "32 rows to predict 8, by hour" */
export function windowInWords({ length, horizon = 1, ahead = 1, stride = 1, time, series }) {
  const gap = ahead === 1 ? "" : ahead === 0 ? " at the last of them" : ` from ${ahead} rows ahead on`;
  const parts = [`${plural(length ?? 32, "row")} to predict ${count(horizon)}${gap}`];
  if (stride !== 1) parts.push(`every ${stride} rows`);
  if (time) parts.push(`by ${time}`);
  if (series) parts.push(`series by ${series}`);
  return parts.join(", ");
}

export function splitInWords(split) {
  if (!split) return "all rows for training";
  if (split.type === "column") return `split by column ${split.column}`;
  const [groups, time] = [split.group, split.time].map((name, i) => name ?? (split.type === ["grouped", "time"][i] && split.column));
  const how = groups ? `, groups by ${groups}` : time ? `, by time of ${time}` : "";
  const fold = split.type === "k_fold" ? [`fold ${split.fold ?? 0} of ${split.num_folds ?? 5} validates`] : [];
  const parts = [
    ["test", split.test],
    ["validation", split.validation],
  ].filter(([, share]) => share > 0);
  const shares = parts.map(([name, share]) => `${Math.round(share * 100)}% ${name}`);
  return shares.length + fold.length ? [...fold, ...shares].join(", ") + how : "all rows for training";
}
