"""Every layer that a model may have. A new one is a class in a file here, and its entry in the union."""

from typing import Annotated

from pydantic import Field

from app.specs.layers.activation import (
    CELU,
    ELU,
    GELU,
    GLU,
    SELU,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    RReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softmax2d,
    Softmin,
    Softplus,
    Softshrink,
    Softsign,
    Tanh,
    Tanhshrink,
    Threshold,
)
from app.specs.layers.adaptive import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    GlobalAvgPool,
    GlobalMaxPool,
    Mean,
)
from app.specs.layers.attention import (
    MultiheadAttention,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)
from app.specs.layers.backbone import Backbone
from app.specs.layers.base import Example, Layer, Learned, Recipe, Weighted
from app.specs.layers.block import Block, Use
from app.specs.layers.branches import Add, Concat, CosineSimilarity, Dot, Multiply, Subtract
from app.specs.layers.conv import Conv1d, Conv2d, Conv3d, SeparableConv2d
from app.specs.layers.embedding import ClassToken, Embedding, EntityEmbedding, LearnedPosition, SinusoidalPosition
from app.specs.layers.linear import Bilinear, Linear
from app.specs.layers.norm import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LocalResponseNorm,
    Normalization,
    RMSNorm,
)
from app.specs.layers.pooling import AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d
from app.specs.layers.recurrent import GRU, LSTM, RNN
from app.specs.layers.regularisation import (
    AlphaDropout,
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    DropPath,
    FeatureAlphaDropout,
    GaussianNoise,
)
from app.specs.layers.resize import (
    ChannelShuffle,
    MaxUnpool1d,
    MaxUnpool2d,
    MaxUnpool3d,
    PixelShuffle,
    PixelUnshuffle,
    Upsample,
)
from app.specs.layers.scaling import LayerScale, SqueezeExcitation
from app.specs.layers.shape import Flatten, Pad, Permute, Reshape, Select, Slice
from app.specs.layers.transposed import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d

AnyLayer = Annotated[
    Linear
    | Bilinear
    | Conv1d
    | Conv2d
    | Conv3d
    | SeparableConv2d
    | ConvTranspose1d
    | ConvTranspose2d
    | ConvTranspose3d
    | MaxPool1d
    | MaxPool2d
    | MaxPool3d
    | AvgPool1d
    | AvgPool2d
    | AvgPool3d
    | AdaptiveAvgPool1d
    | AdaptiveAvgPool2d
    | AdaptiveAvgPool3d
    | AdaptiveMaxPool1d
    | AdaptiveMaxPool2d
    | AdaptiveMaxPool3d
    | GlobalAvgPool
    | GlobalMaxPool
    | Mean
    | Upsample
    | PixelShuffle
    | PixelUnshuffle
    | ChannelShuffle
    | MaxUnpool1d
    | MaxUnpool2d
    | MaxUnpool3d
    | BatchNorm
    | LayerNorm
    | GroupNorm
    | InstanceNorm
    | RMSNorm
    | LocalResponseNorm
    | Normalization
    | SqueezeExcitation
    | LayerScale
    | Embedding
    | EntityEmbedding
    | SinusoidalPosition
    | LearnedPosition
    | ClassToken
    | RNN
    | LSTM
    | GRU
    | MultiheadAttention
    | TransformerEncoderLayer
    | TransformerDecoderLayer
    | TransformerEncoder
    | TransformerDecoder
    | ReLU
    | ReLU6
    | LeakyReLU
    | PReLU
    | RReLU
    | ELU
    | CELU
    | SELU
    | GELU
    | SiLU
    | Mish
    | Hardswish
    | Sigmoid
    | Hardsigmoid
    | LogSigmoid
    | Tanh
    | Hardtanh
    | Tanhshrink
    | Softsign
    | Softplus
    | Softshrink
    | Hardshrink
    | Threshold
    | GLU
    | Softmax
    | Softmin
    | Softmax2d
    | LogSoftmax
    | Dropout
    | Dropout1d
    | Dropout2d
    | Dropout3d
    | AlphaDropout
    | FeatureAlphaDropout
    | DropPath
    | GaussianNoise
    | Flatten
    | Reshape
    | Permute
    | Slice
    | Select
    | Pad
    | Add
    | Subtract
    | Multiply
    | Dot
    | CosineSimilarity
    | Concat
    | Backbone
    | Use,
    Field(discriminator="type"),
]

_MEMBERS: tuple[type[Layer], ...] = AnyLayer.__origin__.__args__  # type: ignore[attr-defined]
LAYERS = tuple(one for one in _MEMBERS if one is not Use)  # those that compute something

__all__ = ["LAYERS", "AnyLayer", "Block", "Example", "Layer", "Learned", "Recipe", "Use", "Weighted"]
