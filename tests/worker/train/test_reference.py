"""A training with each loss takes the steps that a loop by hand takes, which knows nothing of ours."""

import copy
from typing import Any

import pytest
import torch

from app.specs.model import ModelSpec
from app.specs.training import TrainingSpec
from app.transforms import Preprocessing
from worker.train.batches import Part
from worker.train.learner import Learner
from worker.train.plan import Plan
from worker.train.setup import assemble

from .conftest import CPU
from .losses_at_work import CASES, Case

NUM_ROWS, NUM_FEATURES, NUM_STEPS = 40, 4, 50


def make_plan(case: Case, **changes: Any) -> Plan:
    """Two layers, on rows that this loss is for; what is validated is what trains."""
    generator = torch.Generator().manual_seed(4)
    part = Part(torch.randn(NUM_ROWS, NUM_FEATURES, generator=generator), case.targets(NUM_ROWS, generator))
    layers = [
        {"type": "linear", "out_features": 6},
        {"type": "tanh"},
        {"type": "linear", "out_features": case.num_outputs},
        *([{"type": case.ends_with}] if case.ends_with else []),
    ]
    training = TrainingSpec.model_validate(
        {
            "num_epochs": 10,
            "batch_size": 9,
            "loss": case.spec.model_dump(),
            "optimizer": {"type": "adam", "lr": 0.02},
            **changes,
        }
    )
    how = Preprocessing(steps=[], input_shape=[NUM_FEATURES], input_dtype="float32", target=case.target, loss=case.type)
    return assemble("a-run", ModelSpec.model_validate({"layers": layers}), training, {"train": part}, how, CPU)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fifty_steps_are_those_of_a_loop_by_hand(case: Case) -> None:
    plan = make_plan(case)
    model = copy.deepcopy(plan.model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, fused=True)
    learner, step = Learner(plan), 0
    found, wanted = [], []
    for epoch in range(plan.num_epochs):
        for inputs, targets in plan.batches.epoch(epoch, first=0):
            found.append(learner.learn(inputs, targets, step).loss.item())
            optimizer.zero_grad()
            loss = case.formula(model(inputs), targets)
            loss.backward()
            optimizer.step()
            wanted.append(loss.item())
            step += 1
    assert step == NUM_STEPS and min(wanted[-5:]) < max(wanted[:5])
    assert found == (wanted if case.is_torchs else pytest.approx(wanted, rel=1e-4, abs=1e-6))
    rtol, atol = (0, 0) if case.is_torchs else (1e-3, 1e-4)
    for one, other in zip(plan.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=rtol, atol=atol)
