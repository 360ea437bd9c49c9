"""VGG (Simonyan, Zisserman, 2014)."""

from app.specs.layers.activation import ReLU
from app.specs.layers.conv import Conv2d
from app.specs.layers.networks.sketch import Maps, Sketch, Value
from app.specs.layers.pooling import MaxPool2d


def vgg(depths: tuple[int, ...]) -> Maps:
    """The network with so many convolutions in each stage."""

    def maps(net: Sketch, x: Value) -> Value:
        for depth, width in zip(depths, (64, 128, 256, 512, 512), strict=True):
            for _ in range(depth):
                x = net.chain(x, Conv2d(out_channels=width, kernel_size=3, padding=1), ReLU())
            x = net.add(MaxPool2d(kernel_size=2), x)
        return x

    return maps
