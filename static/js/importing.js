// What became of imported files, in words. Pure.

import * as format from "./format.js";

/** A line for each folder that was read, and for each file that was not read to its end. */
export function importedInWords({ runs }) {
  return runs.flatMap((run) => [
    run.run_id
      ? `${run.name}: ${format.plural(run.num_points, "point")}${left(run)}`
      : `${run.name}: no curve in it, so no run`,
    ...run.files
      .filter(({ fault }) => fault)
      .map(({ name, fault }) => `${name}: taken up to byte ${format.count(fault.offset)}; ${fault.message}`),
  ]);
}

const left = ({ num_skipped: skipped }) =>
  skipped ? `, ${format.plural(skipped, "point")} left out (a step has one value)` : "";

/** Whether files may hold curves: by their names, as TensorBoard chooses them. */
export const isEventFile = (name) => name.includes("tfevents") || name.toLowerCase().endsWith(".zip");
