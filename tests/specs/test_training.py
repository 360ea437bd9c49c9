"""What torch would refuse is refused when it is said."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.specs.optimizers import AnyOptimizer
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
