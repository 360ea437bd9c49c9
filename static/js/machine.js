// Readings of the machine and of the time that steps take: which series share a chart, and how their values are said. Pure.

import * as format from "./format.js";

const READING = /^(system|time)\//;
const GPU = /^system\/gpu(\d+)_(.+)$/;

/** Whether a series of a run that was trained here is a reading: those have a tab of their own. */
export const isReading = (name) => READING.test(name);

export const PHASES = [
  { name: "time/data_s", label: "waiting for data", role: "other" },
  { name: "time/forward_s", label: "forward", role: "train" },
  { name: "time/backward_s", label: "backward", role: "validation" },
  { name: "time/optimizer_s", label: "optimizer", role: "test" },
];
const MACHINE = { label: "machine", role: "other" };
const OURS = { label: "this run", role: "train" };
const CHARTS = [
  { key: "time/samples_per_s", title: "Samples per second", curves: [{ name: "time/samples_per_s", label: "samples", role: "train" }] },
  { key: "time/step", title: "Time of a step", curves: PHASES },
  { key: "system/cpu", title: "Processor", curves: [{ name: "system/cpu_percent", ...MACHINE }, { name: "system/process_cpu_percent", label: "this run, of one core", role: "train" }] },
  { key: "system/memory", title: "Memory", curves: [{ name: "system/memory_bytes", ...MACHINE }, { name: "system/process_memory_bytes", ...OURS }] },
];
const DISK = [
  {
    key: "system/disk",
    title: "Disk",
    curves: [
      { name: "system/disk_read_bytes_per_s", label: "read", role: "train" },
      { name: "system/disk_write_bytes_per_s", label: "written", role: "validation" },
    ],
  },
  { key: "system/disk_free", title: "Free disk space", curves: [{ name: "system/disk_free_bytes", label: "free", role: "other" }] },
];
const OF_GPUS = { percent: "GPU", memory_bytes: "GPU memory", temperature_c: "GPU temperature", power_w: "GPU power" };
const ROLES = ["train", "validation", "test", "other"];

/** The charts for some series names, as `chartsFor` of curves.js lists them: those of which there is a curve. */
export function machineCharts(names) {
  const known = new Set(names);
  return [...CHARTS, ...gpuCharts([...known].sort()), ...DISK]
    .map((chart) => ({ ...chart, curves: chart.curves.filter(({ name }) => known.has(name)) }))
    .filter(({ curves }) => curves.length);
}

/** Each figure of all GPUs together. */
function gpuCharts(names) {
  const found = names.map((name) => ({ name, match: GPU.exec(name) })).filter(({ match }) => match);
  return Object.entries(OF_GPUS).map(([figure, title]) => ({
    key: `system/gpu_${figure}`,
    title,
    curves: found
      .filter(({ match }) => match[2] === figure)
      .map(({ name, match }, i) => ({ name, label: `GPU ${match[1]}`, role: ROLES[i % ROLES.length] })),
  }));
}

const rounded = (value, digits = 3) => String(Number(value.toPrecision(digits))).replace("-", "−");

/** Bytes with more digits than a file's size has: what is left of a disk changes slowly. */
function size(value) {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.abs(value) || 1) / 3)));
  return `${rounded(value / 1000 ** power, 4)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

const WORDS = [
  [/_percent$/, (value) => `${rounded(value)}%`],
  [/_bytes_per_s$/, (value) => `${size(value)}/s`],
  [/_bytes$/, size],
  [/_temperature_c$/, (value) => `${rounded(value)} °C`],
  [/_power_w$/, (value) => `${rounded(value)} W`],
  [/_per_s$/, (value) => format.short(value < 100 ? Number(value.toPrecision(3)) : Math.round(value))],
  [/_s$/, (value) => seconds(value)],
];

/** How the values of a series are said, with their unit; null for a series that has none. */
export function wordsOf(name) {
  if (!isReading(name)) return null;
  const words = WORDS.find(([suffix]) => suffix.test(name))?.[1];
  return words ? (value) => (Number.isFinite(value) ? words(value) : format.number(value)) : null;
}

/** Seconds that may be very few: 85 µs, 1.24 ms, 3.1 s. */
export function seconds(value) {
  if (value === 0) return "0";
  const length = Math.abs(value);
  const [unit, name] = length < 1e-3 ? [1e-6, "µs"] : length < 1 ? [1e-3, "ms"] : [1, "s"];
  return `${rounded(value / unit)} ${name}`;
}

const LAST = 20; // measurements that the bar is a mean of
const MUCH = 0.3; // of a step, that goes by waiting

/**
 * Where the time of a step goes, by the latest measurements of `series` (a map by name): {total, parts: [{label, role,
 * seconds, share}], words}; null before the first.
 */
export function stepTime(series) {
  const parts = PHASES.map(({ name, label, role }) => ({ label, role, seconds: latestMean(series.get(name)) }));
  if (parts.some((part) => part.seconds === null)) return null;
  const total = parts.reduce((sum, part) => sum + part.seconds, 0);
  for (const part of parts) part.share = total ? part.seconds / total : 0;
  const words = parts.map(({ label, share }) => `${label} ${Math.round(share * 100)}%`).join(", ");
  const waits = parts[0].share > MUCH;
  return { total, parts, words, waits };
}

function latestMean(series) {
  if (!series?.length) return null;
  const values = series.values.slice(Math.max(0, series.length - LAST), series.length).filter(Number.isFinite);
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}

/** The profiles among the files of a run, the latest first: {step, summary, trace}. */
export function profilesOf(artifacts) {
  const found = artifacts.map(({ name }) => /^profile-(\d+)-operators\.json$/.exec(name)).filter(Boolean);
  const profiles = found.map(([summary, step]) => ({ step: Number(step), summary, trace: `profile-${step}.json.gz` }));
  return profiles.sort((a, b) => b.step - a.step);
}
