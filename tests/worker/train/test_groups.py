"""Which parameters go into which group of an optimizer."""

from typing import Any

from pydantic import TypeAdapter
from torch import nn

from app.specs.model import ModelSpec
from app.specs.optimizers import AnyOptimizer
from worker.nn.build import build
from worker.train import optimizers
from worker.train.groups import groups_of

from .conftest import CPU

MODEL = ModelSpec.model_validate(
    {
        "layers": [
            {"type": "conv2d", "out_channels": 4, "kernel_size": 3, "name": "conv"},
            {"type": "group_norm", "num_groups": 2, "name": "norm"},
            {"type": "reshape", "shape": [4, 16]},
            {"type": "transformer_encoder_layer", "nhead": 2, "dim_feedforward": 8, "lr_factor": 0.5, "name": "look"},
            {"type": "flatten"},
            {"type": "linear", "out_features": 5, "name": "middle"},
            {"type": "linear", "out_features": 1, "name": "last", "bias": False},
        ]
    }
)
BIASES = {"conv.bias", "norm.weight", "norm.bias", "middle.bias"}
BIASES_LOOKING = {
    f"look.{name}"
    for name in (
        *("self_attn.in_proj_bias", "self_attn.out_proj.bias", "linear1.bias", "linear2.bias"),
        *("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"),
    )
}
MATRICES_LOOKING = {
    f"look.{name}"
    for name in ("self_attn.in_proj_weight", "self_attn.out_proj.weight", "linear1.weight", "linear2.weight")
}


def grouped(**optimizer: Any) -> list[tuple[set[str], dict[str, Any]]]:
    """The names in each group, and what is its own."""
    module = build(MODEL, (1, 6, 6))
    spec: Any = TypeAdapter(AnyOptimizer).validate_python(optimizer)
    found = groups_of(MODEL, module, spec)
    said = spec.model_dump(exclude={"decay_norms_and_biases"})
    made = optimizers.build(parameters=found, device=CPU, **said)
    assert sum(len(group["params"]) for group in made.param_groups) == len(list(module.parameters()))
    return [
        (names(module, group), {name: value for name, value in group.items() if name != "params"})
        for group in groups_of(MODEL, module, spec)
    ]


def names(module: nn.Module, group: dict[str, Any]) -> set[str]:
    of = {id(parameter): name for name, parameter in module.named_parameters()}
    return {of[id(parameter)] for parameter in group["params"]}


def test_the_usual_groups_are_those_of_the_rates() -> None:
    looking = BIASES_LOOKING | MATRICES_LOOKING
    assert grouped(type="adamw") == [
        (BIASES | {"conv.weight", "middle.weight", "last.weight"}, {"lr_factor": 1.0}),
        (looking, {"lr_factor": 0.5}),
    ]


def test_norms_and_biases_can_be_left_undecayed() -> None:
    assert grouped(type="adamw", decay_norms_and_biases=False) == [
        ({"conv.weight", "middle.weight", "last.weight"}, {"lr_factor": 1.0}),
        (BIASES, {"lr_factor": 1.0, "weight_decay": 0.0}),
        (MATRICES_LOOKING, {"lr_factor": 0.5}),
        (BIASES_LOOKING, {"lr_factor": 0.5, "weight_decay": 0.0}),
    ]


def test_muon_takes_hidden_matrices_and_adamw_the_rest_at_its_own_rate() -> None:
    assert grouped(type="muon", lr=0.02, adamw_lr=0.01) == [
        (BIASES | {"conv.weight", "last.weight"}, {"lr_factor": 0.5, "is_hidden": False}),
        (MATRICES_LOOKING, {"lr_factor": 0.5, "is_hidden": True}),
        (BIASES_LOOKING, {"lr_factor": 0.25, "is_hidden": False}),
        ({"middle.weight"}, {"lr_factor": 1.0, "is_hidden": True}),
    ]
