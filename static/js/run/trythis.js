// A finding's patch, tried: in the form of a run, or at once.

import * as api from "../api.js";
import { nextName } from "../draft.js";
import { FORM, handOver } from "../handover.js";
import { mergePatch } from "../mergepatch.js";

/** Open the form with the run's specification as the patch makes it. */
export function openInForm(run, patch) {
  handOver({ ...mergePatch(run.spec, patch), name: nextName(run.spec.name ?? run.name) }, FORM);
}

/** Queue it as it is, and go there. */
export async function startAtOnce(run, patch) {
  const name = nextName(run.spec.name ?? run.name);
  const made = await api.post(`/runs/${run.id}/clone`, { patch: { ...patch, name } });
  location.assign(`/runs/${made.id}`);
}
