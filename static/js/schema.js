// JSON Schema, as the server writes it for its own classes, read into fields of a form. Pure.

// What one seldom changes stands behind "More".
const EXTRA = new Set([
  ...[
    "name",
    "inputs",
    "weight_init",
    "bias_init",
    "freeze",
    "unfreeze_after",
    "lr_factor",
    "l1",
    "l2",
    "max_norm",
    "bias",
    "dilation",
    "groups",
    "ceil_mode",
    "eps",
    "affine",
    "elementwise_affine",
  ],
  ...["betas", "amsgrad", "dampening", "nesterov", "centered"],
]);

const NONE = "none"; // of several numbers, one that is not said

/**
 * The fields of a class, {properties, required}: [{name, kind, help, default, isRequired, isNullable, isExtra, choices, isList, items}], those
 * that must be given first. `kind` is boolean, integer, number, text, choice, spec (one of several classes, by its
 * `type`), weights (of classes, by name) or mixed (a number, several numbers, or a word).
 */
export function fieldsOf(schema) {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {})
    .filter(([, property]) => property.const === undefined)
    .map(([name, property]) => fieldOf(name, property, required.has(name)));
  return fields.sort((a, b) => b.isRequired - a.isRequired || a.isExtra - b.isExtra);
}

function fieldOf(name, property, isRequired) {
  const options = (property.anyOf ?? [property]).filter((option) => option.type !== "null");
  const isNullable = Boolean(property.anyOf?.some((option) => option.type === "null"));
  const said = options.flatMap((option) => option.enum ?? (option.const === undefined ? [] : [option.const]));
  const mayBeNone = isNullable && options.length === 1 && said.length > 0;
  const choices = mayBeNone ? ["", ...said] : said;
  const base = {
    name,
    help: property.description ?? "",
    default: mayBeNone ? (property.default ?? "") : property.default,
    isRequired,
    isNullable,
    isExtra: EXTRA.has(name) || Boolean(property.is_extra),
    emptyLabel: property.emptyLabel ?? "none",
    choices,
    isList: false,
    items: null,
  };
  return { ...base, ...kindOf(options, choices) };
}

function kindOf(options, choices) {
  const [only] = options;
  if (options.some((option) => option.additionalProperties)) return { kind: "weights" };
  if (options.some((option) => option.discriminator || option.oneOf || option.$ref)) return { kind: "spec" };
  if (options.length > 1) return { kind: "mixed", items: "number" };
  if (choices.length) return { kind: "choice" };
  if (only.type === "array") return { kind: "mixed", isList: true, items: itemsOf(only), hasNone: hasNone(only) };
  return { kind: { boolean: "boolean", integer: "integer", number: "number" }[only.type] ?? "text" };
}

const hasNone = ({ items, prefixItems }) =>
  [items, ...(prefixItems ?? [])].some((item) => item?.anyOf?.some(({ type }) => type === "null"));

function itemsOf({ items, prefixItems }) {
  const item = items ?? prefixItems?.[0] ?? {};
  return item.type === "string" ? "string" : "number";
}

/**
 * What a person typed, as a value for the specification: undefined leaves it out, so the default holds. What cannot be
 * read stays as it is, for the server to say what it expected.
 */
export function parseField(field, text) {
  const trimmed = String(text).trim();
  if (trimmed === "") return field.isNullable && field.default !== null ? null : undefined;
  if (field.kind === "text" || field.choices.includes(trimmed)) return trimmed;
  const parts = trimmed.split(/[\s,×]+/).filter(Boolean);
  if (field.items === "string") return parts;
  const numbers = parts.map((part) => (field.hasNone && part === NONE ? null : Number(part.replace("−", "-"))));
  if (!numbers.every((one) => one === null || Number.isFinite(one))) return trimmed;
  return field.isList || numbers.length > 1 ? numbers : numbers[0];
}

/** A value of the specification as text for its field. */
export function formatField(value) {
  if (value === null || value === undefined) return "";
  return Array.isArray(value) ? value.map((one) => one ?? NONE).join(", ") : String(value);
}

export const isDefault = (field, value) => JSON.stringify(value) === JSON.stringify(field.default);

/** "out_channels" -> "out channels" */
export const labelOf = (name) => name.replaceAll("_", " ");
