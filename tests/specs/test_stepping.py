"""What a step may be said to do, and what of it does not fit the rest of a run."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.specs.averages import SWA
from app.specs.training import TrainingSpec

from .test_run import LINEAR, spec, told

LOSS = {"loss": {"type": "mse_loss"}}


@pytest.mark.parametrize(
    ("changes", "loc", "words"),
    [
        ({"precision": "float16", "device": "cpu"}, ["precision"], "float16 is for GPUs"),
        ({"precision": "float16", "optimizer": {"type": "lbfgs"}}, ["precision"], "lbfgs tries several weights"),
        ({"ema": {}, "swa": {"start_epoch": 3}}, ["swa"], "averaged in one way"),
        ({"swa": {"start_epoch": 10}}, ["swa", "start_epoch"], "after 10 epochs, and there are 10"),
        ({"ema": {"start_step": 70}}, ["ema", "start_step"], "after 70 steps, and there are 70"),
        ({"ema": {"decay": 1}}, ["ema", "decay"], "less than 1"),
        ({"swa": {}}, ["swa", "start_epoch"], "'start_epoch' is missing"),
        ({"swa": {"start_epoch": 1, "anneal_strategy": "cosine"}}, ["swa", "anneal_strategy"], "'cos' or 'linear'"),
        ({"precision": "float64"}, ["precision"], "'float32', 'bfloat16' or 'float16'"),
        ({"micro_batch_size": 0}, ["micro_batch_size"], "greater than or equal to 1"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_step_that_cannot_be_is_told_at_its_place(changes: dict[str, Any], loc: list[str], words: str) -> None:
    body = spec(**{f"training__{name}": value for name, value in changes.items()})
    ((place, message),) = told(body)
    assert place == ["training", *loc] and words in message


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "float16"},
        {"precision": "bfloat16", "device": "cpu", "micro_batch_size": 7, "compile": True, "tf32": True},
        {"ema": {"decay": 0.99, "start_step": 69}},
        {"swa": {"start_epoch": 9, "lr": 0.1}, "deterministic": False},
    ],
)
def test_a_step_that_can_be_is_fine(changes: dict[str, Any]) -> None:
    assert told(spec(**{f"training__{name}": value for name, value in changes.items()})) == []


def test_pieces_of_one_row_are_none_where_rows_are_compared() -> None:
    layers = [LINEAR, {"type": "batch_norm"}]
    ((place, message),) = told(spec(model__layers=layers, training__micro_batch_size=1))
    assert place == ["training", "micro_batch_size"] and "needs two rows a batch" in message


def test_what_is_not_said_is_not_written() -> None:
    """So that runs from before these could be said are the same as ever, by their fingerprints too."""
    plain = TrainingSpec.model_validate(LOSS).model_dump(mode="json")
    new = {"micro_batch_size", "precision", "tf32", "compile", "deterministic", "ema", "swa"}
    assert not new & plain.keys() and new < TrainingSpec.model_fields.keys()
    said = TrainingSpec.model_validate({**LOSS, "precision": "bfloat16", "swa": {"start_epoch": 2}})
    written = said.model_dump(mode="json")
    assert written["precision"] == "bfloat16" and written["swa"]["lr"] is None
    assert TrainingSpec.model_validate(written) == said


def test_a_learning_rate_of_a_mean_is_a_rate() -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        SWA.model_validate({"start_epoch": 1, "lr": 0})


def test_rows_that_go_through_the_model_at_once() -> None:
    def rows(batch_size: int, **training: Any) -> int:
        return TrainingSpec.model_validate(LOSS | training).rows_at_once(batch_size)

    assert rows(100) == 100 and rows(100, micro_batch_size=7) == 7 and rows(5, micro_batch_size=7) == 5
