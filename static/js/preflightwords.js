// What was seen before the first step of a run, in words. Pure.

import * as format from "./format.js";

const MEMORY = [
  ["activations", "kept of a batch for the way back"],
  ["weights", "weights"],
  ["gradients", "gradients"],
  ["optimizer", "the optimizer, reckoned"],
];

/** What the figures say, as names and words. */
export function pairsOf({ loss, memory, time, num_rows, rows_at_once, batch_size }) {
  const whole = time.whole_s === null ? null : `${format.duration(time.whole_s)} or more for ${format.plural(time.num_steps, "step")}`;
  const fits = batch_size.fits > batch_size.now ? `${format.count(batch_size.fits)}, by memory alone` : null;
  return [
    ["first loss", loss.first === null ? "not finite" : format.measure(loss.first)],
    ["every class alike", loss.even === null ? null : format.measure(loss.even)],
    [`always ${loss.constant_name}`, loss.constant === null ? null : format.measure(loss.constant)],
    ["rows at once", rows_at_once < num_rows ? format.count(rows_at_once) : null],
    ["forward", inMs(time.forward_s)],
    ["backward", inMs(time.backward_s)],
    ["the whole", whole],
    ...MEMORY.map(([key, name]) => [name, format.bytes(memory[key])]),
    ["memory, all of it", format.bytes(memory.total)],
    ["measured peak", memory.peak === null ? null : format.bytes(memory.peak)],
    ["free on the device", format.bytes(memory.device_free)],
    ["largest batch", fits],
  ].filter(([, value]) => value !== null);
}

/** A step may take less than a millisecond. */
const inMs = (seconds) => (seconds < 0.01 ? `${format.measure(1000 * seconds)} ms` : format.duration(seconds));

/** What a test of rates came to. */
export function triedInWords({ lr, ran_away, suggestion }) {
  const upto = `${format.plural(lr.length, "rate")} from ${format.measure(lr[0])} to ${format.measure(lr.at(-1))}`;
  const end = ran_away ? ", where the loss ran away" : "";
  const found = suggestion === null ? "The loss hardly fell at any of them." : `It fell fastest at about ${format.exact(suggestion)}.`;
  return `${upto}${end}. ${found}`;
}
