// What a file's beginning says of how it is written, what a person corrects of it, and the words for both. Pure.

import { plural } from "../format.js";

const ENCODINGS = [
  ["utf-8", "UTF-8"],
  ["cp1252", "Windows-1252 (Western Europe)"],
  ["latin-1", "ISO-8859-1"],
  ["iso-8859-15", "ISO-8859-15"],
  ["cp1250", "Windows-1250 (Central Europe)"],
  ["iso-8859-2", "ISO-8859-2 (Central Europe)"],
  ["cp1251", "Windows-1251 (Cyrillic)"],
  ["koi8-r", "KOI8-R (Cyrillic)"],
  ["cp1253", "Windows-1253 (Greek)"],
  ["cp1254", "Windows-1254 (Turkish)"],
  ["mac_roman", "Mac OS Roman"],
  ["shift_jis", "Shift JIS (Japanese)"],
  ["euc_jp", "EUC-JP (Japanese)"],
  ["gb18030", "GB 18030 (Chinese)"],
  ["big5", "Big5 (Chinese)"],
  ["euc_kr", "EUC-KR (Korean)"],
  ["utf-16", "UTF-16"],
  ["utf-16-le", "UTF-16, little-endian"],
  ["utf-16-be", "UTF-16, big-endian"],
  ["utf-32", "UTF-32"],
  ["utf-32-le", "UTF-32, little-endian"],
  ["utf-32-be", "UTF-32, big-endian"],
];

/** The questions, each with its answers as [value, words]. */
export const QUESTIONS = [
  { name: "encoding", label: "Encoding", answers: ENCODINGS },
  {
    name: "delimiter",
    label: "Delimiter",
    answers: [
      [",", "comma ,"],
      [";", "semicolon ;"],
      ["\t", "tab"],
      ["|", "bar |"],
      [" ", "space"],
    ],
  },
  {
    name: "quote",
    label: "Quotes",
    answers: [
      ['"', 'double "'],
      ["'", "single '"],
      ["", "none"],
    ],
  },
  {
    name: "header",
    label: "First row",
    answers: [
      ["true", "names the columns"],
      ["false", "is a row like the others"],
    ],
  },
  {
    name: "decimal",
    label: "Decimal mark",
    answers: [
      [".", "point 1.5"],
      [",", "comma 1,5"],
    ],
  },
  {
    name: "escape",
    label: "A quote within quotes",
    isExtra: true,
    answers: [
      ["", 'is doubled ""'],
      ["\\", 'has a backslash \\"'],
    ],
  },
  {
    name: "thousands",
    label: "Thousands are parted by",
    isExtra: true,
    answers: [
      ["", "nothing"],
      [",", "a comma 1,000"],
      [".", "a point 1.000"],
      ["'", "an apostrophe 1'000"],
      [" ", "a space 1 000"],
    ],
  },
  {
    name: "comment",
    label: "Comments begin with",
    isExtra: true,
    answers: [
      ["", "nothing: there are none"],
      ["#", "#"],
      ["%", "%"],
    ],
  },
];

/** The answers of a question, with the one that was found among them, and an empty one where nothing is known. */
export function answersOf({ answers }, found) {
  if (found === null || found === undefined) return [[null, "found out"], ...answers];
  return answers.some(([value]) => value === String(found)) ? answers : [...answers, [String(found), String(found)]];
}

/** What a column may be said to hold, in the API's words. */
export const TYPES = ["integer", "float", "boolean", "timestamp", "category", "text"];

/** The answers for what a column holds: what was guessed, where that is known, and all that may be said. */
export const typeAnswers = (guessed) => [
  ["", guessed ? `as guessed: ${guessed}` : "as guessed"],
  ...TYPES.map((type) => [type, type]),
];

/** What the server is asked: what a person has said, and nothing that was only guessed. */
export function asked(said, types = {}) {
  const query = new URLSearchParams(Object.entries(said));
  if (Object.keys(types).length) query.set("types", JSON.stringify(types));
  return query.toString();
}

