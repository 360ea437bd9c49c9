// What a group is, in words. Pure.

import { plural } from "../format.js";

/** Which run of its group one is: "fold 3 of 5", "seed 7, 2 of 5". */
export const placeOf = ({ over, value, place, num_runs: numRuns }) =>
  over === "folds" ? `fold ${place} of ${numRuns}` : `seed ${value}, ${place} of ${numRuns}`;

/** How its runs stand: "2 succeeded, 1 running". */
export const statusesInWords = (statuses) =>
  Object.entries(statuses)
    .map(([status, count]) => `${count} ${status}`)
    .join(", ");

/** Over what it is repeated: "5 folds", "3 seeds". */
export const overInWords = ({ over, members }) => plural(members.length, over === "folds" ? "fold" : "seed");
