// The beginning of a file that has come: how it seems to be written, to be corrected, and its first rows.

import * as api from "../api.js";
import { h, replace } from "../dom.js";
import { field, select } from "../forms.js";
import {
  answersOf,
  asked,
  doubtsInWords,
  formatInWords,
  misfitsInWords,
  nameOf,
  QUESTIONS,
  sourceOf,
  typeAnswers,
} from "./guess.js";

const MAX_COLUMNS = 50; // shown; a table may have thousands

/**
 * What stands in for a file that has come, until it is added or discarded. `add(source, name)` adds it, and `onAdded` gets
 * what that gives. Without `add`, it is one of several that are added together: `onSource` gets its source each time that
 * it is another, null while there is none. `numFiles`: an archive of so many, made on the way.
 */
export function previewOf(upload, { add: addTo = null, numFiles, onAdded, onDiscarded, onSource = () => {} }) {
  const said = {};
  const guessed = {}; // what each column seemed to hold before anything was said of it
  let types = {}; // what a person says that columns hold
  let guess = null;
  let newest = 0;
  const name = h("input", { class: "input", value: nameOf(upload.filename), maxlength: "200", autocomplete: "off" });
  const questions = h("div", { class: "stack-s" });
  const shown = h("div", { class: "stack-s", "aria-live": "polite" });
  const add = h("button", { class: "button primary", type: "button", disabled: true, onclick: () => addIt() }, "Add");
  const adding = h("div", { class: "row upload-add" }, addTo ? [field({ label: "Name of the dataset" }, name), add] : null);
  const discard = h("button", { class: "button", type: "button", onclick: onDiscarded }, "Discard");
  const root = h(
    "section",
    { class: "stack upload-preview", "aria-label": `Preview of ${upload.filename}` },
    questions,
    shown,
    h("div", { class: "row upload-add" }, adding, discard),
  );

  const source = () => sourceOf(upload.id, guess?.format === "delimited" ? guess : null, said, types);

  async function look() {
    const mine = ++newest;
    add.disabled = true;
    onSource(null);
    try {
      const found = await api.get(`/uploads/${upload.id}/preview?${asked(said, types)}`);
      if (mine !== newest) return;
      guess = found;
      for (const { name, type } of found.columns) if (!(name in types)) guessed[name] = type;
      show(found);
      add.disabled = false;
      onSource(source());
    } catch (error) {
      if (mine !== newest) return;
      replace(shown, problem(error));
      if (isOfAnotherKind(error)) {
        replace(questions);
        adding.hidden = true;
        return;
      }
    }
    ask();
  }

  function show(found) {
    if (found.format !== "delimited") return replace(shown, kindOf(found.format, upload.filename, numFiles));
    const focused = document.activeElement?.dataset?.typeOf;
    const scrolled = shown.querySelector(".table-wrap")?.scrollLeft ?? 0;
    replace(shown, rowsOf(found, upload.filename, { types, guessed, say }));
    shown.querySelector(".table-wrap").scrollLeft = scrolled;
    if (focused !== undefined) shown.querySelector(`[data-type-of="${CSS.escape(focused)}"]`)?.focus();
  }

  function say(name, type) {
    if (type) types[name] = type;
    else delete types[name];
    look();
  }

  /** Another delimiter, for one, makes other columns: what was said of those that were there is of none. */
  function asIfNew({ name }) {
    if (["delimiter", "quote", "escape", "header", "encoding", "comment"].includes(name)) types = {};
    look();
  }

  function ask() {
    if (guess !== null && guess.format !== "delimited") return replace(questions);
    const focused = document.activeElement?.dataset?.question;
    const elements = QUESTIONS.map((question) => questionOf(question, guess, said, () => asIfNew(question)));
    const extra = QUESTIONS.map(({ isExtra }, i) => (isExtra ? elements[i] : null));
    const isOpen = questions.querySelector("details")?.open ?? false;
    replace(
      questions,
      h("div", { class: "form-grid" }, elements.filter((_, i) => !QUESTIONS[i].isExtra)),
      h("details", { class: "more", open: isOpen }, h("summary", {}, "More"), h("div", { class: "form-grid" }, extra)),
    );
    if (focused) questions.querySelector(`[data-question="${focused}"]`)?.focus();
  }

  async function addIt() {
    add.disabled = true;
    try {
      onAdded(await addTo(source(), name.value.trim() || nameOf(upload.filename)));
    } catch (error) {
      add.disabled = false;
      shown.append(problem(error));
    }
  }

  look();
  return root;
}

function questionOf(question, guess, said, look) {
  const current = said[question.name] ?? guess?.[question.name];
  const options = answersOf(question, current).map(([value, label]) => ({ value: value ?? "found out", label }));
  const control = select(
    options,
    current ?? "found out",
    (value) => {
      if (value === "found out") delete said[question.name];
      else said[question.name] = value;
      look();
    },
    { "data-question": question.name },
  );
  return field({ label: question.label }, control);
}

function kindOf(format, filename, numFiles) {
  const { title, text } = formatInWords(format, filename, numFiles);
  return h("div", { class: "note upload-format" }, h("p", { class: "note-title" }, title), h("p", {}, text));
}

function typeOf({ name }, { types, guessed, say }) {
  const options = typeAnswers(guessed[name]).map(([value, label]) => ({ value, label }));
  return select(options, types[name] ?? "", (type) => say(name, type), {
    class: "select small",
    "aria-label": `What ${name} holds`,
    "data-type-of": name,
  });
}

function rowsOf(found, filename, about) {
  const columns = found.columns.slice(0, MAX_COLUMNS);
  const more = found.columns.length - columns.length;
  const misfits = misfitsInWords(found);
  const doubts = doubtsInWords(found);
  return [
    doubts ? h("p", { class: "note" }, doubts) : null,
    found.notes.map((note) => h("p", { class: "note" }, note)),
    misfits
      ? h(
          "div",
          { class: "note warn" },
          h("p", { class: "note-title" }, misfits.title),
          misfits.lines.map((line) => h("p", {}, line)),
        )
      : null,
    h(
      "div",
      { class: "table-wrap", tabindex: "0", role: "region", "aria-label": `The first rows of ${filename}` },
      h(
        "table",
        { class: "table upload-rows" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            columns.map((column) => h("th", { scope: "col" }, h("div", {}, column.name), typeOf(column, about))),
          ),
        ),
        h(
          "tbody",
          {},
          found.rows.map((row) => h("tr", {}, row.slice(0, MAX_COLUMNS).map((cell) => h("td", {}, cell)))),
        ),
      ),
    ),
    more > 0 ? h("p", { class: "muted small" }, `and ${more.toLocaleString("en")} more columns`) : null,
  ];
}

/** Whether a file is refused as what it is: nothing that could be said of how it is written would help. */
const isOfAnotherKind = (error) => error.status === 415 && !error.errors?.length;

/** What the server says is wrong, with what one can do. */
export function problem(error) {
  const more = (error.errors ?? []).map(({ msg }) => msg).filter((msg) => !error.message.includes(msg));
  return h(
    "div",
    { class: "note bad", role: "alert" },
    h("p", { class: "note-title" }, error.message),
    more.slice(0, 5).map((msg) => h("p", {}, msg)),
    error.hint ? h("p", {}, error.hint) : null,
  );
}
