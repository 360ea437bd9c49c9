// Files that make one dataset: those of a folder, images and what says more of them, the parts of MNIST. They are sent as
// a tar archive that lies nowhere: the browser reads each file only when its bytes are on their way.

const BLOCK = 512;
const IMAGE = /\.(png|jpe?g|gif|bmp|webp|tiff?)$/i;
const IDX = /(ubyte|\.idx\d?)(\.gz)?$/i;
const ARRAY = /\.npy$/i;
const TABLE = /\.(csv|tsv)$/i;

/** Nobody means these: what systems leave in folders. */
const isHidden = (path) => path.split("/").some((name) => name.startsWith(".") || name === "__MACOSX" || name === "Thumbs.db");

/**
 * What is to be sent of `entries` [{path, file}]: single files, and in place of those that belong together one archive.
 * Each has {name, size, slice}, and an archive `numFiles` too.
 */
export function gathered(entries) {
  const seen = entries.filter(({ path }) => !isHidden(path));
  const loose = seen.filter(({ path }) => !path.includes("/"));
  const folders = new Map();
  for (const entry of seen) {
    const [name, ...rest] = entry.path.split("/");
    if (!rest.length) continue;
    if (!folders.has(name)) folders.set(name, []);
    folders.get(name).push(entry);
  }
  const together = partsOfOne(loose);
  const single = loose.filter((entry) => !together.entries.includes(entry)).map(({ file }) => file);
  return [
    ...[...folders].map(([name, inside]) => archiveOf(name, inside)),
    ...(together.entries.length ? [archiveOf(together.name, together.entries)] : []),
    ...single,
  ];
}

/** Of loose files those that make one dataset, and what it may be called. One file alone is a dataset by itself. */
function partsOfOne(loose) {
  const of = (...patterns) => loose.filter(({ path }) => patterns.some((pattern) => pattern.test(path)));
  for (const [name, entries] of [
    ["images", of(IMAGE).length ? of(IMAGE, TABLE) : []],
    ["images and labels", of(IDX)],
    ["arrays", of(ARRAY)],
  ]) {
    if (entries.length > 1) return { name, entries };
  }
  return { name: "", entries: [] };
}

/** Files as one tar archive, a `File`. Without a folder above them all: the folder's name is the archive's. */
function archiveOf(name, entries) {
  const inFolder = `${name}/`;
  const parts = [];
  for (const { path, file } of entries) {
    const inside = path.startsWith(inFolder) ? path.slice(inFolder.length) : path;
    parts.push(...headersOf(inside, file.size, file.lastModified), file, zeros(-file.size));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  const archive = new File(parts, `${name}.tar`, { type: "application/x-tar" });
  archive.numFiles = entries.length;
  return archive;
}

/**
 * What stands before a file in a tar archive, [Uint8Array]. Names that the plain header has no room for stand in one of
 * their own. Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header".
 */
export function headersOf(path, size, modifiedMs = 0) {
  const name = new TextEncoder().encode(path);
  const plain = name.length <= 100 && /^[\x20-\x7e]*$/.test(path);
  if (plain && size < 8 ** 11) return [header(name, size, modifiedMs, "0")];
  const more = new TextEncoder().encode(
    record("path", path) + (size < 8 ** 11 ? "" : record("size", String(size))),
  );
  return [
    header(new TextEncoder().encode("more"), more.length, modifiedMs, "x"),
    more,
    zeros(-more.length),
    header(name.slice(0, 100), size < 8 ** 11 ? size : 0, modifiedMs, "0"),
  ];
}

/** A line of an extended header: it begins with its own length in bytes. */
function record(key, value) {
  const rest = new TextEncoder().encode(` ${key}=${value}\n`).length;
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function header(name, size, modifiedMs, type) {
  const block = new Uint8Array(BLOCK);
  const write = (text, at) => block.set(new TextEncoder().encode(text), at);
  const octal = (number, digits) => Math.floor(number).toString(8).padStart(digits, "0");
  block.set(name, 0);
  write(`${octal(0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100); // mode, owner, group
  write(`${octal(size, 11)}\0${octal(Math.max(0, modifiedMs / 1000), 11)}\0        ${type}`, 124);
  write("ustar\u000000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0); // with spaces where it will stand
  write(`${octal(sum, 6)}\0 `, 148);
  return block;
}

/** What fills up a block after so many bytes, given with a minus. */
const zeros = (minus) => new Uint8Array(((minus % BLOCK) + BLOCK) % BLOCK);

/** The files of what was dropped, [{path, file}]: of folders all that is in them, with the folder's name before theirs. */
export async function dropped(transfer) {
  // All are asked for at once: after the first pause the browser has forgotten what was dropped.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ path: file.name, file }));
  return (await Promise.all(entries.map(inside))).flat();
}

/** The files that were chosen, [{path, file}]. */
export const chosen = (files) => [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));

async function inside(entry) {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) return [{ path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) }];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(inside))).flat();
}
