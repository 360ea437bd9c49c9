import assert from "node:assert/strict";
import test from "node:test";

import { formatCsv, parseCsv } from "../../static/js/csv.js";

test("plain rows, with either line end, with or without the last one", () => {
  for (const text of ["a,b\n1,2\n", "a,b\r\n1,2\r\n", "a,b\n1,2"]) assert.deepEqual(parseCsv(text), [["a", "b"], ["1", "2"]]);
});

test("quotes hold commas, quotes and line ends", () => {
  assert.deepEqual(parseCsv('a,"b, c"\n"say ""so""","two\nlines"\n'), [["a", "b, c"], ['say "so"', "two\nlines"]]);
});

test("a byte-order mark and empty lines do not count, empty fields do", () => {
  assert.deepEqual(parseCsv("\ufeffa,b\n\n,2\n"), [["a", "b"], ["", "2"]]);
});

test("what is written is read again", () => {
  const rows = [["id", "text"], ["1", 'a "b", c'], ["2", "x\ny"]];
  assert.deepEqual(parseCsv(formatCsv(rows)), rows);
});
