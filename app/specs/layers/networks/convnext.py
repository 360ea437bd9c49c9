"""ConvNeXt (Liu et al., 2022)."""

from app.specs.layers.activation import GELU
from app.specs.layers.branches import Add
from app.specs.layers.conv import Conv2d
from app.specs.layers.linear import Linear
from app.specs.layers.networks.sketch import Maps, Sketch, Value
from app.specs.layers.norm import LayerNorm
from app.specs.layers.regularisation import DropPath
from app.specs.layers.scaling import LayerScale
from app.specs.layers.shape import Permute

_LAST, _FIRST = Permute(dims=(2, 3, 1)), Permute(dims=(3, 1, 2))  # where the channels go


def convnext(depths: tuple[int, ...], widths: tuple[int, ...], drop: float) -> Maps:
    """The network with so many blocks in each stage; the last block is left out in training that often."""

    def maps(net: Sketch, x: Value) -> Value:
        done = 0
        for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            size = 2 if stage else 4
            conv = Conv2d(out_channels=width, kernel_size=size, stride=size)
            x = net.add(conv, channel_norm(net, x)) if stage else channel_norm(net, net.add(conv, x))
            for _ in range(depth):
                x = _block(net, x, drop * done / (sum(depths) - 1))
                done += 1
        return x

    return maps


def channel_norm(net: Sketch, x: Value) -> Value:
    """Each place's channels, normalised."""
    return net.chain(x, _LAST, LayerNorm(), _FIRST)


def _block(net: Sketch, x: Value, drop: float) -> Value:
    width = x.shape[0]
    inner = net.chain(
        x,
        Conv2d(out_channels=width, kernel_size=7, padding=3, groups=width),
        _LAST,
        LayerNorm(),
        Linear(out_features=4 * width),
        GELU(),
        Linear(out_features=width),
        _FIRST,
        LayerScale(),
        DropPath(p=drop),
    )
    return net.add(Add(), inner, x)
