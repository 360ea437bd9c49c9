// A learner's line on each kind of layer and each figure. Pure.

const GROUPS = {
  basic: ["Dense", "Each number that comes out is made from all that go in: the usual choice for tables."],
  convolution: ["Convolution", "A small window slides over a picture or a series and looks for the same pattern everywhere."],
  pooling: ["Pooling", "Keeps one number of each small patch, such as the largest: pictures get smaller, and small shifts matter less."],
  activation: ["Activation", "Bends straight lines into curves. Without one in between, many layers can do no more than a single one."],
  normalisation: ["Normalisation", "Brings the numbers between layers to a similar size: training goes faster and steadier."],
  regularisation: ["Regularisation", "Makes training harder on purpose, so that the model learns what holds in general, not its rows by heart."],
  sequence: ["Sequence", "For words and series, read one after the other: turns words into numbers, and remembers what came before."],
  attention: ["Attention", "Each word or place looks at all others and takes what it needs. Transformers, as in GPT, are made of this."],
  branches: ["Branches", "Bring paths together that went apart: add them, multiply them, or put them side by side."],
  shape: ["Shape", "Arranges the same numbers otherwise, where the next layer needs them so. Nothing is learned here."],
  resizing: ["Resizing", "Makes pictures larger or smaller without learning anything, as where the answer is a picture too."],
  channels: ["Channels", "A channel is one picture of several: a colour, or a pattern that was found. Makes some count more than others."],
  backbone: ["Backbone", "A well-known network as a single layer: new, or with what it has learned from millions of pictures."],
  fold: ["Block", "Layers of your own under one name: written once, used as often as you like."],
};

export const FIGURES = {
  "output shape": "how many numbers come out for one row; of a picture: channels × height × width",
  parameters: "the numbers that training adjusts: more of them can learn more, and need more rows",
  "multiply-adds": "the work for one row: multiplications, each with an addition. Training takes about three times that",
  "memory for training": "for one row, beside the parameters: training needs again what came out here",
};

export const groupTitle = (group) => GROUPS[group]?.[0] ?? group;
export const groupLine = (group) => GROUPS[group]?.[1] ?? "";
