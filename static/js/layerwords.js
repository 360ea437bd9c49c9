// A layer's settings in a line. Pure.

import { inWords } from "./settings.js";

// What a frozen specification spells out although nobody chose it.
const USUAL = {
  dilation: 1,
  groups: 1,
  bias: true,
  affine: true,
  elementwise_affine: true,
  ceil_mode: false,
  eps: 1e-5,
  stride: 1,
  output: "last",
  num_layers: 1,
  lr_factor: 1,
  end_dim: -1,
};

export function layerInWords(layer) {
  if (!layer) return "";
  if (layer.type === "block") return [blockInWords(layer), wired(layer)].filter(Boolean).join(" ");
  const { type, name, inputs, ...rest } = layer;
  const told = Object.fromEntries(Object.entries(rest).filter(([key, value]) => USUAL[key] !== value));
  const words = inWords({ type: "-", ...told }).slice(2);
  return [words, wired(layer)].filter(Boolean).join(" ");
}

const wired = ({ inputs }) => (inputs ? `inputs=${inputs.join("+")}` : "");

/** A block in its place. */
export function blockInWords({ block, repeat = 1, arguments: given = {} }) {
  const settings = Object.entries(given).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return [block || null, ...settings, repeat > 1 ? `${repeat} times` : null].filter(Boolean).join(", ");
}
