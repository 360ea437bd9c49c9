"""Known networks: what their specification says without torch is what torchvision's own modules are and cost."""

from math import prod
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from app.specs.base import SpecError
from app.specs.checks.model import learning_problems
from app.specs.layers.backbone import Backbone
from app.specs.layers.networks import NETWORKS, WITHOUT_MAPS
from app.specs.model import ModelSpec
from app.specs.training import TrainingSpec
from tests.worker.nn.cases import skip_unbuildable
from worker.export import MAX_DIFFERENCE, largest_difference, to_onnx
from worker.nn.backbone import backbone, vision_models

BATCH = 2
# Those that differ from others in a number alone are for the full run.
ALIKE = {"resnet34", "resnet101", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4"}
ALIKE |= {"convnext_small", "mobilenet_v3_large"}
NAMES = [pytest.param(name, marks=[pytest.mark.full] if name in ALIKE else []) for name in NETWORKS]


@pytest.fixture
def vision() -> Any:
    skip_unbuildable(Backbone)
    return vision_models()


def spec(architecture: str, **more: Any) -> Backbone:
    return Backbone.model_validate({"type": "backbone", "architecture": architecture, **more})


def shape_for(architecture: str) -> tuple[int, int, int]:
    """Sides that differ, where they may."""
    network = NETWORKS[architecture]  # type: ignore[index]
    side = network.only_side or max(64, network.least_side + 10)
    return (3, side, network.only_side or side + 13)


def headless(vision: Any, architecture: str) -> nn.Module:
    """torchvision's module, its last layer taken away and nothing else; VGG's maps are averaged."""
    extra = {"aux_logits": False, "init_weights": False} if architecture == "inception_v3" else {}
    network: nn.Module = getattr(vision, architecture)(weights=None, **extra)
    if architecture.startswith("vgg"):
        network.avgpool, network.classifier = nn.AdaptiveAvgPool2d(1), nn.Identity()
    elif architecture.startswith("convnext"):
        network.classifier[2] = nn.Identity()  # type: ignore[index, operator]
    else:
        last = next(name for name in ("fc", "heads", "classifier") if hasattr(network, name))
        setattr(network, last, nn.Identity())
    return network


@pytest.mark.parametrize("architecture", NAMES)
def test_features_cost_what_torchvision_counts(vision: Any, architecture: str) -> None:
    layer, shape = spec(architecture), shape_for(architecture)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = headless(vision, architecture)
        output = network(torch.randn(BATCH, *shape))
        ours = backbone(architecture, "features")
    assert layer.output_shape(shape) == tuple(output.shape[1:])
    assert layer.num_parameters(shape) == sum(one.numel() for one in network.parameters())
    assert 2 * BATCH * layer.num_multiply_adds(shape) == counter.get_total_flops()
    norms = [one for one in network.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)]
    assert layer.normalises == bool(norms)
    theirs = {name: one.shape for name, one in network.state_dict().items()}
    assert {name: one.shape for name, one in ours.state_dict().items()} == theirs


@pytest.mark.parametrize("architecture", [one for one in NAMES if one.values[0] not in WITHOUT_MAPS])
def test_maps_cost_what_torch_counts(vision: Any, architecture: str) -> None:
    layer, shape = spec(architecture, output="maps"), shape_for(architecture)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        module = backbone(architecture, "maps")
        output = module(torch.randn(BATCH, *shape))
    assert layer.output_shape(shape) == tuple(output.shape[1:])
    assert layer.num_parameters(shape) == sum(one.numel() for one in module.parameters())
    assert 2 * BATCH * layer.num_multiply_adds(shape) == counter.get_total_flops()


