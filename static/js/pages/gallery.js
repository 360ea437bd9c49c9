// One click runs a program of the gallery.

import * as api from "../api.js";
import { $$ } from "../dom.js";
import { toastError } from "../shell.js";

for (const button of $$("[data-run-program]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const run = await api.post(`/gallery/${encodeURIComponent(button.dataset.runProgram)}`);
      location.assign(`/runs/${run.id}`);
    } catch (error) {
      button.disabled = false;
      toastError(error);
    }
  });
}
