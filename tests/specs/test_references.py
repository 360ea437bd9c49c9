"""Networks that everybody knows, written in this language, have exactly the parameters of their references.

- VGG-16 and ResNet-50: `torchvision.models.vgg16` and `resnet50`, whose weights' `num_params` are documented at
  https://docs.pytorch.org/vision/stable/models.html.
- U-Net: `UNet(n_channels=3, n_classes=2, bilinear=False)` of https://github.com/milesial/Pytorch-UNet at 07debeb.
- The BERT-like encoder: `DistilBertModel` of distilbert-base-uncased, of 66 million parameters (Sanh et al., 2019,
  https://arxiv.org/abs/1910.01108): 6 layers of 768 features, embeddings that are normalised, no segments.
- The GPT-like decoder: minGPT's gpt-micro, 4 layers of 4 heads and 128 features, with GPT-2's vocabulary and a context
  of 1,024 (https://github.com/karpathy/minGPT at 08c08d8).
"""

import json
from pathlib import Path

import pytest
from torch import nn

from app.specs.model import ModelSpec

MODELS = Path(__file__).parents[2] / "examples" / "models"


def definition(name: str) -> ModelSpec:
    return ModelSpec.model_validate(json.loads((MODELS / f"{name}.json").read_bytes())["definition"])


def counted(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def double(given: int, width: int) -> list[nn.Module]:
    """DoubleConv of the U-Net."""
    convolutions = [nn.Conv2d(given, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)]
    return [*convolutions, nn.BatchNorm2d(width), nn.BatchNorm2d(width)]


def unet() -> int:
    widths = [64, 128, 256, 512, 1024]
    down = [one for given, width in zip([3, *widths], widths, strict=False) for one in double(given, width)]
    up: list[nn.Module] = []
    for width in widths[:-1]:
        up += [nn.ConvTranspose2d(2 * width, width, 2, stride=2), *double(2 * width, width)]
    return counted(*down, *up, nn.Conv2d(64, 2, 1))


def transformer(width: int, num_layers: int) -> list[nn.Module]:
    """Queries, keys, values, what goes out, two layers in between, and two norms, of each layer."""
    one: list[nn.Module] = [*[nn.Linear(width, width)] * 4, nn.Linear(width, 4 * width), nn.Linear(4 * width, width)]
    return [*one, nn.LayerNorm(width), nn.LayerNorm(width)] * num_layers


def distilbert() -> int:
    stem = [nn.Embedding(30522, 768), nn.Embedding(512, 768), nn.LayerNorm(768)]
    return counted(*stem) + sum(counted(one) for one in transformer(768, 6))


def gpt_micro() -> int:
    stem = [nn.Embedding(50257, 128), nn.Embedding(1024, 128)]
    head = [nn.LayerNorm(128), nn.Linear(128, 50257, bias=False)]
    return counted(*stem, *head) + sum(counted(one) for one in transformer(128, 4))


@pytest.mark.parametrize(
    ("name", "shape", "output", "published", "reference"),
    [
        ("vgg16", (3, 224, 224), [1000], 138_357_544, None),
        ("resnet50", (3, 224, 224), [1000], 25_557_032, None),
        ("unet", (3, 256, 256), [2, 256, 256], 31_043_586, unet),
        ("bert6", (512,), [512, 768], 66_362_880, distilbert),
        ("gpt4", (1024,), [1024, 50257], None, gpt_micro),
    ],
)
def test_parameters_are_those_of_the_reference(name, shape, output, published, reference) -> None:  # type: ignore[no-untyped-def]
    found = definition(name).inspect(shape)
    assert found.output_shape == output
    for wanted in (published, reference() if reference else None):
        assert wanted is None or found.num_parameters == wanted


@pytest.mark.parametrize(
    ("name", "giga", "unit"), [("vgg16", 15.47, 1e9), ("resnet50", 4.09, 1e9)]
)  # GFLOPS in the same tables of torchvision: multiply-adds, there
def test_multiply_adds_are_those_that_torchvision_publishes(name: str, giga: float, unit: float) -> None:
    assert definition(name).inspect((3, 224, 224)).num_multiply_adds / unit == pytest.approx(giga, abs=0.01)
