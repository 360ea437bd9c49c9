"""The memory of a training step: each part against what torch holds."""

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter

from app.specs.memory import training_memory
from app.specs.model import ModelSpec
from app.specs.optimizers import AnyOptimizer
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
