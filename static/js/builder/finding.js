// Layers by what somebody calls them. Pure.

/** The entries that the words fit, best first; all of them for none. `entries`: {type, title, also_called, group, help}. */
export function found(entries, words) {
  const wanted = plain(words).split(" ").filter(Boolean);
  if (!wanted.length) return entries;
  const scored = entries.map((entry, i) => ({ entry, i, score: scoreOf(entry, wanted) })).filter(({ score }) => score > 0);
  return scored.sort((a, b) => b.score - a.score || a.i - b.i).map(({ entry }) => entry);
}

const plain = (text) => text.toLowerCase().replaceAll(/[_\s-]+/g, " ").trim();

/** Each word must be somewhere; a name that begins with it counts most. */
function scoreOf({ type, title, also_called: others = [], group, help = "" }, wanted) {
  const names = [type, title ?? type, ...others].map(plain);
  const whole = wanted.join(" ");
  if (names.includes(whole) || names.some((name) => name.replaceAll(" ", "") === whole.replaceAll(" ", ""))) return 100;
  const scores = wanted.map((word) => {
    if (names.some((name) => name.startsWith(word))) return 20;
    if (names.some((name) => name.split(" ").some((part) => part.startsWith(word)))) return 12;
    if (names.some((name) => name.replaceAll(" ", "").includes(word))) return 8;
    if (plain(group ?? "").includes(word)) return 4;
    return plain(help).includes(word) ? 1 : 0;
  });
  return scores.includes(0) ? 0 : scores.reduce((sum, one) => sum + one, 0) / wanted.length;
}

/** The same entries, those for other numbers of axes last: of conv1d, conv2d and conv3d a picture wants the second. */
export function forAxes(entries, axes) {
  if (!axes) return entries;
  const isOther = ({ type }) => /[123]d$/.test(type) && Number(type.at(-2)) !== axes;
  return [...entries.filter((entry) => !isOther(entry)), ...entries.filter(isOther)];
}
