// The log, live. It follows its end unless a reader has scrolled up; what came before is fetched as they do.

import * as api from "../api.js";
import { debounce, h, replace, setText } from "../dom.js";
import * as format from "../format.js";
import { LogLines } from "../loglines.js";

const PAGE = 500; // lines that are fetched at once
const MOST = 5000; // lines that are held while the end is followed
const NEAR = 400; // pixels from the top at which the lines before are fetched
const RETRY_MS = 3000;

export class Log {
  constructor(panel, run, state) {
    Object.assign(this, { run, state, lines: new LogLines(), isAsking: false, isCut: false, failed: "" });
    this.list = h("ol", { class: "log", tabindex: "0", aria: { label: "Log" } });
    this.note = h("span", { class: "card-note figures" });
    this.filter = h("input", {
      class: "input",
      type: "search",
      placeholder: "Only lines with…",
      maxlength: 200,
      aria: { label: "Only lines with" },
      oninput: debounce(150, () => this.#begin()),
    });
    this.tail = h(
      "button",
      { class: "button small", type: "button", hidden: true, onclick: () => (this.isCut ? this.#begin() : this.#toEnd()) },
      "Go to the newest",
    );
    this.list.addEventListener("scroll", () => {
      this.tail.hidden = this.#isAtEnd();
      if (this.list.scrollTop < NEAR) this.#fetchEarlier();
    });
    replace(
      panel,
      h(
        "section",
        { class: "card flush" },
        h(
          "div",
          { class: "card-head log-head" },
          h("h2", {}, "Log"),
          this.note,
          h("span", { class: "grow" }),
          this.tail,
          this.filter,
        ),
        this.list,
      ),
    );
  }

  show() {
    if (this.list.offsetParent === null) return;
    if (!this.state.isTold) {
      setText(this.note, "Reading what was recorded…");
      return;
    }
    const follows = this.#isAtEnd();
    const fresh = this.lines.follow(this.state.logs);
    if (fresh === null) {
      if (follows) this.#begin();
      else this.isCut = true; // who reads further up goes on reading, and begins again with the newest
      return;
    }
    this.list.append(...fresh.map(lineOf));
    if (follows) {
      if (!this.isAsking && this.lines.lines.length > 1.2 * MOST) for (let n = this.lines.trim(MOST); n; n--) this.list.firstChild.remove();
      this.#toEnd();
    }
    this.#count();
    if (!this.wasAsked) this.#fetchEarlier();
  }

  #begin() {
    this.lines = new LogLines(this.filter.value);
    this.wasAsked = this.isCut = false;
    this.failed = "";
    replace(this.list);
    this.show();
  }

  /** Show the lines before the first that is held; a reader's place stays where it is. */
  async #fetchEarlier() {
    const { lines } = this;
    if (this.isAsking || !lines.hasEarlier) return;
    this.isAsking = this.wasAsked = true;
    this.failed = "";
    try {
      const asked = { before: lines.first ?? undefined, contains: lines.wanted || undefined, limit: PAGE };
      const found = await api.get(`/runs/${this.run.id}/logs${api.query(asked)}`);
      if (lines === this.lines) this.#prepend(found);
    } catch (error) {
      this.failed = `, and those before could not be read: ${error.message}`;
      this.#count();
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      this.wasAsked = false; // by what comes next, or by scrolling
    } finally {
      this.isAsking = false;
    }
    if (lines !== this.lines) this.#fetchEarlier(); // something else is wanted meanwhile
    else if (this.failed) this.show(); // and asks again
  }

  #prepend(found) {
    const fromEnd = this.list.scrollHeight - this.list.scrollTop;
    this.list.prepend(...this.lines.prepend(found).map(lineOf));
    this.list.scrollTop = this.list.scrollHeight - fromEnd;
    this.#count();
  }

  #count() {
    const { lines, hasEarlier, wanted } = this.lines;
    const more = this.failed || (hasEarlier ? ", the newest; scroll up for more" : "");
    const none = wanted ? "No line has that." : "Nothing has been said yet.";
    setText(this.note, lines.length || this.failed ? `${format.plural(lines.length, "line")}${more}` : hasEarlier ? "Reading…" : none);
  }

  #isAtEnd() {
    return this.list.scrollTop + this.list.clientHeight >= this.list.scrollHeight - 24;
  }

  #toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
    this.tail.hidden = true;
  }
}

function lineOf({ time, text, level }) {
  const at = new Date(typeof time === "number" ? time * 1000 : time); // the stream counts seconds, REST has dates
  return h(
    "li",
    { data: { level } },
    h("time", { datetime: at.toISOString(), title: at.toLocaleString() }, at.toLocaleTimeString("en-GB")),
    h("span", { class: "text" }, text),
  );
}
