// Branches that rewinds superseded, of a run that was told in brief: a snapshot has none of their points.

import * as api from "../api.js";
import { toNumber } from "../format.js";

const MAX_POINTS = 500; // of one branch
const MAX_NAMES = 40; // in one question

/** Give each series the branches that the server knows. */
export async function loadGhosts(run, state) {
  const names = [...state.series.values()].filter(({ length }) => length).map(({ name }) => name);
  for (let i = 0; i < names.length; i += MAX_NAMES) {
    const asked = { name: names.slice(i, i + MAX_NAMES), ghosts: 1, max_points: MAX_POINTS };
    const { ghosts } = await api.get(`/runs/${run.id}/metrics${api.query(asked)}`);
    for (const name of asked.name) state.seriesNamed(name).setGhosts(ghosts.filter((one) => one.name === name).map(toBranch));
  }
}

const toBranch = ({ steps, values }) => ({ steps, values: values.map((value) => toNumber(value) ?? NaN) });
