"""ResNet (He et al., 2015), as torchvision has it: the stride of a bottleneck is that of its 3×3 convolution."""

from app.specs.layers.activation import ReLU
from app.specs.layers.branches import Add
from app.specs.layers.networks.sketch import Maps, Sketch, Value
from app.specs.layers.pooling import MaxPool2d


def resnet(depths: tuple[int, ...], *, is_bottleneck: bool) -> Maps:
    """The network with so many blocks in each stage."""
    expansion = 4 if is_bottleneck else 1

    def maps(net: Sketch, x: Value) -> Value:
        x = net.add(MaxPool2d(kernel_size=3, stride=2, padding=1), net.conv(x, 64, 7, stride=2))
        for stage, depth in enumerate(depths):
            width = 64 * 2**stage
            for i in range(depth):
                stride = 2 if stage and not i else 1
                branch = _bottleneck(net, x, width, stride) if is_bottleneck else _basic(net, x, width, stride)
                if x.shape[0] != expansion * width or stride > 1:
                    x = net.conv(x, expansion * width, 1, stride=stride, activation=None)
                x = net.chain(net.add(Add(), branch, x), ReLU())
        return x

    return maps


def _basic(net: Sketch, x: Value, width: int, stride: int) -> Value:
    return net.conv(net.conv(x, width, 3, stride=stride), width, 3, activation=None)


def _bottleneck(net: Sketch, x: Value, width: int, stride: int) -> Value:
    x = net.conv(net.conv(x, width, 1), width, 3, stride=stride)
    return net.conv(x, 4 * width, 1, activation=None)
