"""Every layer that a model may have. A new one is a class in a file here, and its entry in the union."""

from typing import Annotated

from pydantic import Field

from app.specs.layers.activation import (
    ELU,
    GELU,
    Dropout,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from app.specs.layers.base import Example, Layer, Recipe, Weighted
from app.specs.layers.conv import Conv1d, Conv2d
from app.specs.layers.embedding import Embedding, EntityEmbedding
from app.specs.layers.linear import Linear
from app.specs.layers.norm import BatchNorm, LayerNorm, LocalResponseNorm
from app.specs.layers.pooling import AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d
from app.specs.layers.recurrent import GRU, LSTM
from app.specs.layers.shape import Add, Concat, Flatten, Reshape

AnyLayer = Annotated[
    Linear
    | Conv1d
    | Conv2d
    | MaxPool1d
    | MaxPool2d
    | AvgPool1d
    | AvgPool2d
    | AdaptiveAvgPool2d
    | BatchNorm
    | LayerNorm
    | LocalResponseNorm
    | Embedding
    | EntityEmbedding
    | LSTM
    | GRU
    | ReLU
    | LeakyReLU
    | ELU
    | GELU
    | SiLU
    | Sigmoid
    | Tanh
    | Softplus
    | Softmax
    | LogSoftmax
    | Dropout
    | Flatten
    | Reshape
    | Add
    | Concat,
    Field(discriminator="type"),
]

LAYERS: tuple[type[Layer], ...] = AnyLayer.__origin__.__args__  # type: ignore[attr-defined]

__all__ = ["LAYERS", "AnyLayer", "Example", "Layer", "Recipe", "Weighted"]
