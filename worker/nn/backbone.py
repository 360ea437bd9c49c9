"""torchvision's networks without their classifier. Their parameters are called as torchvision calls them."""

from collections import OrderedDict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

_CLASSIFIER = frozenset({"AuxLogits", "avgpool", "classifier", "dropout", "fc"})  # whatever follows the maps


def backbone(architecture: str, output: str) -> nn.Module:
    """The network of that name for images (N, 3, H, W), its weights drawn anew: maps (N, C, h, w), or features (N, C).

    Raises ImportError where torchvision is not installed.
    """
    of_inception = {"aux_logits": False, "init_weights": True} if architecture == "inception_v3" else {}
    network = getattr(vision_models(), architecture)(weights=None, **of_inception)
    if architecture.startswith("vit"):
        network.heads = nn.Identity()
        whole: nn.Module = network
        return whole
    parts = OrderedDict((name, part) for name, part in network.named_children() if name not in _CLASSIFIER)
    if architecture == "inception_v3":
        parts = OrderedDict([("centred", Centred()), *parts.items()])
    if output == "features":
        parts["avgpool"] = nn.AdaptiveAvgPool2d(1)
        if architecture.startswith("convnext"):  # normalises what was averaged, and was trained with the rest
            parts["classifier"] = nn.Sequential(network.classifier[0])
        parts["flatten"] = nn.Flatten()
    return nn.Sequential(parts)


class Centred(nn.Module):
    """Images (N, 3, H, W) normalised as ImageNet's usually are, from -1 to 1: as Inception's weights know them."""

    scale: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        self.register_buffer("scale", (std / 0.5).reshape(3, 1, 1), persistent=False)
        self.register_buffer("shift", ((mean - 0.5) / 0.5).reshape(3, 1, 1), persistent=False)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return x_NCHW * self.scale + self.shift


def vision_models() -> Any:
    """The module torchvision.models. Raises ImportError where torchvision is not installed.

    A torchvision that was built for another torch than the one here, as PyPI's is for one with CUDA, cannot load its
    compiled operators. Its models need none of them, but the import asks for the schemas of two, so these are defined;
    calling one fails as it would anyway.
    """
    found = find_spec("torchvision")
    if found is None or found.origin is None:
        raise ImportError("No module named 'torchvision'")
    if not _SCHEMAS and not _loads_operators(Path(found.origin).parent):
        library: Any = torch.library
        _SCHEMAS.append(library.Library("torchvision", "FRAGMENT"))
        for name in ("nms", "qnms"):
            _SCHEMAS[0].define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return import_module("torchvision.models")


_SCHEMAS: list[Any] = []  # a schema lasts as long as its library


def _loads_operators(folder: Path) -> bool:
    if hasattr(torch.ops.torchvision, "nms"):
        return True
    operators: Any = torch.ops
    try:
        operators.load_library(next(folder.glob("_C*.so")))
    except (OSError, StopIteration):
        return False
    return True
