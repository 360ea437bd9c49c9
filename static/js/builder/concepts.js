// A learner's line on each kind of layer and each figure. Pure.

const GROUPS = {
  basic: ["Dense", "Every output weighs every input: where all numbers matter to each other."],
  convolution: ["Convolution", "The same few weights slide over a picture or a series: a pattern is found wherever it lies."],
  pooling: ["Pooling", "Sums up patches: smaller, and less bothered by where exactly something is."],
  activation: ["Activation", "Bends what comes out. Without it, layers on layers are no more than one."],
  normalisation: ["Normalisation", "Brings numbers to a common size on the way: training goes faster and steadier."],
  regularisation: ["Regularisation", "Disturbs the training on purpose, so that the model does not learn its rows by heart."],
  sequence: ["Sequence", "Words and series: vectors for words, places in order, and layers that remember."],
  attention: ["Attention", "Each place looks at the others and takes what it needs: what transformers are made of."],
  branches: ["Branches", "Join what several layers made: added to, beside, or times one another."],
  shape: ["Shape", "The same numbers in another form: nothing is learned, nothing is lost but what is cut."],
  resizing: ["Resizing", "Larger or smaller pictures without weights: the way up of an autoencoder or a U-Net."],
  channels: ["Channels", "Weighs whole channels: which of the features matter here."],
  backbone: ["Backbone", "A network that is known to work, with or without what it has learned elsewhere."],
  fold: ["Block", "Layers under a name, written once and used many times."],
};

export const FIGURES = {
  "output shape": "what comes out for one row, without the batch; channels come first",
  parameters: "the numbers that training changes; more can learn more, and need more rows",
  "multiply-adds": "the work for one row, forwards; training takes about three times that",
  "kept for the way back": "what stays in memory of one row until the gradients are computed",
};

export const groupTitle = (group) => GROUPS[group]?.[0] ?? group;
export const groupLine = (group) => GROUPS[group]?.[1] ?? "";