/** What a dataset is made with: what is shown. An encoding that was only guessed may turn out otherwise further down. */
export function sourceOf(id, guess, said, types = {}) {
  const shown = Object.fromEntries(
    QUESTIONS.map(({ name }) => [name, said[name] ?? (name === "encoding" ? undefined : guess?.[name])]).filter(
      ([, value]) => value !== undefined && value !== null,
    ),
  );
  if ("header" in shown) shown.header = String(shown.header) === "true";
  if (Object.keys(types).length) shown.types = types;
  return { type: "upload", upload: id, ...shown };
}

/** A dataset's name when nobody has said one: the file's, without its endings. */
export const nameOf = (filename) =>
  filename.replace(/(\.(csv|tsv|tab|txt|json|jsonl|ndjson|parquet|npy|npz|xlsx|zip|tar|gz|tgz))+$/i, "").slice(0, 200) ||
  "unnamed";

const IN_FOLDERS =
  "Each image or text in it becomes a row, and the folder that it lies in its class; folders called train and test say its part.";
const ALONE = "Images and their labels belong together: choose both files at once.";
const AS_ONE =
  "Images, texts and arrays become rows of one table, with the labels beside them; folders say classes, and folders " +
  "or files called train and test the part.";

/** What a file is, and what becomes of it, where nothing needs to be asked. */
const FORMATS = {
  json_lines: ["JSON", "Each object in it becomes a row."],
  parquet: ["a Parquet file", "Its columns and their types are taken as they are."],
  npy: ["a NumPy array", "Each entry along its first axis becomes a row."],
  safetensors: ["a safetensors file", "Its tensors become columns."],
  idx: ["an IDX file, as MNIST has them", ALONE],
  tar: ["a tar archive", IN_FOLDERS],
};
// A zip is told apart by its name: inside, workbooks and archives look alike.
const ZIPPED = [
  [/\.(xlsx|xlsm)$/i, ["an Excel workbook", "The first row of its first sheet that is not empty names the columns."]],
  [/\.npz$/i, ["a file of NumPy arrays", "Each becomes a column; all have as many rows."]],
  [/./, ["a ZIP archive", IN_FOLDERS]],
];

/** What a file is that is no delimited text, or an archive that was made of `numFiles` on the way. */
export function formatInWords(format, filename, numFiles = 0) {
  if (numFiles) return { title: `These ${plural(numFiles, "file")} make one dataset.`, text: AS_ONE };
  const inner = filename.replace(/\.gz$/i, "");
  if (format === "gzip" && /ubyte$|\.idx\d*$/i.test(inner)) return formatInWords("idx", inner);
  const zipped = format === "zip" ? ZIPPED.find(([pattern]) => pattern.test(filename))?.[1] : null;
  const [what, becomes] = zipped ?? FORMATS[format] ?? ["packed with gzip", "What is in it is found out when it is read."];
  return { title: `This is ${what}.`, text: becomes };
}

/** What the page of a dataset says of what is not in it: rows of a table, or anything that a file or an archive may hold. */
export function setAsideInWords(num, { format }) {
  const were = num === 1 ? "was" : "were";
  if (!format) return `${plural(num, "row")} of the file did not fit and ${were} set aside.`;
  return `${plural(num, "part")} of the file could not be used and ${were} set aside.`;
}

/** What a person should be told of a table of which only one column was found; null where there is nothing to doubt. */
export function doubtsInWords({ columns, delimiter }) {
  if (columns.length !== 1 || !["text", "category"].includes(columns[0].type)) return null;
  const mark = QUESTIONS.find(({ name }) => name === "delimiter").answers.find(([value]) => value === delimiter);
  const tried = mark ? `, with ${mark[1]} as the delimiter` : "";
  return `Each line is taken for one value${tried}. If it holds several, say what is between them.`;
}

/** A line for each row that does not fit, and what they are in sum. */
export function misfitsInWords({ num_set_aside: num, set_aside: rows, is_whole: isWhole }) {
  if (!num) return null;
  const where = isWhole ? "of the file" : "at the beginning of the file";
  return {
    title: num === 1 ? `One row ${where} does not fit and will be set aside.` : `${num} rows ${where} do not fit and will be set aside.`,
    lines: rows.map(({ line, reason }) => `Line ${line.toLocaleString("en")}: ${reason}`),
  };
}
