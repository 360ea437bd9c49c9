// A dataset that follows a rule: which one, how many rows, how much noise, which seed.

import * as api from "../api.js";
import { $, setText } from "../dom.js";

const NUMBERS = ["num_rows", "noise", "seed", "length"];
const LENGTHS = {
  sines: "values that are seen before the next",
  markov_text: "letters of a text",
  reversed_strings: "letters of a text, at most",
  text_pairs: "twice the words of a text, at most",
  shapes: "pixels of a side",
};

const control = (name) => $(`#generate-${name}`);

/** Make the form work, where the page has one. */
export function setUpGenerating() {
  control("form")?.addEventListener("submit", generate);
  control("name")?.addEventListener("change", showRule);
}

function showRule() {
  const chosen = control("name").selectedOptions[0];
  setText(control("help"), chosen.dataset.title);
  setText(control("length-help"), LENGTHS[chosen.value] ?? "");
  control("length-field").hidden = !(chosen.value in LENGTHS);
}

async function generate(event) {
  event.preventDefault();
  const name = control("name").value;
  const numbers = Object.fromEntries(NUMBERS.map((field) => [field, control(field).valueAsNumber]));
  setText(control("error"), "");
  try {
    const source = { type: "generated", name, ...numbers };
    const dataset = await api.post("/datasets", { name: name.replaceAll("_", " "), source });
    location.assign(`/datasets/${dataset.id}`);
  } catch (error) {
    setText(control("error"), error.errors?.map(({ msg }) => msg).join("; ") || error.message);
  }
}