@pytest.mark.parametrize(
    "architecture", ["resnet18", pytest.param("inception_v3", marks=pytest.mark.full), "mobilenet_v3_small"]
)
def test_features_are_torchvisions_numbers(vision: Any, architecture: str) -> None:
    ours, theirs = backbone(architecture, "features").eval(), headless(vision, architecture).eval()
    theirs.load_state_dict(ours.state_dict())
    theirs.transform_input = True  # type: ignore[assignment]  # as with all weights that it offers for Inception
    x = torch.randn(BATCH, 3, 80, 90)
    with torch.no_grad():
        found, expected = ours(x), theirs(x)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize(
    "architecture",
    ["resnet18", "mobilenet_v2", "mobilenet_v3_small"]
    + [
        pytest.param(name, marks=pytest.mark.full)
        for name in ("vgg16", "inception_v3", "efficientnet_b0", "convnext_tiny", "vit_b_16")
    ],
)
def test_what_is_kept_is_what_autograd_keeps(vision: Any, architecture: str) -> None:
    shape = shape_for(architecture)
    module = backbone(architecture, "features").train()
    x = torch.randn(BATCH, *shape)
    own = {one.untyped_storage().data_ptr() for one in (x, *module.parameters(), *module.buffers())}
    found: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        found[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        module(x)
    sizes = [one.untyped_storage().nbytes() for place, one in found.items() if place not in own]
    said = spec(architecture).num_kept(shape)
    assert said == pytest.approx(sum(sizes) / 4 / BATCH, rel=0.15)


@pytest.mark.parametrize(
    ("architecture", "shape", "words"),
    [
        ("resnet18", (1, 28, 28), "needs images of 3 channels, but gets 1×28×28; a concat"),
        ("resnet18", (20,), "needs images of 3 channels, but gets 20"),
        ("vgg16", (3, 40, 31), "vgg16 needs 32×32 at least, but gets 3×40×31"),
        ("inception_v3", (3, 74, 80), "inception_v3 needs 75×75 at least"),
        ("vit_b_16", (3, 224, 225), "vit_b_16 takes 224×224 alone, not 3×224×225"),
    ],
)
def test_images_that_a_network_does_not_take(architecture: str, shape: tuple[int, ...], words: str) -> None:
    model = ModelSpec.model_validate({"layers": [{"type": "backbone", "architecture": architecture}]})
    with pytest.raises(SpecError) as error:
        model.inspect(shape)
    (problem,) = error.value.errors
    assert words in problem.msg
    assert problem.loc[:2] == ["layers", 0]


@pytest.mark.parametrize("architecture", NAMES)
def test_the_smallest_image_is_the_smallest(vision: Any, architecture: str) -> None:
    network = NETWORKS[architecture]  # type: ignore[index]
    side = network.only_side or network.least_side
    assert prod(spec(architecture).output_shape((3, side, side))) > 0
    if side > 1:
        with torch.device("meta"), pytest.raises((RuntimeError, AssertionError)):
            headless(vision, architecture).eval()(torch.randn(BATCH, 3, side - 1, side - 1))


def test_a_row_alone_is_refused_where_rows_are_compared() -> None:
    def said(architecture: str, side: int, **pace: Any) -> list[str]:
        layers = [{"type": "backbone", "architecture": architecture, **pace}, {"type": "linear", "out_features": 2}]
        model = ModelSpec.model_validate({"layers": layers})
        training = TrainingSpec.model_validate({"loss": {"type": "cross_entropy"}, "batch_size": 1})
        return [problem.msg for problem in learning_problems(model, model.inspect((3, side, side)), training, 50)]

    assert "layer 0 (backbone): needs two rows" in said("resnet18", 32)[0]
    assert said("resnet18", 33) == said("vgg16", 32) == said("resnet18", 32, freeze=True) == []


def test_one_channel_is_repeated_by_a_concat(vision: Any) -> None:
    layers = [{"type": "concat", "inputs": ["input"] * 3}, {"type": "backbone", "architecture": "resnet18"}]
    model = ModelSpec.model_validate({"layers": layers})
    assert model.inspect((1, 28, 28)).output_shape == [512]


def test_a_transformer_has_no_maps() -> None:
    with pytest.raises(ValueError, match="vit_b_16 has no maps"):
        spec("vit_b_16", output="maps")


@pytest.mark.full
@pytest.mark.parametrize("architecture", ["efficientnet_b0", "inception_v3", "convnext_tiny", "vit_b_16"])
def test_a_network_leaves_as_onnx(vision: Any, architecture: str) -> None:
    torch.manual_seed(0)
    module = backbone(architecture, "features").eval()
    x = torch.randn(3, *shape_for(architecture))
    assert largest_difference(module, to_onnx(module, x), x) <= MAX_DIFFERENCE
