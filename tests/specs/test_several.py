"""What several processes can share, and what not, told at its place before anything starts."""

from typing import Any

import pytest

from app.specs.checks.several import sharing_problems
from app.specs.model import ModelSpec
from app.specs.training import TrainingSpec

from .test_run import LINEAR, spec, told

LOSS = {"loss": {"type": "mse_loss"}}
PLAIN: dict[str, Any] = {"layers": [LINEAR]}
NORMALISED: dict[str, Any] = {"layers": [{"type": "linear", "out_features": 4}, {"type": "batch_norm"}, LINEAR]}


@pytest.mark.parametrize(
    ("changes", "model", "loc", "words"),
    [
        ({"batch_size": 3}, PLAIN, "num_processes", "each of 4 processes needs a row"),
        ({"compile": True}, PLAIN, "compile", "for one process"),
        ({"fit_memory": True}, PLAIN, "fit_memory", "nothing is tried"),
        ({"lr_range_test": {}}, PLAIN, "lr_range_test", "nothing is tried"),
        ({"device": "cpu"}, NORMALISED, "num_processes", "batch_norm needs all rows"),
        ({"swa": {"start_epoch": 3}}, NORMALISED, "swa", "taken anew"),
        ({"micro_batch_size": 4}, NORMALISED, "micro_batch_size", "not of the same number"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_cannot_be_shared_is_told_at_its_place(
    changes: dict[str, Any], model: dict[str, Any], loc: str, words: str
) -> None:
    asked = {f"training__{name}": value for name, value in changes.items()}
    body = spec(model=model, training__num_processes=4, **asked)
    ((place, message),) = told(body)
    assert place == ["training", loc] and words in message
    assert told(spec(model=model, **asked)) == []


def test_a_backbone_normalises_by_the_batch_too() -> None:
    training = TrainingSpec.model_validate(LOSS | {"num_processes": 2, "swa": {"start_epoch": 3}})
    model = ModelSpec.model_validate({"layers": [{"type": "backbone", "architecture": "resnet18"}, LINEAR]})
    assert [problem.loc for problem in sharing_problems(model, training, None)] == [["training", "swa"]]
    assert not ModelSpec.model_validate({"layers": [{"type": "backbone", "architecture": "vgg16"}]}).normalises_by_batch


def test_what_can_be_shared_is_fine() -> None:
    shared: dict[str, Any] = {"training__num_processes": 4, "training__micro_batch_size": 2, "training__ema": {}}
    assert told(spec(**shared, training__precision="bfloat16")) == []
    assert told(spec(model=NORMALISED, training__num_processes=4)) == []


def test_one_process_is_not_spoken_of() -> None:
    assert "num_processes" not in TrainingSpec.model_validate(LOSS | {"num_processes": 1}).model_dump()
    assert TrainingSpec.model_validate(LOSS | {"num_processes": 2}).model_dump()["num_processes"] == 2
