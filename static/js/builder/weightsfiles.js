// The files of weights that a backbone can begin with: those that are kept, and one that is sent now.

import * as api from "../api.js";
import { arrive } from "../datasets/arriving.js";
import { h, replace } from "../dom.js";
import { field, select } from "../forms.js";
import * as format from "../format.js";
import { toastError } from "../shell.js";

/** Beside the field `weights` of `layer`. `onChange` is called once a file was chosen. */
export function weightsFiles(layer, onChange) {
  const choice = h("div");
  const sending = h("ul", { class: "uploads", "aria-live": "polite" });
  const take = (id) => {
    if (id) layer.weights = { type: "file", id };
    else delete layer.weights;
    onChange();
  };
  const draw = async () => {
    const { items } = await api.get("/weights").catch((error) => (toastError(error), { items: [] }));
    const options = items.map(({ id, name, size_bytes: size }) => ({ value: id, label: `${name}, ${format.bytes(size)}` }));
    const chosen = layer.weights?.type === "file" ? layer.weights.id : "";
    const files = select([{ value: "", label: items.length ? "choose one" : "none is kept yet" }, ...options], chosen, take);
    replace(choice, field({ label: "A file of weights", help: "safetensors, or a state_dict that torch.save wrote" }, files));
  };
  const input = h("input", { class: "visually-hidden", type: "file", accept: ".safetensors,.pth,.pt" });
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (file) await arrive(file, sending, (sent, item) => keep(sent, item));
    input.value = "";
  });

  async function keep(sent, { say, show, remove }) {
    try {
      const kept = await api.post("/weights", { upload: sent.id });
      remove();
      take(kept.id);
    } catch (error) {
      say("not kept");
      show(h("p", { class: "field-error" }, error.message));
    }
  }

  draw();
  return h("div", { class: "stack-s" }, choice, h("label", { class: "button file-button" }, "Send a file", input), sending);
}
