import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chosen, dropped, gathered, headersOf } from "../../static/js/datasets/together.js";

const entry = (path, text = path) => ({ path, file: new File([text], path.split("/").at(-1), { lastModified: 1_700_000_000_000 }) });
const names = (paths) => gathered(paths.map((path) => entry(path))).map(({ name, numFiles }) => [name, numFiles]);

test("tables are datasets of their own, and so is a single file of any kind", () => {
  assert.deepEqual(names(["a.csv", "b.csv"]), [["a.csv", undefined], ["b.csv", undefined]]);
  for (const path of ["a.png", "x.npy", "train-images-idx3-ubyte.gz"]) assert.deepEqual(names([path]), [[path, undefined]]);
});

test("images, MNIST's files and arrays that are chosen together make one dataset", () => {
  assert.deepEqual(names(["b.png", "a.JPG", "labels.csv"]), [["images.tar", 3]]);
  const mnist = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "heart.csv"];
  assert.deepEqual(names(mnist), [["images and labels.tar", 2], ["heart.csv", undefined]]);
  assert.deepEqual(names(["x.npy", "y.npy"]), [["arrays.tar", 2]]);
});

test("a folder is one dataset, without what systems leave in it", () => {
  const paths = ["pets/cats/1.png", "pets/dogs/1.png", "pets/.DS_Store", "pets/cats/Thumbs.db", "heart.csv"];
  assert.deepEqual(names(paths), [["pets.tar", 2], ["heart.csv", undefined]]);
  assert.deepEqual(names([".DS_Store"]), []);
});

test("files that were chosen in a folder keep its name before theirs", () => {
  const [file] = [{ name: "1.png", webkitRelativePath: "pets/cats/1.png" }];
  assert.deepEqual(chosen([file, { name: "a.csv", webkitRelativePath: "" }]).map(({ path }) => path), ["pets/cats/1.png", "a.csv"]);
});

test("tar itself reads the archive, with long names and such in any script", async () => {
  const long = `${"folder/".repeat(20)}${"n".repeat(80)}.txt`;
  const contents = { "a.txt": "a", "empty.txt": "", "Zürich/größe.txt": "ü".repeat(600), [long]: "x".repeat(512), "日本/語.txt": "y".repeat(513) };
  const [archive] = gathered(Object.entries(contents).map(([path, text]) => entry(`root/${path}`, text)));
  const folder = mkdtempSync(join(tmpdir(), "together-"));
  writeFileSync(join(folder, archive.name), Buffer.from(await archive.arrayBuffer()));
  execFileSync("tar", ["xf", archive.name], { cwd: folder, env: { ...process.env, LC_ALL: "C.UTF-8" } });
  for (const [path, text] of Object.entries(contents)) assert.equal(readFileSync(join(folder, path), "utf8"), text);
});

test("a file of more than eight gigabytes says its size in a header of its own", () => {
  const size = 9 * 2 ** 30;
  const [, more] = headersOf("large.bin", size);
  assert.match(new TextDecoder().decode(more), new RegExp(`^\\d+ path=large.bin\n\\d+ size=${size}\n$`));
  assert.equal(headersOf("small.bin", 5).length, 1);
});

const fileEntry = (fullPath) => ({ isFile: true, fullPath, file: (take) => take(new File(["x"], fullPath.split("/").at(-1))) });
function folderEntry(fullPath, inside) {
  const batches = [inside.slice(0, 1), inside.slice(1), []];
  return { isFile: false, fullPath, createReader: () => ({ readEntries: (take) => take(batches.shift()) }) };
}

test("of folders that are dropped all files are found, and the browser is asked for all at once", async () => {
  let isOver = false;
  const item = (entry) => ({ webkitGetAsEntry: () => (isOver ? null : entry) });
  const cats = folderEntry("/pets/cats", [fileEntry("/pets/cats/1.png"), fileEntry("/pets/cats/2.png")]);
  const items = [folderEntry("/pets", [cats, fileEntry("/pets/labels.csv")]), fileEntry("/heart.csv")].map(item);
  const found = dropped({ items, files: [] });
  isOver = true;
  const paths = (await found).map(({ path }) => path);
  assert.deepEqual(paths.sort(), ["heart.csv", "pets/cats/1.png", "pets/cats/2.png", "pets/labels.csv"]);
});

test("where a browser knows no folders, the files are what was dropped", async () => {
  const files = [new File(["x"], "a.csv")];
  assert.deepEqual((await dropped({ items: [{}], files })).map(({ path }) => path), ["a.csv"]);
});
