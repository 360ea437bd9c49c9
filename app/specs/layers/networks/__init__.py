"""Known networks without their classifier, as torchvision builds them: what they give and cost, without torch."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from app.specs.base import Shape
from app.specs.layers.adaptive import AdaptiveAvgPool2d
from app.specs.layers.networks.convnext import channel_norm, convnext
from app.specs.layers.networks.inception import inception_v3
from app.specs.layers.networks.mobilenet import efficientnet, mobilenet_v2, mobilenet_v3
from app.specs.layers.networks.resnet import resnet
from app.specs.layers.networks.sketch import Costs, Maps, Sketch
from app.specs.layers.networks.vgg import vgg
from app.specs.layers.networks.vit import vit_b_16
from app.specs.layers.shape import Flatten

Architecture = Literal[
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "vgg16",
    "inception_v3",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "efficientnet_b0",
    "efficientnet_b1",
    "efficientnet_b2",
    "efficientnet_b3",
    "efficientnet_b4",
    "convnext_tiny",
    "convnext_small",
    "vit_b_16",
]
Output = Literal["features", "maps"]


@dataclass(frozen=True)
class Network:
    """A network of that name, and which images it takes."""

    maps: Maps
    least_side: int = 1  # of an image
    only_side: int | None = None  # where it takes no other
    normalises: bool = True  # by the figures of a batch


NETWORKS: dict[Architecture, Network] = {
    "resnet18": Network(resnet((2, 2, 2, 2), is_bottleneck=False)),
    "resnet34": Network(resnet((3, 4, 6, 3), is_bottleneck=False)),
    "resnet50": Network(resnet((3, 4, 6, 3), is_bottleneck=True)),
    "resnet101": Network(resnet((3, 4, 23, 3), is_bottleneck=True)),
    "vgg16": Network(vgg((2, 2, 3, 3, 3)), least_side=32, normalises=False),
    "inception_v3": Network(inception_v3, least_side=75),
    "mobilenet_v2": Network(mobilenet_v2()),
    "mobilenet_v3_small": Network(mobilenet_v3(is_large=False)),
    "mobilenet_v3_large": Network(mobilenet_v3(is_large=True)),
    "efficientnet_b0": Network(efficientnet(1.0, 1.0)),
    "efficientnet_b1": Network(efficientnet(1.0, 1.1)),
    "efficientnet_b2": Network(efficientnet(1.1, 1.2)),
    "efficientnet_b3": Network(efficientnet(1.2, 1.4)),
    "efficientnet_b4": Network(efficientnet(1.4, 1.8)),
    "convnext_tiny": Network(convnext((3, 3, 9, 3), (96, 192, 384, 768), 0.1), least_side=32, normalises=False),
    "convnext_small": Network(convnext((3, 3, 27, 3), (96, 192, 384, 768), 0.4), least_side=32, normalises=False),
    "vit_b_16": Network(vit_b_16, only_side=224, normalises=False),
}
assert tuple(NETWORKS) == get_args(Architecture)
WITHOUT_MAPS = frozenset({"vit_b_16"})  # sequences, not images, are what it works on


@lru_cache(maxsize=200)
def costs(architecture: Architecture, output: Output, shape: Shape) -> Costs:
    """What a network makes of images that it takes."""
    net = Sketch()
    x = NETWORKS[architecture].maps(net, net.begin(shape))
    if output == "features" and architecture not in WITHOUT_MAPS:
        x = net.add(AdaptiveAvgPool2d(output_size=1), x)
        if architecture.startswith("convnext"):  # normalised before its classifier, by what is trained with the rest
            x = channel_norm(net, x)
        x = net.add(Flatten(), x)
    return net.costs(x)
