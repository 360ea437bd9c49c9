// Strokes of a chart on a canvas, in device pixels. Knows neither uPlot nor the page: `x` and `y` map values to pixels.

/** A line through (steps, values); null is a gap. Points alone between gaps become dots. */
export function line(ctx, { steps, values }, x, y, { color, width, alpha = 1, dash = [] }) {
  ctx.save();
  ctx.globalAlpha = alpha;
  ctx.strokeStyle = color;
  ctx.fillStyle = color;
  ctx.lineWidth = width;
  ctx.lineJoin = "round";
  ctx.setLineDash(dash);
  ctx.beginPath();
  const alone = [];
  for (let i = 0; i < steps.length; i += 1) {
    if (values[i] === null) continue;
    const startsHere = i === 0 || values[i - 1] === null;
    const endsHere = i === steps.length - 1 || values[i + 1] === null;
    if (startsHere && endsHere) alone.push(i);
    if (startsHere) ctx.moveTo(x(steps[i]), y(values[i]));
    else ctx.lineTo(x(steps[i]), y(values[i]));
  }
  ctx.stroke();
  for (const i of alone) dot(ctx, x(steps[i]), y(values[i]), width * 1.4, color);
  ctx.restore();
}

/** The area between lows and highs, nowhere thinner than `least` pixels. */
export function area(ctx, { steps, lows, highs }, x, y, { color, alpha, least = 0 }) {
  ctx.save();
  ctx.globalAlpha = alpha;
  ctx.fillStyle = color;
  for (let begin = 0; begin < steps.length;) {
    let end = begin;
    while (end < steps.length && lows[end] !== null) end += 1;
    ctx.beginPath();
    for (let i = begin; i < end; i += 1) ctx.lineTo(x(steps[i]), y(highs[i]));
    for (let i = end - 1; i >= begin; i -= 1) ctx.lineTo(x(steps[i]), Math.max(y(lows[i]), y(highs[i]) + least));
    ctx.fill();
    begin = end + 1;
  }
  ctx.restore();
}

/** Uprights where a band reaches further than on either side of it: a spike of one step is one column wide. */
export function spikes(ctx, { steps, lows, highs }, x, y, { color, width, alpha, least }) {
  ctx.save();
  ctx.globalAlpha = alpha;
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.beginPath();
  for (let i = 0; i < steps.length; i += 1) {
    if (lows[i] === null) continue;
    for (const [values, pick] of [
      [highs, Math.min],
      [lows, Math.max],
    ]) {
      const tip = y(values[i]);
      const around = pick(y(values[i - 1] ?? values[i + 1] ?? values[i]), y(values[i + 1] ?? values[i - 1] ?? values[i]));
      if ((pick === Math.min ? around - tip : tip - around) < least) continue;
      ctx.moveTo(x(steps[i]), around);
      ctx.lineTo(x(steps[i]), tip);
    }
  }
  ctx.stroke();
  ctx.restore();
}

const FLAG_COLORS = { finding: "warn", resume: "accent", control: "text", rate: "muted", checkpoint: "muted" };

/** Small signs on the bottom edge where something happened: events of {step, kind}. */
export function flags(ctx, events, x, box, { colors, scale }) {
  ctx.save();
  const bottom = box.top + box.height;
  for (const { step, kind } of events) {
    const px = x(step);
    const size = (kind === "checkpoint" ? 2.5 : 4) * scale;
    ctx.fillStyle = colors[FLAG_COLORS[kind]] ?? colors.muted;
    ctx.beginPath();
    ctx.moveTo(px - size, bottom);
    ctx.lineTo(px, bottom - size * 1.6);
    ctx.lineTo(px + size, bottom);
    ctx.fill();
  }
  ctx.restore();
}

export function dot(ctx, px, py, radius, color) {
  ctx.beginPath();
  ctx.arc(px, py, radius, 0, 2 * Math.PI);
  ctx.fillStyle = color;
  ctx.fill();
}

/** A dashed upright with words beside it, on whichever side has room. */
export function upright(ctx, px, box, text, { color, font, scale }) {
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = scale;
  ctx.setLineDash([3 * scale, 3 * scale]);
  ctx.beginPath();
  ctx.moveTo(px, box.top);
  ctx.lineTo(px, box.top + box.height);
  ctx.stroke();
  ctx.font = font;
  ctx.fillStyle = color;
  ctx.textBaseline = "top";
  const hasRoom = px + ctx.measureText(text).width + 8 * scale < box.left + box.width;
  ctx.textAlign = hasRoom ? "left" : "right";
  ctx.fillText(text, px + (hasRoom ? 5 : -5) * scale, box.top + 2 * scale);
  ctx.restore();
}

/** Triangles on the top edge where a value was not finite, the first with its name. */
export function warnings(ctx, marks, x, box, { color, font, scale }) {
  ctx.save();
  ctx.fillStyle = color;
  ctx.font = font;
  ctx.textBaseline = "top";
  const size = 4 * scale;
  for (const { step } of marks) {
    const px = x(step);
    ctx.beginPath();
    ctx.moveTo(px - size, box.top);
    ctx.lineTo(px + size, box.top);
    ctx.lineTo(px, box.top + size * 1.7);
    ctx.fill();
  }
  const px = x(marks[0].step);
  const text = marks[0].kind;
  const hasRoom = px - ctx.measureText(text).width - 10 * scale > box.left;
  ctx.textAlign = hasRoom ? "right" : "left";
  ctx.fillText(text, px + (hasRoom ? -7 : 7) * scale, box.top + scale);
  ctx.restore();
}
