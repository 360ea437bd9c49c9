// What a model can begin with, beside single layers: a template, a model that was kept, one that Keras wrote.

import * as api from "../api.js";
import { $, h, replace, setText } from "../dom.js";
import { field, select } from "../forms.js";

/** The templates as cards, those that fit first. */
export function templateCards(studio, onChosen) {
  const list = h("ul", { class: "templates" });
  const draw = () => {
    const { templates } = studio;
    const fitting = templates.filter(({ definition }) => definition);
    const others = templates.filter(({ definition }) => !definition);
    replace(list, [...fitting, ...others].map((template) => h("li", {}, card(template, () => onChosen(template)))));
  };
  studio.addEventListener("templates", draw);
  draw();
  return list;
}

function card({ key, title, help, problem }, onclick) {
  return h(
    "button",
    { class: "template", type: "button", disabled: Boolean(problem), data: { template: key }, onclick },
    h("strong", {}, title),
    h("span", { class: "small muted" }, problem ?? help),
  );
}

/** A select of the models that are kept; null where there are none. */
export function keptModels(models, onChosen) {
  if (!models.length) return null;
  const options = [{ value: "", label: "choose one" }, ...models.map(({ id, name }) => ({ value: id, label: name }))];
  const choice = select(options, "", (id) => {
    const found = models.find((model) => model.id === id);
    if (found) onChosen({ title: found.name, definition: { ...found.definition, name: found.name } });
  });
  return field({ label: "A kept model" }, choice);
}

/** A form that reads what `model.to_json()` of Keras gives. `onRead` gets {title, definition, inputShape, notes}. */
export function kerasForm(onRead) {
  const text = h("textarea", { class: "textarea", rows: 5, spellcheck: "false", placeholder: '{"class_name": "Sequential", …' });
  const shape = h("input", { class: "input figures", placeholder: "as the model says", autocomplete: "off" });
  const notes = h("ul", { class: "small keras-notes", role: "status" });
  const box = field({ label: "What model.to_json() of a Keras Sequential gives" }, text);
  const read = async () => {
    replace(notes);
    setText($(".field-error", box), "");
    let body;
    try {
      body = JSON.parse(text.value);
    } catch (error) {
      setText($(".field-error", box), error.message);
      return;
    }
    const sizes = shape.value.split(/[^0-9]+/).filter(Boolean);
    try {
      const found = await api.post(`/models/from-keras${sizes.length ? `?input_shape=${sizes}` : ""}`, body);
      replace(notes, found.notes.map((note) => h("li", {}, note)));
      onRead({ title: found.model.name ?? "The model", definition: found.model, inputShape: found.input_shape });
    } catch (error) {
      const told = error.errors?.length ? error.errors.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`) : [error.message];
      replace(notes, told.map((one) => h("li", { class: "field-error" }, one)));
    }
  };
  return h(
    "details",
    { class: "more" },
    h("summary", {}, "From Keras"),
    h(
      "div",
      { class: "stack-s" },
      box,
      field({ label: "Sizes of the input in Keras's order, where the model leaves them open" }, shape),
      h("div", { class: "row" }, h("button", { class: "button", type: "button", onclick: read }, "Read the model")),
      notes,
    ),
  );
}
