// The log, live. It follows its end unless a reader has scrolled up.

import { h, replace, setText } from "../dom.js";
import * as format from "../format.js";

export class Log {
  constructor(panel, state) {
    Object.assign(this, { state, shown: 0, first: null });
    this.list = h("ol", { class: "log", tabindex: "0", aria: { label: "Log" } });
    this.note = h("span", { class: "card-note figures" });
    this.filter = h("input", {
      class: "input",
      type: "search",
      placeholder: "Only lines with…",
      aria: { label: "Only lines with" },
      oninput: () => this.#redraw(),
    });
    this.tail = h(
      "button",
      { class: "button small", type: "button", hidden: true, onclick: () => this.#toEnd() },
      "Go to the newest",
    );
    this.list.addEventListener("scroll", () => (this.tail.hidden = this.#isAtEnd()));
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
    const { logs } = this.state;
    if (logs[0]?.seq !== this.first || this.shown > logs.length) return this.#redraw();
    const follows = this.#isAtEnd();
    this.list.append(
      ...logs
        .slice(this.shown)
        .filter((line) => this.#matches(line))
        .map(lineOf),
    );
    this.#shown();
    if (follows) this.#toEnd();
    return undefined;
  }

  #redraw() {
    replace(this.list, this.state.logs.filter((line) => this.#matches(line)).map(lineOf));
    this.#shown();
    this.#toEnd();
  }

  #shown() {
    const { logs, numDroppedLines } = this.state;
    this.shown = logs.length;
    this.first = logs[0]?.seq;
    setText(
      this.note,
      logs.length
        ? `${format.plural(logs.length + numDroppedLines, "line")}${numDroppedLines ? `, the newest ${format.count(logs.length)} shown` : ""}`
        : "Nothing has been said yet.",
    );
  }

  #matches({ text }) {
    const wanted = this.filter.value.trim().toLowerCase();
    return !wanted || text.toLowerCase().includes(wanted);
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
  const at = new Date(time * 1000);
  return h(
    "li",
    { data: { level } },
    h("time", { datetime: at.toISOString(), title: at.toLocaleString() }, at.toLocaleTimeString("en-GB")),
    h("span", { class: "text" }, text),
  );
}
