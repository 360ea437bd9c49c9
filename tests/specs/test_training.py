"""What torch would refuse is refused when it is said."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.specs.optimizers import AnyOptimizer
from app.specs.schedules import PlateauSchedule
from app.specs.splits import ColumnSplit, SharesSplit
from app.specs.training import TrainingSpec


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nesterov": True}, "nesterov needs momentum"),
        ({"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov needs momentum"),
        ({"momentum": 1}, "less than 1"),
        ({"lr": 0}, "greater than 0"),
        ({"lr": float("nan")}, "finite"),
        ({"weight_decay": -1}, "greater than or equal to 0"),
    ],
)
def test_arguments_that_torch_would_refuse(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        TypeAdapter(AnyOptimizer).validate_python({"type": "sgd", **changes})


def test_nesterov_with_momentum_is_fine() -> None:
    TypeAdapter(AnyOptimizer).validate_python({"type": "sgd", "nesterov": True, "momentum": 0.9})


def test_only_a_loss_must_be_said() -> None:
    training = TrainingSpec.model_validate({"loss": {"type": "mse_loss"}})
    assert training.optimizer.type == "adam" and training.schedule.type == "constant" and training.metrics == ()


def test_a_specification_does_not_change() -> None:
    training = TrainingSpec.model_validate({"loss": {"type": "mse_loss"}})
    with pytest.raises(ValidationError, match="frozen"):
        training.num_epochs = 3  # type: ignore[misc]


def test_what_is_written_is_read_back_the_same() -> None:
    training = TrainingSpec.model_validate(
        {"loss": {"type": "cross_entropy"}, "optimizer": {"type": "adamw"}, "metrics": [{"type": "top_k_accuracy"}]}
    )
    assert TrainingSpec.model_validate(training.model_dump(mode="json")) == training
    assert TrainingSpec.model_validate_json(training.model_dump_json()) == training


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train": 0, "validation": 0.5, "test": 0.5}, "without rows nothing can be learned"),
        ({"train": 0.9}, "add up to 1.2"),
        ({"stratify": True, "shuffle": False}, "it needs shuffle"),
        ({"train": 1.5}, "less than or equal to 1"),
    ],
)
def test_shares_that_cannot_be_dealt(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        SharesSplit.model_validate(changes)


def test_values_of_a_part_keep_their_kind() -> None:
    split = ColumnSplit.model_validate({"column": "part", "train": [1, True, "1", 1.5]})
    assert [type(value) for value in split.train] == [int, bool, str, float]


def test_no_schedule_is_a_constant_one() -> None:
    training = TrainingSpec.model_validate({"loss": {"type": "mse_loss"}, "schedule": None})
    assert training.schedule.type == "constant"


OLD = {
    "sgd": {"lr", "momentum", "dampening", "weight_decay", "nesterov"},
    "adam": {"lr", "betas", "eps", "weight_decay", "amsgrad"},
    "adamw": {"lr", "betas", "eps", "weight_decay", "amsgrad"},
    "rmsprop": {"lr", "alpha", "eps", "weight_decay", "momentum", "centered"},
    "constant": set(),
    "step": {"step_size", "gamma", "unit"},
    "exponential": {"gamma", "every", "unit"},
    "cosine": {"eta_min"},
}


@pytest.mark.parametrize("kind", OLD)
def test_what_was_stored_before_there_was_more_to_say_is_stored_so_still(kind: str) -> None:
    name = "optimizer" if "lr" in OLD[kind] else "schedule"
    training = TrainingSpec.model_validate({"loss": {"type": "mse_loss"}, name: {"type": kind}})
    stored = training.model_dump(mode="json")
    assert stored[name].keys() == {"type", *OLD[kind]} | ({"warmup_steps"} if name == "schedule" else set())
    assert "max_grad_value" not in stored


def test_the_rates_of_a_run_are_told_beforehand_unless_a_curve_decides() -> None:
    training = TrainingSpec.model_validate(
        {"loss": {"type": "mse_loss"}, "num_epochs": 10, "batch_size": 8, "schedule": {"type": "step", "step_size": 5}}
    )
    rates = training.rates(num_train=45)  # 60 steps
    assert rates == [0.001] * 30 + [0.0001] * 30
    assert len(training.rates(num_train=10_000)) == 100
    averaged = TrainingSpec.model_validate(
        training.model_dump() | {"swa": {"start_epoch": 7, "lr": 0.5, "anneal_epochs": 0}}
    )
    assert averaged.rates(num_train=45) == [0.001] * 30 + [0.0001] * 12 + [0.5] * 18
    follows = training.model_copy(update={"schedule": PlateauSchedule()})
    assert follows.rates(num_train=45) == []


def test_rates_that_are_tried_first_go_from_low_to_high() -> None:
    said = {"loss": {"type": "mse_loss"}, "lr_range_test": {"start_lr": 0.1, "end_lr": 0.01}}
    with pytest.raises(ValidationError, match="must be above start_lr"):
        TrainingSpec.model_validate(said)
    usual = TrainingSpec.model_validate({"loss": {"type": "mse_loss"}}).model_dump()
    assert "lr_range_test" not in usual
    assert "fit_memory" not in usual
