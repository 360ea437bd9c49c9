"""Layers that are frozen stay as they begin, to the bit, and learn when their time has come."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from app.specs.base import SpecError
from app.specs.checks.model import learning_problems
from app.specs.memory import training_memory
from app.specs.model import ModelSpec
from app.specs.optimizers import Adam
from app.specs.training import TrainingSpec
from app.transforms import Preprocessing, Target
from worker.nn.build import build
from worker.train import optimizers
from worker.train.batches import Part
from worker.train.plan import Plan
from worker.train.setup import assemble
from worker.train.trainer import Trainer

from .conftest import CPU, Bench

SHAPE = (2, 6, 6)
FRONT: list[dict[str, Any]] = [
    {"type": "conv2d", "out_channels": 3, "kernel_size": 3, "max_norm": 0.01, "l2": 0.1, "name": "conv"},
    {"type": "batch_norm", "name": "norm"},
    {"type": "dropout", "p": 0.5, "name": "drop"},
]
HEAD: list[dict[str, Any]] = [{"type": "flatten"}, {"type": "linear", "out_features": 2, "name": "head"}]


def model(**pace: Any) -> ModelSpec:
    """A front in a block, which is used with `pace`, and a head."""
    layers = [{"type": "block", "block": "front", "name": "front", **pace}, *HEAD]
    return ModelSpec.model_validate({"layers": layers, "blocks": {"front": {"layers": FRONT}}})


def plan_of(spec: ModelSpec, **training: Any) -> Plan:
    generator = torch.Generator().manual_seed(1)
    part = Part(torch.rand(12, *SHAPE, generator=generator), torch.randint(2, (12,), generator=generator))
    said = {
        "num_epochs": 3,
        "batch_size": 6,
        "loss": {"type": "cross_entropy"},
        "optimizer": {"type": "sgd", "lr": 0.1},
    }
    target = Target(name="y", classes=["a", "b"])
    preprocessing = Preprocessing(
        steps=[], input_shape=list(SHAPE), input_dtype="float32", target=target, loss="cross_entropy"
    )
    parts: dict[str, Any] = {"train": part, "validation": part}
    return assemble("a", spec, TrainingSpec.model_validate(said | training), parts, preprocessing, CPU)


def trained(bench: Bench, spec: ModelSpec, **training: Any) -> tuple[dict[str, Tensor], Trainer]:
    """The state in the beginning, and the trainer at the end."""
    trainer = Trainer(bench.claim(), plan_of(spec, **training))
    begun = {name: one.clone() for name, one in trainer.plan.model.state_dict().items()}
    trainer.fit()
    return begun, trainer


def moved(begun: dict[str, Tensor], trainer: Trainer) -> set[str]:
    return {name for name, one in trainer.plan.model.state_dict().items() if not torch.equal(one, begun[name])}


def test_what_is_frozen_stays_to_the_bit_and_remembers_nothing(bench: Bench) -> None:
    optimizer = {"type": "adamw", "weight_decay": 0.1}
    begun, trainer = trained(bench, model(freeze=True), optimizer=optimizer)
    assert moved(begun, trainer) == {"head.weight", "head.bias"}  # not even running figures, nor a bound on norms
    assert {key.split("/")[0] for key in optimizers.state_tensors(trainer.plan.optimizer)} == {"4", "5"}


def test_nothing_is_dropped_in_a_frozen_block(bench: Bench) -> None:
    plan = plan_of(model(freeze=True))
    plan.model.train()
    plan.freezing.set(0)
    x = torch.rand(4, *SHAPE)
    assert torch.equal(plan.model(x), plan.model(x))
    assert plan.model.get_submodule("head").training


def test_it_learns_from_its_epoch_on(bench: Bench) -> None:
    begun, trainer = trained(bench, model(freeze=True, unfreeze_after=2), num_epochs=2)
    assert moved(begun, trainer) == {"head.weight", "head.bias"}
    begun, trainer = trained(bench, model(freeze=True, unfreeze_after=2), num_epochs=3)
    assert {"front.conv.weight", "front.norm.weight", "front.norm.running_mean"} <= moved(begun, trainer)
    assert trainer.plan.model.get_parameter("front.conv.weight").flatten(1).norm(dim=1).max() <= 0.0101


def test_the_factor_of_a_layer_is_its_share_of_the_rate(bench: Bench) -> None:
    one_step = {"num_epochs": 1, "batch_size": 12}
    begun, plain = trained(bench, model(), **one_step)
    slow_begun, slow = trained(bench, model(lr_factor=0.25), **one_step)
    name = "front.norm.bias"
    assert torch.equal(begun[name], slow_begun[name])
    whole, part = (one.plan.model.state_dict()[name] - begun[name] for one in (plain, slow))
    torch.testing.assert_close(part, 0.25 * whole)
    head = [one.plan.model.get_parameter("head.weight") for one in (plain, slow)]
    assert torch.equal(*head)


def test_factors_multiply_and_the_longest_freeze_holds() -> None:
    inner = [FRONT[0] | {"freeze": True, "unfreeze_after": 3, "lr_factor": 0.5}, *FRONT[1:]]
    use = {"type": "block", "block": "front", "freeze": True, "unfreeze_after": 2, "lr_factor": 0.1}
    spec = ModelSpec.model_validate({"layers": [use, *HEAD], "blocks": {"front": {"layers": inner}}})
    paces = [(node.pace.frozen_epochs, node.pace.lr_factor) for node in spec.nodes]
    assert paces == [(3, 0.05), (2, 0.1), (2, 0.1), (0, 1.0), (0, 1.0)]


def test_a_plain_model_has_one_group() -> None:
    assert len(plan_of(model()).optimizer.param_groups) == 1


def test_frozen_parameters_are_counted_and_take_no_memory_but_their_own() -> None:
    free, frozen, later = (
        model(**pace).inspect(SHAPE) for pace in ({}, {"freeze": True}, {"freeze": True, "unfreeze_after": 1})
    )
    assert (free.num_frozen, later.num_frozen) == (0, 0)
    front = sum(one.num_parameters for one in frozen.layers if one.name.startswith("front."))
    assert frozen.num_frozen == front > 0
    memory = training_memory(model(freeze=True), frozen, Adam(), 8)
    assert memory.gradients == 4 * (frozen.num_parameters - front)
    assert memory.optimizer == 2 * memory.gradients
    assert later.num_kept == free.num_kept


@pytest.mark.parametrize("pace", [{}, {"freeze": True}], ids=["free", "frozen"])
def test_a_frozen_front_keeps_nothing_for_the_way_back(pace: dict[str, Any]) -> None:
    layers = [{"type": "conv2d", "out_channels": 30, "kernel_size": 3, **pace}, {"type": "silu"}, *HEAD]
    spec = ModelSpec.model_validate({"layers": layers})
    module = build(spec, SHAPE)
    module.get_submodule("0").requires_grad_(not pace)
    found: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    x = torch.rand(1, *SHAPE)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        module(x)
    own = {one.untyped_storage().data_ptr() for one in (x, *module.parameters())}
    kept = sum(size for place, size in found.items() if place not in own) / 4
    answer = 2  # that the loss keeps
    assert spec.inspect(SHAPE).num_kept == kept + answer


def test_something_has_to_learn_from_the_first_epoch_on() -> None:
    layers = [{"type": "linear", "out_features": 2, "freeze": True, "unfreeze_after": 1}]
    spec = ModelSpec.model_validate({"layers": layers})
    training = TrainingSpec.model_validate({"loss": {"type": "cross_entropy"}})
    (problem,) = learning_problems(spec, spec.inspect((3,)), training, 10)
    assert "frozen in the first epoch" in problem.msg


def test_only_what_is_frozen_can_be_let_go() -> None:
    with pytest.raises((SpecError, ValueError), match="set freeze to true"):
        ModelSpec.model_validate({"layers": [{"type": "linear", "out_features": 2, "unfreeze_after": 3}]})
