// An image to be judged: chosen or dropped as a file, or taken from the dataset.

import { h, uniqueId } from "../dom.js";

const SHOWN_SIZE = 1024; // in pixels: the largest that the server shows of a dataset's image

/** A field that holds one image; `changed` is called when there is another. */
export class ImageInput {
  #changed;
  #url = "";

  constructor(name, changed) {
    this.#changed = changed;
    const id = uniqueId("try");
    this.picture = h("img", { class: "try-picture", alt: `the image for ${name}`, hidden: true });
    this.file = h("input", {
      class: "input",
      id,
      type: "file",
      accept: "image/*",
      onchange: () => this.#read(this.file.files[0]),
    });
    this.element = h(
      "div",
      {
        class: "field wide",
        ondragover: (event) => event.preventDefault(),
        ondrop: (event) => {
          event.preventDefault();
          this.#read(event.dataTransfer.files[0]);
        },
      },
      h("label", { class: "field-label", for: id }, name),
      this.file,
      this.picture,
    );
  }

  /** The image in base64, as the server takes it; null while there is none. */
  read() {
    return this.#url.split(",", 2)[1] ?? null;
  }

  /** Show the image of a row of the dataset. */
  async take(dataset, name, row) {
    const address = `/api/v1/datasets/${dataset.id}/images/${encodeURIComponent(name)}/${row}?size=${SHOWN_SIZE}`;
    const answer = await fetch(address, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(`The image of row ${row + 1} could not be fetched.`);
    this.file.value = "";
    await this.#show(await answer.blob());
  }

  async #read(file) {
    if (!file) return;
    await this.#show(file);
    this.#changed();
  }

  async #show(blob) {
    this.#url = await asDataUrl(blob);
    this.picture.src = this.#url;
    this.picture.hidden = false;
  }
}

function asDataUrl(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(new Error("The file could not be read.")));
    reader.readAsDataURL(blob);
  });
}
