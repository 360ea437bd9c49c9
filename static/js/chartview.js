// What a person has set of a page of charts, as the address keeps it, and how windows move. Pure.
//
// Short names, for the address is read and sent: w the window, x the unit along, s the smoothing, lx and ly where axes are
// logarithmic, big the enlarged chart, layout a shared arrangement. What is left as it was leaves no trace.

const DIGITS = 10;

/** {window, unit, smoothing, isLogX, logs, enlarged, layout}; null, false or empty where nothing is set. */
export function readView(search) {
  const asked = new URLSearchParams(search);
  const smoothing = Number.parseFloat(asked.get("s"));
  return {
    window: windowFrom(asked.get("w")),
    unit: asked.get("x") || "step",
    smoothing: smoothing >= 0 && smoothing < 1 ? smoothing : null,
    isLogX: asked.get("lx") === "1",
    logs: (asked.get("ly") ?? "").split(",").filter(Boolean),
    enlarged: asked.get("big") || null,
    layout: asked.get("layout") || null,
  };
}

function windowFrom(text) {
  const [from, to, ...rest] = (text ?? "").split("~").map((part) => (part.trim() === "" ? NaN : Number(part)));
  return !rest.length && Number.isFinite(from) && Number.isFinite(to) && from < to ? [from, to] : null;
}

/** `search` with the view in it; what else it holds stays. */
export function writeView(search, { window, unit, smoothing, isLogX, logs, enlarged }) {
  const kept = new URLSearchParams(search);
  const put = (name, value) => (value ? kept.set(name, value) : kept.delete(name));
  put("w", window && window.map((x) => String(Number(x.toPrecision(DIGITS)))).join("~"));
  put("x", unit === "step" ? null : unit);
  put("s", smoothing === null ? null : String(smoothing));
  put("lx", isLogX ? "1" : null);
  put("ly", logs?.length ? logs.join(",") : null);
  put("big", enlarged);
  const text = kept.toString().replaceAll("%7E", "~").replaceAll("%2C", ",").replaceAll("%2F", "/");
  return text ? `?${text}` : "";
}

const LOG = { into: Math.log, back: Math.exp };
const LINEAR = { into: (x) => x, back: (x) => x };

/** A window `factor` times as wide, with what stands at `at` staying where it is. */
export function zoomed([from, to], at, factor, isLog = false) {
  const { into, back } = isLog ? LOG : LINEAR;
  const middle = into(at);
  return [back(middle + (into(from) - middle) * factor), back(middle + (into(to) - middle) * factor)];
}

/** A window moved by a share of its width; it never leaves `whole`. */
export function panned([from, to], share, whole, isLog = false) {
  const { into, back } = isLog ? LOG : LINEAR;
  const [a, b, low, high] = [from, to, ...whole].map(into);
  const by = Math.max(Math.min(0, low - a), Math.min(share * (b - a), Math.max(0, high - b)));
  return [back(a + by), back(b + by)];
}

/** A window inside `whole`, no narrower than can be told apart; null when it is the whole. */
export function clamped([from, to], whole) {
  const [low, high] = [Math.max(from, whole[0]), Math.min(to, whole[1])];
  const least = (whole[1] - whole[0]) * 1e-9;
  if (!(high - low > least)) return null;
  return low <= whole[0] && high >= whole[1] ? null : [low, high];
}
