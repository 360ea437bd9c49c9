// Where the image of a row is, and in which order rows come next. Pure.

/** The next order after a click on a heading: ascending, descending, as in the file. */
export function nextSort(sort, name) {
  if (sort === name) return `-${name}`;
  return sort === `-${name}` ? null : name;
}

/** `number` is the row's place in the table, from 0 on. */
export const imageUrl = (dataset, name, number, size = 96) =>
  `/api/v1/datasets/${dataset.id}/images/${encodeURIComponent(name)}/${number}?size=${size}`;
