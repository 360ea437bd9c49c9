"""The memory of a training step: each part against what torch holds."""

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter

from app.specs.memory import memory_of, training_memory
from app.specs.model import ModelSpec
from app.specs.optimizers import AnyOptimizer
from app.specs.training import TrainingSpec
from worker.nn.build import build
from worker.train import optimizers

OPTIMIZERS: list[dict[str, Any]] = [
    {"type": "sgd"},
    {"type": "sgd", "momentum": 0.9},
    {"type": "adam"},
    {"type": "adam", "amsgrad": True},
    {"type": "adamw"},
    {"type": "rmsprop"},
    {"type": "rmsprop", "momentum": 0.9, "centered": True},
]
MODEL = ModelSpec.model_validate({"layers": [{"type": "linear", "out_features": 50}, {"type": "relu"}]})


def nbytes(tensors: Any) -> int:
    return sum(one.numel() * one.element_size() for one in tensors)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_each_part_is_what_torch_holds(optimizer: dict[str, Any]) -> None:
    spec: Any = TypeAdapter(AnyOptimizer).validate_python(optimizer)
    module = build(MODEL, (30,))
    made = optimizers.build(spec.type, module.parameters(), torch.device("cpu"), **spec.model_dump(exclude={"type"}))
    x = torch.randn(8, 30)
    output = module(x)
    output.sum().backward()
    made.step()
    found = training_memory(MODEL.inspect((30,)), spec, 8)
    assert found.weights == nbytes(module.parameters())
    assert found.gradients == nbytes(one.grad for one in module.parameters())
    counters = 4 * len(list(module.parameters()))  # of steps, one a parameter
    assert 0 <= nbytes(optimizers.state_tensors(made).values()) - found.optimizer <= counters
    assert found.activations == nbytes([x, output])
    assert found.total == found.weights + found.gradients + found.optimizer + found.activations


def said(**training: Any) -> Any:
    spec = TrainingSpec.model_validate({"loss": {"type": "mse_loss"}, **training})
    return memory_of(MODEL.inspect((30,)), spec, 8)


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
