import assert from "node:assert/strict";
import { test } from "node:test";
import { answersOf, asked, doubtsInWords, formatInWords, misfitsInWords, nameOf, QUESTIONS, setAsideInWords, sourceOf, typeAnswers, TYPES } from "../../static/js/datasets/guess.js";

const GUESS = { encoding: "utf-8", delimiter: ";", quote: '"', header: true, decimal: ",", escape: "", thousands: "", comment: "" };
const question = (name) => QUESTIONS.find((one) => one.name === name);

test("what was found is among the answers, whatever it is", () => {
  assert.deepEqual(answersOf(question("delimiter"), ";"), question("delimiter").answers);
  assert.deepEqual(answersOf(question("delimiter"), "^").at(-1), ["^", "^"]);
  assert.deepEqual(answersOf(question("header"), true), question("header").answers);
  assert.equal(answersOf(question("quote"), "").length, 3);
});

test("where nothing is known it is left to be found out", () => {
  assert.deepEqual(answersOf(question("quote"), undefined)[0], [null, "found out"]);
});

test("only what was said is asked for", () => {
  assert.equal(asked({}), "");
  assert.equal(asked({ delimiter: "\t", quote: "" }), "delimiter=%09&quote=");
  assert.equal(new URLSearchParams(asked({}, { zip: "text" })).get("types"), '{"zip":"text"}');
});

test("a dataset is made as it was shown, but for an encoding that was only guessed", () => {
  assert.deepEqual(sourceOf("u", GUESS, {}), {
    type: "upload",
    upload: "u",
    delimiter: ";",
    quote: '"',
    header: true,
    decimal: ",",
    escape: "",
    thousands: "",
    comment: "",
  });
  const said = sourceOf("u", GUESS, { encoding: "cp1251", header: "false", quote: "" });
  assert.deepEqual([said.encoding, said.header, said.quote], ["cp1251", false, ""]);
  assert.deepEqual(sourceOf("u", null, {}), { type: "upload", upload: "u" });
  assert.deepEqual(sourceOf("u", null, {}, { zip: "text" }), { type: "upload", upload: "u", types: { zip: "text" } });
});

test("a dataset is called as its file, without endings", () => {
  assert.equal(nameOf("heart.csv.gz"), "heart");
  assert.equal(nameOf("a.b.TSV"), "a.b");
  assert.equal(nameOf(".csv"), "unnamed");
});

test("rows that do not fit are told with their lines", () => {
  assert.equal(misfitsInWords({ num_set_aside: 0, set_aside: [], is_whole: true }), null);
  const told = misfitsInWords({ num_set_aside: 2, set_aside: [{ line: 1300, reason: "3 found" }], is_whole: false });
  assert.equal(told.title, "2 rows at the beginning of the file do not fit and will be set aside.");
  assert.deepEqual(told.lines, ["Line 1,300: 3 found"]);
});

test("one column of words may be several whose delimiter is another one", () => {
  const one = { columns: [{ name: "a~b", type: "text" }], delimiter: "," };
  assert.match(doubtsInWords(one), /comma.*say what is between them/);
  assert.equal(doubtsInWords({ ...one, columns: [{ name: "a", type: "float" }] }), null);
  assert.equal(doubtsInWords({ ...one, columns: [...one.columns, ...one.columns] }), null);
});

test("every other format has words", () => {
  assert.match(formatInWords("parquet", "a.parquet").title, /a Parquet file/);
  assert.match(formatInWords("zip", "a.xlsx").title, /an Excel workbook/);
  assert.match(formatInWords("zip", "animals.zip").text, /folder .* its class/);
  assert.match(formatInWords("gzip", "train-images-idx3-ubyte.gz").text, /choose both files at once/);
  assert.match(formatInWords("something", "a.gz").title, /packed with gzip/);
});

test("what is not in a dataset were rows of a table, or parts of anything else", () => {
  assert.equal(setAsideInWords(1, { delimiter: "," }), "1 row of the file did not fit and was set aside.");
  assert.equal(setAsideInWords(2, { format: "zip" }), "2 parts of the file could not be used and were set aside.");
});

test("a column is as guessed until something is said of it", () => {
  assert.deepEqual(typeAnswers("integer")[0], ["", "as guessed: integer"]);
  assert.deepEqual(typeAnswers(undefined)[0], ["", "as guessed"]);
  assert.deepEqual(typeAnswers("text").slice(1).map(([value]) => value), TYPES);
});
