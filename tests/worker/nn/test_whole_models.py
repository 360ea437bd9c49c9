"""Whole networks on the meta device: what their inspection says is what torch counts."""

import json
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from app.specs.model import ModelSpec
from worker.nn.build import build

MODELS = Path(__file__).parents[3] / "examples" / "models"
SHAPES = {
    "vgg16": (3, 224, 224),
    "resnet50": (3, 224, 224),
    "unet": (3, 64, 64),
    "bert6": (512,),
    "gpt4": (1024,),
}


def test_every_model_is_looked_at() -> None:
    assert {path.stem for path in MODELS.glob("*.json")} == SHAPES.keys()


@pytest.mark.parametrize("name", SHAPES)
def test_a_whole_network_costs_what_torch_counts(name: str) -> None:
    spec = ModelSpec.model_validate(json.loads((MODELS / f"{name}.json").read_bytes())["definition"])
    shape = SHAPES[name]
    found = spec.inspect(shape)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        module = build(spec, shape)
        x = torch.zeros(2, *shape, dtype=torch.int64) if spec.takes_integers else torch.randn(2, *shape)
        output = module(x)
    assert list(output.shape[1:]) == found.output_shape
    assert sum(one.numel() for one in module.parameters()) == found.num_parameters
    assert counter.get_total_flops() == 2 * 2 * found.num_multiply_adds


def test_parameters_of_a_block_are_called_by_their_place() -> None:
    spec = ModelSpec.model_validate(json.loads((MODELS / "unet.json").read_bytes())["definition"])
    with torch.device("meta"):
        names = [name for name, _ in build(spec, (3, 64, 64)).named_parameters()]
    assert names[:2] == ["down1.0.weight", "down1.0.bias"]
    assert "up4.larger.weight" in names and "up4.2.3.weight" in names


@pytest.mark.parametrize(("name", "shape", "batch"), [("unet", (3, 64, 64), 2), ("resnet50", (3, 64, 64), 4)])
def test_what_is_kept_for_the_way_back_is_about_what_is_said(name: str, shape: tuple[int, ...], batch: int) -> None:
    spec = ModelSpec.model_validate(json.loads((MODELS / f"{name}.json").read_bytes())["definition"])
    with torch.device("meta"):
        module = build(spec, shape)
        x = torch.randn(batch, *shape)
        kept = kept_numbers(module, x)
    said = batch * spec.inspect(shape).num_kept
    assert 0.6 < said / kept < 1.6, (said, kept)


@pytest.mark.parametrize(("name", "shape"), [("bert6", (128,)), ("gpt4", (128,))])
def test_so_it_is_of_attention(name: str, shape: tuple[int, ...]) -> None:
    spec = ModelSpec.model_validate(json.loads((MODELS / f"{name}.json").read_bytes())["definition"])
    module = build(spec, shape)
    kept = kept_numbers(module, torch.zeros(2, *shape, dtype=torch.int64))
    said = 2 * spec.inspect(shape).num_kept
    assert 0.6 < said / kept < 1.6, (said, kept)


def kept_numbers(module: torch.nn.Module, x: torch.Tensor) -> float:
    """What autograd keeps of a pass, in numbers of four bytes: each tensor once, parameters not."""
    own = {id(one) for one in module.parameters()}
    kept: dict[int, int] = {}
    alive = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        base = tensor if tensor._base is None else tensor._base
        if id(base) not in own and not isinstance(base, torch.nn.Parameter):
            kept[id(base)] = base.numel() * base.element_size()
            alive.append(base)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        module(x).square()  # stands for a loss, which needs what comes out
    return sum(kept.values()) / 4
