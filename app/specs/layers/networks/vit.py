"""Vision Transformer (Dosovitskiy et al., 2020)."""

from app.specs.layers.attention import TransformerEncoderLayer
from app.specs.layers.conv import Conv2d
from app.specs.layers.embedding import ClassToken, LearnedPosition
from app.specs.layers.networks.sketch import Sketch, Value
from app.specs.layers.norm import LayerNorm
from app.specs.layers.shape import Permute, Reshape, Select


def vit_b_16(net: Sketch, x: Value) -> Value:
    """From the image to the features of the class token."""
    width = 768
    x = net.chain(
        x,
        Conv2d(out_channels=width, kernel_size=16, stride=16),
        Reshape(shape=(width, -1)),
        Permute(dims=(2, 1)),
        ClassToken(),
        LearnedPosition(),
    )
    block = TransformerEncoderLayer(nhead=12, dim_feedforward=3072, dropout=0.0, activation="gelu", norm_first=True)
    return net.chain(x, *[block] * 12, LayerNorm(), Select(dim=1, index=0))
