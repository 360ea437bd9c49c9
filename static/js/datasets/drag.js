// A stretch drawn with the pointer.

import { h } from "../dom.js";

const MIN_DRAG_PX = 6;

/** A stretch that is drawn across a picture with the pointer: `act([from, to])` in shares of its width. */
export class Drag {
  /** `left` and `right`: how far from the edges of `place` what is drawn on begins and ends, in pixels. */
  constructor(place, { left: before, right: after }, act) {
    const brush = h("span", { class: "series-brush", hidden: true, aria: { hidden: "true" } });
    let began = null;
    const shareAt = (event) => {
      const { left, width } = place.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - left - before) / (width - before - after)));
    };
    place.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.pointerType === "touch") return; // a finger scrolls
      began = { share: shareAt(event), x: event.clientX };
      place.setPointerCapture(event.pointerId);
    });
    place.addEventListener("pointermove", (event) => {
      if (!began) return;
      const [from, to] = [began.share, shareAt(event)].sort((a, b) => a - b);
      const width = place.clientWidth - before - after;
      brush.hidden = Math.abs(event.clientX - began.x) < MIN_DRAG_PX;
      brush.style.left = `${before + from * width}px`;
      brush.style.width = `${(to - from) * width}px`;
      place.append(brush);
    });
    place.addEventListener("pointerup", (event) => {
      if (began && !brush.hidden) act([began.share, shareAt(event)].sort((a, b) => a - b));
      began = null;
      brush.hidden = true;
    });
    place.addEventListener("pointercancel", () => {
      began = null;
      brush.hidden = true;
    });
  }
}
