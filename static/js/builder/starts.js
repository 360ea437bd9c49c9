// What a layer is begun with where it must be told something: sizes that do for most, and shapes that stay as they are.

const conv = { out_channels: 16, kernel_size: 3, padding: "same" };
const recurrent = { hidden_size: 32 };
const transformer = { nhead: 4, dim_feedforward: 128 };

const STARTS = {
  linear: { out_features: 64 },
  bilinear: { out_features: 64 },
  conv1d: conv,
  conv2d: conv,
  conv3d: conv,
  separable_conv2d: conv,
  conv_transpose1d: { out_channels: 16, kernel_size: 2, stride: 2 },
  conv_transpose2d: { out_channels: 16, kernel_size: 2, stride: 2 },
  conv_transpose3d: { out_channels: 16, kernel_size: 2, stride: 2 },
  group_norm: { num_groups: 4 },
  squeeze_excitation: { squeeze_channels: 4 },
  rnn: recurrent,
  lstm: recurrent,
  gru: recurrent,
  multihead_attention: { num_heads: 4 },
  transformer_encoder_layer: transformer,
  transformer_decoder_layer: transformer,
  transformer_encoder: { num_layers: 2, ...transformer },
  transformer_decoder: { num_layers: 2, ...transformer },
};

/** A new layer of that kind, with what it cannot do without. `asked` is what templates are made for, where it is known. Pure. */
export function started(entry, asked) {
  const { type, required = [], example = {} } = entry;
  if (STARTS[type]) return { type, ...STARTS[type] };
  if (type === "embedding") return { type, num_embeddings: asked?.num_embeddings ?? example.num_embeddings, embedding_dim: 64 };
  if (type === "entity_embedding") {
    const { num_embeddings: places, num_columns: columns } = asked?.num_columns ? asked : example;
    return { type, num_embeddings: places, embedding_dim: 8, num_columns: columns };
  }
  const needed = required.map((name) => [name, example[name]]).filter(([, value]) => value !== undefined);
  return { type, ...structuredClone(Object.fromEntries(needed)) };
}
