// In the first step: what the doctor thinks of the chosen dataset, read as the draft says.

import * as api from "../api.js";
import { findingItem, summaryOf } from "../doctor/findings.js";
import { $, debounce, replace, setText } from "../dom.js";

const ASK_AFTER_MS = 300;

export class DoctorPanel {
  #asked = ""; // what the shown answer is about
  #request = null;

  constructor(builder, container) {
    Object.assign(this, { builder, container });
    this.ask = debounce(ASK_AFTER_MS, () => this.#ask());
  }

  /** The draft was checked: look again where something about its data has changed. */
  look(numParameters) {
    this.numParameters = numParameters ?? null;
    this.ask();
  }

  async #ask() {
    const { draft } = this.builder;
    const dataset = this.builder.datasets.find(({ id, status }) => id === draft.dataset && status === "ready");
    this.container.hidden = !dataset || !draft.data.target;
    if (this.container.hidden) return;
    const { loss } = draft.training;
    const isWeighed = Boolean(loss?.weight ?? loss?.pos_weight);
    const body = { data: draft.data, loss: loss?.type ?? null, num_parameters: this.numParameters, is_weighed: isWeighed };
    const asked = JSON.stringify([dataset.id, body]);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#request?.abort();
    this.#request = new AbortController();
    setText($(".doctor-state", this.container), "Looking…");
    try {
      const answer = await api.post(`/datasets/${dataset.id}/doctor`, body, { signal: this.#request.signal });
      this.#show(answer, dataset.id);
    } catch (error) {
      if (error.name === "AbortError") return;
      // What does not fit is told by the check of the draft.
      this.#show({ findings: [] }, dataset.id, error.status === 422 ? "" : error.message);
    }
  }

  #show(answer, datasetId, state = summaryOf(answer)) {
    setText($(".doctor-state", this.container), state);
    const onFix = (patch) => {
      this.builder.apply(patch);
      $(".doctor-state", this.container).focus(); // the button goes with its finding
    };
    replace(
      $(".doctor-findings", this.container),
      answer.findings.map((finding) => findingItem(finding, { datasetId, onFix })),
    );
  }
}
