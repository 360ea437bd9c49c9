"""Inception v3 (Szegedy et al., 2015), without its auxiliary classifier."""

from collections.abc import Sequence

from app.specs.layers.branches import Concat
from app.specs.layers.networks.sketch import Sketch, Value
from app.specs.layers.pooling import AvgPool2d, MaxPool2d

Step = tuple[int, int | tuple[int, int]]  # of a branch: channels, kernel

_AVERAGE = AvgPool2d(kernel_size=3, stride=1, padding=1)
_HALVE = MaxPool2d(kernel_size=3, stride=2)


def inception_v3(net: Sketch, x: Value) -> Value:
    """From the image to the maps before they are pooled."""
    x = net.conv(x, 32, 3, stride=2, padding=0)
    x = net.conv(net.conv(x, 32, 3, padding=0), 64, 3)
    x = net.conv(net.add(_HALVE, x), 80, 1)
    x = net.add(_HALVE, net.conv(x, 192, 3, padding=0))
    for width in (32, 64, 64):
        x = _wide(net, x, width)
    x = _halved(net, x, [], [(384, 3)], [(64, 1), (96, 3), (96, 3)])
    for width in (128, 160, 160, 192):
        x = _long(net, x, width)
    x = _halved(net, x, [(192, 1)], [(320, 3)], [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3)])
    for _ in range(2):
        x = _spread(net, x)
    return x


def _branch(net: Sketch, x: Value, steps: Sequence[Step]) -> Value:
    for width, kernel in steps:
        x = net.conv(x, width, kernel)
    return x


def _wide(net: Sketch, x: Value, width: int) -> Value:
    return net.add(
        Concat(),
        _branch(net, x, [(64, 1)]),
        _branch(net, x, [(48, 1), (64, 5)]),
        _branch(net, x, [(64, 1), (96, 3), (96, 3)]),
        _branch(net, net.add(_AVERAGE, x), [(width, 1)]),
    )


def _long(net: Sketch, x: Value, width: int) -> Value:
    row, column = (1, 7), (7, 1)
    twice: list[Step] = [(width, 1), (width, column), (width, row), (width, column), (192, row)]
    return net.add(
        Concat(),
        _branch(net, x, [(192, 1)]),
        _branch(net, x, [(width, 1), (width, row), (192, column)]),
        _branch(net, x, twice),
        _branch(net, net.add(_AVERAGE, x), [(192, 1)]),
    )


def _halved(net: Sketch, x: Value, before: Sequence[Step], last: Sequence[Step], second: Sequence[Step]) -> Value:
    """Two branches whose last convolution halves the sides, and the largest of each patch."""
    branches = []
    for steps in ([*before, *last], second):
        (width, kernel), inner = steps[-1], _branch(net, x, steps[:-1])
        branches.append(net.conv(inner, width, kernel, stride=2, padding=0))
    return net.add(Concat(), *branches, net.add(_HALVE, x))


def _spread(net: Sketch, x: Value) -> Value:
    """Two of the branches end in a row beside a column."""
    first, second = _branch(net, x, [(384, 1)]), _branch(net, x, [(448, 1), (384, 3)])
    ends = [net.add(Concat(), net.conv(one, 384, (1, 3)), net.conv(one, 384, (3, 1))) for one in (first, second)]
    return net.add(
        Concat(),
        _branch(net, x, [(320, 1)]),
        *ends,
        _branch(net, net.add(_AVERAGE, x), [(192, 1)]),
    )
