// What the doctor thinks of a dataset, if a column of it were to be predicted.

import * as api from "../api.js";
import { findingItem, summaryOf } from "../doctor/findings.js";
import { h, replace, setText } from "../dom.js";
import { missingFor, pictureOf, scaleFor } from "../draft.js";
import { field, select } from "../forms.js";

/** Fill the section: a target to choose, and what is found then. */
export function setUpDoctor(dataset, section) {
  const state = h("p", { class: "muted small", role: "status" });
  const list = h("ul", { class: "doctor-findings", aria: { label: "Findings of the doctor" } });
  const options = [
    { value: "", label: "choose a column" },
    ...dataset.columns.map(({ name }) => ({ value: name, label: name })),
  ];
  const target = select(options, "", (name) => ask(dataset, name, state, list));
  replace(
    section,
    h("div", { class: "card-head" }, h("h2", { id: "doctor-title" }, "Doctor")),
    h("div", { class: "stack-s" }, field({ label: "What would spoil a run that predicts", loc: null }, target), state, list),
  );
  section.hidden = false;
}

async function ask(dataset, target, state, list) {
  replace(list);
  setText(state, target ? "Looking…" : "");
  if (!target) return;
  try {
    const answer = await api.post(`/datasets/${dataset.id}/doctor`, { data: asProposed(dataset.columns, target) });
    setText(state, summaryOf(answer));
    replace(
      list,
      answer.findings.map((finding) => findingItem(finding, { datasetId: dataset.id })),
    );
  } catch (error) {
    setText(state, error.message);
  }
}

/** The data of a run as its page would begin. */
function asProposed(columns, target) {
  const features = columns.filter(({ name }) => name !== target);
  return {
    target,
    input_shape: pictureOf(features),
    scale: scaleFor(features),
    missing: missingFor(features),
  };
}
