// A list of elements that stay the same elements while what they show changes: focus, hover and clicks survive news.

/** Make the children of `parent` those of `items`, in order; each is made once for its key and filled every time. */
export function keyed(parent, items, { key, make, fill }) {
  const known = new Map([...parent.children].map((element) => [element.dataset.key, element]));
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  items.forEach((item, i) => {
    const id = String(key(item));
    let element = known.get(id);
    if (!element) {
      element = make(item);
      element.dataset.key = id;
    }
    known.delete(id);
    fill(element, item, i);
    if (parent.children[i] !== element) parent.insertBefore(element, parent.children[i] ?? null);
  });
  for (const element of known.values()) element.remove();
  if (focused?.isConnected && document.activeElement !== focused) focused.focus(); // one that is moved loses it
}
