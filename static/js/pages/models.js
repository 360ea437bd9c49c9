// The list of models: of each the newest version; the older ones are fetched and shown below it when asked for.

import * as api from "../api.js";
import { $$, h } from "../dom.js";
import * as format from "../format.js";
import { moment } from "../models/versions.js";
import { toastError } from "../shell.js";

for (const button of $$("[data-older]")) button.addEventListener("click", () => toggle(button).catch(toastError));
for (const time of $$("#models time")) time.replaceWith(moment(time.getAttribute("datetime")));

async function toggle(button) {
  const row = button.closest("tr");
  const { model } = row.dataset;
  const isOpen = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!isOpen));
  for (const old of $$(`[data-older-than="${model}"]`)) old.remove();
  if (isOpen) return;
  const versions = await api.get(`/models/${model}/versions`);
  row.after(...versions.filter(({ id }) => id !== model).map((one) => olderRow(one, model)));
}

const olderRow = (one, newest) =>
  h(
    "tr",
    { class: "linked older-version", data: { olderThan: newest } },
    h(
      "th",
      { scope: "row" },
      h(
        "span",
        {},
        h("a", { class: "row-link", href: `/models/${one.id}` }, one.name),
        " ",
        h("span", { class: "tag" }, `v${one.version}`),
      ),
    ),
    h("td", { data: { label: "Layers" } }),
    h("td", { class: "right", data: { label: "Number of layers" } }, format.count(one.num_layers)),
    h(
      "td",
      { class: "right", data: { label: "Parameters" } },
      one.num_parameters === null ? "" : format.count(one.num_parameters),
    ),
    h("td", { class: "right", data: { label: "Runs" } }, format.count(one.num_runs)),
    h("td", { class: "right muted", data: { label: "Kept" } }, moment(one.created_at)),
  );
