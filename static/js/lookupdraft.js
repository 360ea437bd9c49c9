// What a model looks up: embedded columns, whose places follow one another as the server has it; and ratings, of which
// users and items are best fed so. Pure.

const USER = /^(user|customer|viewer|reader|listener|member|reviewer|person)s?[_ ]?(id|name)?$/i;
const ITEM = /^(item|movie|film|product|book|song|track|artist|game|recipe|restaurant|article)s?[_ ]?(id|name|title)?$/i;
const VALUE = /^(ratings?|stars?|score|value|grade)$/i;

/** The columns that say who rated what and how, by what they are called: {user, item, value}, or null. */
export function ratingsOf(columns) {
  const find = (pattern, types) => columns.find(({ name, type }) => pattern.test(name) && types.includes(type))?.name;
  const [user, item] = [USER, ITEM].map((pattern) => find(pattern, ["integer", "category", "text"]));
  const value = find(VALUE, ["integer", "float"]);
  return user && item && value ? { user, item, value } : null;
}

/** Whether a target is what a user said of an item. */
export const isRating = (columns, target) => ratingsOf(columns)?.value === target;

/** Whether a column is fed as one whole number that is looked up. */
export function isEmbedded({ categories, columns }, { name, type }) {
  const own = columns?.[name]?.categories;
  if (type === "integer") return own === "embedded";
  const isWords = type === "text" || type === "category";
  return isWords && (own ?? categories) === "embedded" && !columns?.[name]?.tokens;
}

const MAX_CATEGORIES = 1_000_000;

/** How many columns are looked up, and how many places all their values take, with one each for the unknown. */
export function embeddedSizes(data, features) {
  const embedded = features.filter((column) => isEmbedded(data, column));
  const places = embedded.map(
    ({ name, num_distinct: num }) => 1 + Math.min(num, data.columns?.[name]?.max_categories ?? MAX_CATEGORIES),
  );
  return { numEmbedded: embedded.length, numEmbeddings: places.reduce((sum, one) => sum + one, 0) };
}
