"""MobileNet v2 and v3, and EfficientNet: blocks that widen, look at each channel alone, and narrow again."""

from dataclasses import dataclass
from math import ceil

from app.specs.layers.activation import Hardswish, ReLU, ReLU6, SiLU
from app.specs.layers.base import Layer
from app.specs.layers.branches import Add
from app.specs.layers.networks.sketch import Maps, Sketch, Value
from app.specs.layers.regularisation import DropPath
from app.specs.layers.scaling import SqueezeExcitation


@dataclass(frozen=True)
class _Inverted:
    """A block: the channels in between, those that come out, and how it looks at each."""

    expanded: int
    out: int
    kernel: int
    stride: int
    activation: Layer
    squeeze: SqueezeExcitation | None = None
    drop: float | None = None  # how often the block is left out in training

    def add(self, net: Sketch, x: Value) -> Value:
        y = x if self.expanded == x.shape[0] else net.conv(x, self.expanded, 1, activation=self.activation)
        y = net.conv(
            y, self.expanded, self.kernel, stride=self.stride, groups=self.expanded, activation=self.activation
        )
        if self.squeeze is not None:
            y = net.add(self.squeeze, y)
        y = net.conv(y, self.out, 1, activation=None)
        if self.stride > 1 or x.shape[0] != self.out:
            return y
        return net.add(Add(), y if self.drop is None else net.add(DropPath(p=self.drop), y), x)


def mobilenet_v2() -> Maps:
    """MobileNet v2 (Sandler et al., 2018)."""
    stages = (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
    )  # fmt: skip

    def maps(net: Sketch, x: Value) -> Value:
        x = net.conv(x, 32, 3, stride=2, activation=ReLU6())
        for ratio, width, depth, stride in stages:
            for i in range(depth):
                block = _Inverted(ratio * x.shape[0], width, 3, 1 if i else stride, ReLU6())
                x = block.add(net, x)
        return net.conv(x, 1280, 1, activation=ReLU6())

    return maps


# Of each block: kernel, channels in between, channels out, whether they are weighed, whether hardswish, stride.
_SMALL = (
    (3, 16, 16, True, False, 2), (3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2), (5, 240, 40, True, True, 1), (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1), (5, 144, 48, True, True, 1), (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1), (5, 576, 96, True, True, 1),
)  # fmt: skip
_LARGE = (
    (3, 16, 16, False, False, 1), (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2), (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2), (3, 200, 80, False, True, 1), (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1), (3, 480, 112, True, True, 1), (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1),
)  # fmt: skip


def mobilenet_v3(*, is_large: bool) -> Maps:
    """MobileNet v3 (Howard et al., 2019)."""

    def maps(net: Sketch, x: Value) -> Value:
        x = net.conv(x, 16, 3, stride=2, activation=Hardswish())
        for kernel, expanded, width, is_weighed, is_hard, stride in _LARGE if is_large else _SMALL:
            squeeze = (
                SqueezeExcitation(squeeze_channels=_by_eight(expanded // 4), scale_activation="hardsigmoid")
                if is_weighed
                else None
            )
            block = _Inverted(expanded, width, kernel, stride, Hardswish() if is_hard else ReLU(), squeeze)
            x = block.add(net, x)
        return net.conv(x, 6 * x.shape[0], 1, activation=Hardswish())

    return maps


_EFFICIENT = (  # of each stage: expansion, kernel, stride, channels, blocks
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)  # fmt: skip


def efficientnet(width: float, depth: float) -> Maps:
    """EfficientNet (Tan, Le, 2019), so many times as wide and as deep as B0."""
    num_blocks = sum(ceil(count * depth) for *_, count in _EFFICIENT)

    def maps(net: Sketch, x: Value) -> Value:
        x = net.conv(x, _by_eight(32 * width), 3, stride=2, activation=SiLU())
        done = 0
        for ratio, kernel, stride, channels, count in _EFFICIENT:
            for i in range(ceil(count * depth)):
                squeeze = SqueezeExcitation(squeeze_channels=max(1, x.shape[0] // 4), activation="silu")
                block = _Inverted(
                    ratio * x.shape[0],
                    _by_eight(channels * width),
                    kernel,
                    1 if i else stride,
                    SiLU(),
                    squeeze,
                    0.2 * done / num_blocks,
                )
                x = block.add(net, x)
                done += 1
        return net.conv(x, 4 * x.shape[0], 1, activation=SiLU())

    return maps


def _by_eight(count: float) -> int:
    """The nearest multiple of 8, and not more than a tenth below."""
    near = max(8, int(count + 4) // 8 * 8)
    return near + 8 if near < 0.9 * count else near
