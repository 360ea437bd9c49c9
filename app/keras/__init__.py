"""Models that Keras wrote: what `keras.Sequential.to_json()` gives becomes layers of ours, without Keras."""
