// What a file's beginning says of how it is written, what a person corrects of it, and the words for both. Pure.

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

/** What the server is asked: what a person has said, and nothing that was only guessed. */
export const asked = (said) => new URLSearchParams(Object.entries(said)).toString();

/** What a dataset is made with: what is shown. An encoding that was only guessed may turn out otherwise further down. */
export function sourceOf(id, guess, said) {
  const shown = Object.fromEntries(
    QUESTIONS.map(({ name }) => [name, said[name] ?? (name === "encoding" ? undefined : guess?.[name])]).filter(
      ([, value]) => value !== undefined && value !== null,
    ),
  );
  if ("header" in shown) shown.header = String(shown.header) === "true";
  return { type: "upload", upload: id, ...shown };
}

/** A dataset's name when nobody has said one: the file's, without its endings. */
export const nameOf = (filename) =>
  filename.replace(/(\.(csv|tsv|tab|txt|json|jsonl|ndjson|parquet|npy|npz|xlsx|zip|tar|gz|tgz))+$/i, "").slice(0, 200) ||
  "unnamed";

const FORMATS = {
  json_lines: "JSON lines",
  parquet: "a Parquet file",
  npy: "a NumPy array",
  safetensors: "a safetensors file",
  idx: "an IDX file",
  zip: "a ZIP archive, an Excel workbook or a NumPy .npz",
  tar: "a tar archive",
  gzip: "packed with gzip",
  image: "an image",
};

/** What a file is that is no delimited text. */
export const formatInWords = (format) => `This is ${FORMATS[format] ?? format}: it says itself how it is to be read.`;

/** A line for each row that does not fit, and what they are in sum. */
export function misfitsInWords({ num_set_aside: num, set_aside: rows, is_whole: isWhole }) {
  if (!num) return null;
  const where = isWhole ? "of the file" : "at the beginning of the file";
  return {
    title: num === 1 ? `One row ${where} does not fit and will be set aside.` : `${num} rows ${where} do not fit and will be set aside.`,
    lines: rows.map(({ line, reason }) => `Line ${line.toLocaleString("en")}: ${reason}`),
  };
}
