"""The memory of a training step: each part against what torch holds."""

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from app.specs.memory import memory_of, training_memory
from app.specs.model import ModelSpec
from app.specs.optimizers import AnyOptimizer
from app.specs.training import TrainingSpec
from worker.nn.build import build
from worker.train import optimizers
from worker.train.groups import groups_of

OPTIMIZERS: list[dict[str, Any]] = [
    {"type": "sgd"},
    {"type": "sgd", "momentum": 0.9},
    {"type": "adam"},
    {"type": "adam", "amsgrad": True},
    {"type": "adamw"},
    {"type": "rmsprop"},
    {"type": "rmsprop", "momentum": 0.9, "centered": True},
    {"type": "nadam"},
    {"type": "radam"},
    {"type": "adamax"},
    {"type": "adagrad"},
    {"type": "adadelta"},
    {"type": "adafactor"},
    {"type": "asgd"},
    {"type": "rprop"},
    {"type": "lbfgs", "history_size": 3, "lr": 0.01, "max_iter": 6},
    {"type": "muon"},
]
MODEL = ModelSpec.model_validate({"layers": [{"type": "linear", "out_features": 50}, {"type": "tanh"}]})
DEEP = {
    "layers": [
        {"type": "linear", "out_features": 20},
        {"type": "linear", "out_features": 50},
        {"type": "layer_norm"},
        {"type": "linear", "out_features": 40, "freeze": True},
        {"type": "linear", "out_features": 2},
    ]
}
MIXED = {
    "layers": [
        {"type": "conv1d", "out_channels": 6, "kernel_size": 3},
        {"type": "permute", "dims": [2, 1]},
        {"type": "lstm", "hidden_size": 12, "output": "all"},
        {"type": "multihead_attention", "num_heads": 2},
        {"type": "global_avg_pool"},
        {"type": "linear", "out_features": 2},
    ]
}


def nbytes(tensors: Any) -> int:
    return sum(one.numel() * one.element_size() for one in tensors)


def read(optimizer: dict[str, Any]) -> Any:
    return TypeAdapter(AnyOptimizer).validate_python(optimizer)


def remembered(model: ModelSpec, spec: Any, x: torch.Tensor, module: nn.Module) -> int:
    """The bytes that the optimizer of a run holds after a step, but for counters: those are single numbers."""
    for node in model.nodes:
        module.get_submodule(node.name).requires_grad_(node.pace.learns)
    said = spec.model_dump(exclude={"decay_norms_and_biases"})
    made = optimizers.build(parameters=groups_of(model, module, spec), device=torch.device("cpu"), **said)

    def closure() -> torch.Tensor:
        made.zero_grad()
        loss: torch.Tensor = module(x).square().mean()
        loss.backward()
        return loss

    made.step(closure)
    return nbytes(one for one in optimizers.state_tensors(made).values() if one.dim())


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_each_part_is_what_torch_holds(optimizer: dict[str, Any]) -> None:
    spec = read(optimizer)
    module = build(MODEL, (30,))
    x = torch.randn(8, 30)
    output = module(x)
    found = training_memory(MODEL, MODEL.inspect((30,)), spec, 8)
    assert found.optimizer == remembered(MODEL, spec, x, module)
    assert found.weights == nbytes(module.parameters())
    assert found.gradients == nbytes(one.grad for one in module.parameters())
    assert found.activations == nbytes([x, output])
    assert found.total == found.weights + found.gradients + found.optimizer + found.activations


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_what_is_remembered_follows_from_the_layers(optimizer: dict[str, Any]) -> None:
    """Of matrices in the middle muon remembers once, adafactor two sums, and all of them nothing of what is frozen."""
    spec, model = read(optimizer), ModelSpec.model_validate(DEEP)
    found = training_memory(model, model.inspect((30,)), spec, 8)
    assert found.optimizer == remembered(model, spec, torch.randn(8, 30), build(model, (30,)))


@pytest.mark.parametrize("name", ["muon", "adafactor"])
def test_layers_of_several_weights_are_estimated(name: str) -> None:
    spec, model = read({"type": name}), ModelSpec.model_validate(MIXED)
    found = training_memory(model, model.inspect((4, 9)), spec, 8)
    held = remembered(model, spec, torch.randn(8, 4, 9), build(model, (4, 9)))
    assert found.optimizer == pytest.approx(held, rel=0.2)


def said(**training: Any) -> Any:
    spec = TrainingSpec.model_validate({"loss": {"type": "mse_loss"}, **training})
    return memory_of(MODEL, MODEL.inspect((30,)), spec, 8)


def test_half_the_size_keeps_outputs_in_two_bytes_and_weights_twice() -> None:
    module, x = build(MODEL, (30,)), torch.randn(8, 30)
    with torch.autocast("cpu", torch.bfloat16):
        output = module(x)
    found = said(precision="bfloat16")
    assert found.activations == nbytes([x, output])
    assert found.weights == nbytes(module.parameters()) + nbytes(one.bfloat16() for one in module.parameters())
    assert (found.gradients, found.optimizer) == (said().gradients, said().optimizer)


def test_pieces_keep_their_own_outputs_beside_the_whole_batch() -> None:
    module, x = build(MODEL, (30,)), torch.randn(8, 30)
    assert said(micro_batch_size=2).activations == nbytes([x, module(x[:2])])
    assert said(micro_batch_size=99) == said()


@pytest.mark.parametrize("averaged", [{"ema": {}}, {"swa": {"start_epoch": 3}}])
def test_means_of_weights_are_as_large_as_these(averaged: dict[str, Any]) -> None:
    found, plain = said(**averaged), said()
    assert found.averages == plain.weights and plain.averages == 0
    assert found.total == plain.total + plain.weights
