// The card of a model's graph: the picture, and in a line what is known of the layer that was chosen in it.

import { h, replace } from "../dom.js";
import * as format from "../format.js";
import { layerInWords } from "../layerwords.js";
import { drawGraph } from "../modelgraph.js";

export class GraphCard {
  #graph = null;
  #given = null;

  constructor() {
    this.place = h("div");
    this.chosen = h("p", { class: "small graph-chosen", role: "status" });
    this.element = h(
      "section",
      { class: "card stack-s", "aria-label": "Graph" },
      h("h2", {}, "Graph"),
      this.place,
      this.chosen,
    );
  }

  /** `inspection` as the API answers it; of one without shapes, the layers as they are written. */
  show(inspection, definition) {
    this.#given = { inspection, definition };
    replace(this.chosen, "Choose a layer to see its settings.");
    const graph = { input: { name: "input", shape: inspection.input_shape }, layers: inspection.layers, definition };
    if (this.#graph) this.#graph.update(graph);
    else this.#graph = drawGraph(this.place, graph, { onSelect: (_, box) => this.#tell(box) });
  }

  #tell(box) {
    const { inspection, definition } = this.#given;
    const inside = inspection.layers.filter(({ name }) => box.names.includes(name));
    const own = box.kind === "layer" && box.id.includes(".") ? null : definition.layers[box.index];
    const sum = (key) => inside.reduce((total, layer) => total + (layer[key] ?? 0), 0);
    const facts = [
      box.shape ? `output ${format.shape(box.shape)}` : "",
      box.numParameters ? format.plural(box.numParameters, "parameter") : "",
      sum("num_multiply_adds") ? `${format.short(sum("num_multiply_adds"))} multiply-adds` : "",
      own && !box.isRange ? layerInWords(own) : "",
    ];
    const title = box.kind === "layer" ? `${box.title} ${box.id}` : box.title;
    replace(this.chosen, h("strong", {}, title), " ", facts.filter(Boolean).join(" · "));
  }
}
