// "Edit" on a run's page: its name, tags, project and notes.

import * as api from "../api.js";
import { $ } from "../dom.js";
import { askEdit } from "../runs/ask.js";
import { toastError } from "../shell.js";

/** The page is read again afterwards: its notes are made into HTML by the server alone. */
export function startEditing(id) {
  $("#edit").addEventListener("click", async () => {
    try {
      if (await askEdit(await api.get(`/runs/${id}`))) location.reload();
    } catch (error) {
      toastError(error);
    }
  });
}
