"""Every layer of Keras that has a counterpart here. A new one is a class in a file here, and its entry in the list."""

from app.keras.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax, ThresholdedReLU
from app.keras.layers.base import KerasLayer
from app.keras.layers.convolution import CONVOLUTIONS
from app.keras.layers.dense import Dense, Embedding, TimeDistributed
from app.keras.layers.disturb import DISTURBANCES
from app.keras.layers.norm import NORMS
from app.keras.layers.pooling import POOLINGS
from app.keras.layers.recurrent import RECURRENT
from app.keras.layers.shape import SHAPES

_ALL: tuple[type[KerasLayer], ...] = (
    Dense,
    Embedding,
    TimeDistributed,
    Activation,
    ReLU,
    ThresholdedReLU,
    LeakyReLU,
    PReLU,
    ELU,
    Softmax,
    *CONVOLUTIONS,
    *POOLINGS,
    *NORMS,
    *RECURRENT,
    *DISTURBANCES,
    *SHAPES,
)
KERAS_LAYERS: dict[str, type[KerasLayer]] = {one.__name__: one for one in _ALL}
