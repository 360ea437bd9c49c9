// Data for a model that a run is to begin with: what its last run was fed, else the newest dataset that fits.

import * as api from "../api.js";
import { draftOf } from "../draft.js";
import * as format from "../format.js";
import { settleDataset } from "../settling.js";

const MOST_TRIED = 20;

/** {draft, words}: the draft with data that fit its model, and where they are from; the same draft where none does. */
export async function fittedDraft(builder, modelId) {
  const ready = builder.datasets.filter(({ status }) => status === "ready");
  if (!ready.length) return { draft: builder.draft, words: "" };
  const tried = ready.slice(0, MOST_TRIED);
  return (await asInLastRun(builder, modelId)) ?? (await withNewest(builder, tried)) ?? { draft: builder.draft, words: noneInWords(tried) };
}

async function asInLastRun(builder, modelId) {
  try {
    const filter = `model:${modelId}`;
    const [last] = (await api.get(`/runs${api.query({ filter, limit: 1 })}`)).items;
    if (!last?.dataset) return null;
    const { data, training } = (await api.get(`/runs/${last.id}`)).spec;
    await builder.data.load(last.dataset.id, { isNew: true });
    const { loss, metrics, outputs } = training;
    const draft = draftOf({ ...builder.draft, dataset: last.dataset.id, data, training: { loss, metrics, ...(outputs && { outputs }) } });
    return (await fits(draft)) ? { draft, words: `as in ${last.name}, the last run of this model` } : null;
  } catch {
    return null; // that run or its dataset is gone
  }
}

async function withNewest(builder, datasets) {
  for (const { id } of datasets) {
    await builder.data.load(id);
    const draft = draftOf({ ...builder.draft, dataset: id });
    settleDataset(draft, builder.datasets.find((one) => one.id === id).columns ?? []);
    if (await fits(draft)) return { draft, words: "the newest that fits this model" };
  }
  return null;
}

const fits = async (draft) => (await api.post("/runs/check", { ...draft, name: "fitting" })).ok;

const noneInWords = ({ length }) =>
  length === 1
    ? "the one dataset there is does not fit this model as it stands"
    : `none of the ${length === MOST_TRIED ? "newest " : ""}${format.count(length)} datasets fits this model as it stands`;
