// The model as a picture, beside its list: what is selected in one is selected in the other.

import { drawGraph } from "../modelgraph.js";
import { layersOf } from "../modellayout.js";
import { figuresOf } from "./places.js";

export class GraphView {
  constructor(studio, container, { onChosen }) {
    Object.assign(this, { studio, container, onChosen, graph: null });
    for (const name of ["model", "edit", "answer"]) studio.addEventListener(name, () => this.draw());
    studio.addEventListener("select", () => this.#select());
  }

  /** Nothing is laid out while nobody looks. */
  draw() {
    if (this.container.hidden) return;
    if (!this.studio.model.layers.length) {
      this.graph?.destroy();
      this.graph = null;
      return;
    }
    const problems = this.studio.answer.errors;
    if (this.graph) this.graph.update(this.#given(), { problems });
    else
      this.graph = drawGraph(this.container, this.#given(), {
        problems,
        onSelect: (_, box) => {
          this.onChosen();
          this.studio.select(box.index, null);
        },
      });
    this.#select();
  }

  #given() {
    const { model, answer, inputShape } = this.studio;
    const input = { name: "input", shape: inputShape };
    if (answer.inspection) return { input, layers: answer.inspection.layers, definition: model };
    // It does not hold: each layer as it is written, with what is known of it.
    const known = figuresOf(model, null, this.studio.reports);
    const layers = layersOf(model).map((layer, i) => ({
      ...layer,
      output_shape: known[i]?.shape ?? null,
      num_parameters: known[i]?.numParameters ?? null,
    }));
    return { input, layers, definition: model };
  }

  #select() {
    const { scope, at, model } = this.studio;
    if (this.graph && scope === null && model.layers[at]) this.graph.select(model.layers[at].name || String(at));
  }
}
