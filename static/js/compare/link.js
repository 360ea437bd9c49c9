// What a comparison shows, as the parameters of its address and back. Pure. What is as it is by default is left out,
// so that a link says just what someone chose.

export const VIEWS = ["curves", "table", "scatter", "parallel", "difference"];
export const X_UNITS = ["step", "epoch", "relative"];
export const MAX_CHARTS = 6;
const TAIL = 8; // of an id: enough to know a run among two hundred

const list = {
  read: (text) => text.split(",").filter(Boolean),
  write: (values) => (values?.length ? values.join(",") : null),
};
// Names of settings may hold commas; names of series may not.
const keys = {
  read: (text) => text.split("|").filter(Boolean),
  write: (values) => (values?.length ? values.join("|") : null),
};
const word = { read: (text) => text, write: (value) => value || null };
const flag = { read: (text) => text === "1", write: (value) => (value ? "1" : null) };
const oneOf = (words) => ({
  read: (text) => (words.includes(text) ? text : words[0]),
  write: (value) => (value === words[0] ? null : value),
});
const span = {
  read(text) {
    const [from, to] = text.split("~").map(Number);
    return Number.isFinite(from) && to > from ? [from, to] : null;
  },
  write: (value) => (value ? value.map((end) => Number(end.toPrecision(8))).join("~") : null),
};
const share = {
  read: (text) => (Number(text) >= 0 && Number(text) < 1 ? Number(text) : 0),
  write: (value) => (value > 0 ? String(value) : null),
};

const FIELDS = {
  ids: list,
  filter: word,
  view: oneOf(VIEWS),
  y: keys, // the series that have a chart
  x: oneOf(X_UNITS),
  log: flag,
  smooth: share,
  window: span,
  by: word, // what runs are grouped by: "tag", "project", "group", or a setting
  spread: oneOf(["range", "deviation"]),
  hide: list, // the ends of the ids of runs that are not drawn
  sort: word,
  sx: word,
  sy: word,
  sc: word,
  slog: word, // the axes of the scatter plot that are logarithmic: "x", "y" or "xy"
  axes: keys,
  a: word,
  b: word,
};

export const DEFAULTS = Object.freeze({
  ids: [],
  filter: "",
  view: "curves",
  y: [],
  x: "step",
  log: false,
  smooth: 0,
  window: null,
  by: "",
  spread: "range",
  hide: [],
  sort: "",
  sx: "",
  sy: "",
  sc: "",
  slog: "",
  axes: [],
  a: "",
  b: "",
});

/** The state that an address's query asks for; what it does not say, or says wrongly, is as by default. */
export function readLink(query) {
  const asked = new URLSearchParams(query);
  const state = { ...DEFAULTS };
  for (const [name, field] of Object.entries(FIELDS)) {
    const text = asked.get(name);
    if (text !== null) state[name] = field.read(text);
  }
  return state;
}

/** The query, with its question mark, that brings this state back; "" when there is nothing to say. */
export function writeLink(state) {
  const said = Object.entries(FIELDS)
    .map(([name, field]) => [name, field.write(state[name])])
    .filter(([, text]) => text !== null);
  // A comma and what stands in names of series and settings may stay as they are: the link stays readable.
  const query = new URLSearchParams(said)
    .toString()
    .replaceAll("%2C", ",")
    .replaceAll("%2F", "/")
    .replaceAll("%7E", "~");
  return query ? `?${query}` : "";
}

/** What stands for a run in lists of the address. */
export const tail = (id) => id.slice(-TAIL);
