"""Makes the models of `tests/keras/models` with Keras itself: what `to_json` gives, and what Keras says of them.

Run by hand where Keras 3 is installed, JAX beneath it, for JAX does as TensorFlow does where torch does not (what is
odd in the padding of transposed convolutions): `KERAS_BACKEND=jax python tests/keras/make_models.py`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import Input, Sequential, layers

FOLDER = Path(__file__).parent / "models"


def lenet() -> Any:
    return Sequential(
        [
            Input((28, 28, 1)),
            layers.Conv2D(4, 5, padding="same", activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(6, 5, activation="relu"),
            layers.MaxPooling2D((2, 2), strides=(2, 2)),
            layers.Flatten(),
            layers.Dense(12, activation="tanh"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ],
        name="lenet",
    )


def strided() -> Any:
    return Sequential(
        [
            Input((17, 14, 3)),
            layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False, kernel_initializer="he_normal"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(6, (4, 2), strides=(2, 1), padding="same", activation=layers.LeakyReLU(negative_slope=0.1)),
            layers.MaxPooling2D(3, strides=2, padding="same"),
            layers.AveragePooling2D(2, strides=1, padding="same"),
            layers.SpatialDropout2D(0.2),
            layers.Conv2D(4, 3, dilation_rate=2, padding="same", groups=2, activation="elu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )


def text_cnn() -> Any:
    return Sequential(
        [
            Input((20,), dtype="int32"),
            layers.Embedding(30, 6),
            layers.SpatialDropout1D(0.1),
            layers.Conv1D(8, 3, padding="same", activation="relu"),
            layers.MaxPooling1D(2),
            layers.Conv1D(5, 3, padding="causal", dilation_rate=2, activation="gelu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def bidirectional() -> Any:
    return Sequential(
        [
            Input((12,), dtype="int32"),
            layers.Embedding(20, 5),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True, dropout=0.2)),
            layers.BatchNormalization(),
            layers.Conv1D(4, 3, padding="same"),
            layers.Bidirectional(layers.GRU(3)),
            layers.Dense(4, activation="log_softmax"),
        ]
    )


def series() -> Any:
    return Sequential(
        [
            Input((10, 3)),
            layers.GRU(5, return_sequences=True),
            layers.LayerNormalization(),
            layers.TimeDistributed(layers.Dense(4, activation="tanh")),
            layers.SimpleRNN(4, return_sequences=True, activation="relu", recurrent_dropout=0.1),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1),
        ]
    )


def autoencoder() -> Any:
    return Sequential(
        [
            Input((16, 12, 1)),
            layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(6, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(6, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(4, (4, 5), strides=2, padding="same", activation="softplus"),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ]
    )


def generator() -> Any:
    return Sequential(
        [
            Input((5,)),
            layers.Dense(4 * 3 * 6, use_bias=False),
            layers.BatchNormalization(momentum=0.8),
            layers.LeakyReLU(),
            layers.Reshape((4, 3, 6)),
            layers.UpSampling2D(),
            layers.Conv2D(4, 3, padding="same", kernel_initializer=keras.initializers.RandomNormal(stddev=0.02)),
            layers.Conv2DTranspose(3, 2, strides=3, activation="relu"),
            layers.Conv2DTranspose(2, 5, strides=2, padding="valid", activation="silu"),
            layers.Conv2DTranspose(1, 5, strides=3, padding="same", output_padding=1, activation="tanh"),
        ]
    )


def mobile() -> Any:
    return Sequential(
        [
            Input((15, 15, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.ZeroPadding2D(((0, 1), (2, 1))),
            layers.Conv2D(4, 3, strides=2),
            layers.ReLU(max_value=6),
            layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
            layers.PReLU(shared_axes=[1, 2], alpha_initializer="ones"),
            layers.SeparableConv2D(6, 3, padding="same", activation="hard_silu"),
            layers.GroupNormalization(3),
            layers.SeparableConv2D(4, 3, strides=2, depth_multiplier=2, pointwise_initializer="he_uniform"),
            layers.Cropping2D(((0, 1), (1, 0))),
            layers.LayerNormalization(),
            layers.GlobalMaxPooling2D(keepdims=True),
            layers.Conv2D(5, 1, activation="hard_sigmoid"),
            layers.Flatten(),
        ]
    )


def channels_first() -> Any:
    return Sequential(
        [
            Input((3, 9, 8)),
            layers.Conv2D(4, 3, padding="same", data_format="channels_first", activation="relu"),
            layers.BatchNormalization(axis=1),
            layers.MaxPooling2D(data_format="channels_first"),
            layers.Flatten(data_format="channels_first"),
            layers.Dense(2),
        ]
    )


def volume() -> Any:
    return Sequential(
        [
            Input((6, 7, 5, 1)),
            layers.Conv3D(3, 3, padding="same", strides=(1, 2, 1), activation="mish"),
            layers.MaxPooling3D(2, padding="same"),
            layers.Conv3DTranspose(2, 3, strides=2, padding="same"),
            layers.UpSampling3D((1, 2, 1)),
            layers.Cropping3D((1, 1, 0)),
            layers.GlobalAveragePooling3D(),
            layers.Softmax(),
        ]
    )


def sequence_to_sequence() -> Any:
    return Sequential(
        [
            Input((6, 2)),
            layers.LSTM(4),
            layers.RepeatVector(5),
            layers.LSTM(3, return_sequences=True, unit_forget_bias=False),
            layers.TimeDistributed(layers.Dense(2)),
        ]
    )


def order_matters() -> Any:
    return Sequential(
        [
            Input((4, 3, 2)),
            layers.Conv2D(5, 2),
            layers.Flatten(),
            layers.Activation("relu"),
            layers.Reshape((6, 5)),
            layers.Permute((2, 1)),
            layers.Dense(3),
            layers.Reshape((-1, 3, 1)),
            layers.Permute((2, 3, 1)),
            layers.Flatten(),
        ]
    )


def nested() -> Any:
    stem = Sequential(
        [Input((6,)), layers.Dense(8, activation="selu", kernel_initializer="lecun_normal"), layers.AlphaDropout(0.1)],
        name="stem",
    )
    head = Sequential([layers.Dense(4, kernel_regularizer=keras.regularizers.L1L2(0.01, 0.02)), layers.ELU(0.5)])
    model = Sequential(
        [
            stem,
            layers.GaussianNoise(0.1),
            layers.Dense(5, kernel_constraint=keras.constraints.MaxNorm(2.0), activation="celu"),
            head,
            layers.Dense(2, kernel_regularizer="l2"),
        ],
        name="outer",
    )
    stem.trainable = False
    model.compile("adam", "mse")
    return model


def signal() -> Any:
    return Sequential(
        [
            Input((16, 2)),
            layers.ZeroPadding1D((2, 1)),
            layers.Conv1D(4, 3, strides=2, kernel_initializer="truncated_normal"),
            layers.BatchNormalization(),
            layers.DepthwiseConv1D(3, padding="same"),
            layers.SeparableConv1D(6, 3, depth_multiplier=2),
            layers.Conv1DTranspose(3, 5, strides=2, padding="same"),
            layers.UpSampling1D(2),
            layers.Cropping1D((1, 2)),
            layers.Dense(2),
        ]
    )


def curves() -> Any:
    smooth = ["softsign", "tanh_shrink", "swish", "log_sigmoid"]
    bent = ["relu6", "soft_shrink", "hard_tanh", "hard_shrink", "leaky_relu"]
    hidden = [layers.Dense(4, activation=name) for name in smooth + bent]
    figures = {"mean": [1.0, 2.0, 3.0], "variance": [1.0, 4.0, 0.25]}
    norms = [layers.RMSNormalization(), layers.ReLU(negative_slope=0.2), layers.ReLU(threshold=0.1)]
    return Sequential(
        [Input((3,)), layers.Normalization(**figures), *hidden, *norms, layers.Dense(1), layers.Identity()]
    )


def resized() -> Any:
    return Sequential(
        [
            Input((13, 12, 2)),
            layers.CenterCrop(10, 11),
            layers.Resizing(7, 16),
            layers.UpSampling2D((2, 3), interpolation="bilinear"),
            layers.AdaptiveAveragePooling2D((5, 9)),
            layers.Conv2D(3, 3),
            layers.AdaptiveMaxPooling2D(2),
        ]
    )


MODELS: list[Callable[[], Any]] = [
    lenet,
    strided,
    text_cnn,
    bidirectional,
    series,
    autoencoder,
    generator,
    mobile,
    channels_first,
    volume,
    sequence_to_sequence,
    order_matters,
    nested,
    signal,
    curves,
    resized,
]


def told(model: Any) -> dict[str, Any]:
    """What Keras says of a model."""
    return {
        "model": json.loads(model.to_json()),
        "output_shape": list(model.output_shape[1:]),
        "num_trainable": sum(int(np.prod(one.shape)) for one in model.trainable_variables),
        "num_parameters": model.count_params(),
        "layers": [[one.name, list(one.output.shape[1:]), one.count_params()] for one in model.layers],
    }


def weighted(layer: Any) -> list[Any]:
    """The layers that hold weights, those within others too."""
    return [one for inner in layer.layers for one in weighted(inner)] if isinstance(layer, Sequential) else [layer]


def main() -> None:
    rng = np.random.default_rng(0)
    for make in MODELS:
        keras.utils.clear_session()
        keras.utils.set_random_seed(0)
        model = make()
        for variable in model.variables:  # so that each has a part in the answer
            if not variable.name.startswith(("seed", "count")):
                variable.assign(variable + 0.1 * rng.random(variable.shape))
        shape = (2, *model.input_shape[1:])
        is_text = make in (text_cnn, bidirectional)
        x = rng.integers(0, 20, shape) if is_text else rng.normal(size=shape).astype(np.float32)
        arrays = {f"{one.name}/{i}": w for one in weighted(model) for i, w in enumerate(one.get_weights())}
        answer = np.asarray(model(x, training=False))
        (FOLDER / f"{make.__name__}.json").write_text(json.dumps(told(model)) + "\n")
        np.savez_compressed(FOLDER / f"{make.__name__}.npz", x=x, y=answer, **arrays)


main()
