"""Every example is a complete body of `POST /runs`, and fits the data that it names."""

import json
from typing import Any

import pytest

from app import gallery, generated
from app.datasets.builtin import builtins
from app.specs.columns import Column
from app.specs.run import RunSpec, check
from app.specs.sources import GeneratedSource
from app.specs.training import TrainingSpec

NAMES = sorted(path.stem for path in gallery.EXAMPLES.glob("*.json") if path.stem != "gallery")
HEART = ["age", "sex", "cp", "trtbps", "chol", "fbs", "restecg", "thalachh", "exng", "oldpeak", "slp", "caa", "thall"]


def integers(name: str, low: int, high: int) -> Column:
    values: list[Any] = list(range(low, high + 1))
    return Column(name=name, type="integer", num_distinct=len(values), min=low, max=high, values=values)


def columns_for(source: dict[str, Any]) -> list[Column]:
    if source["type"] == "builtin":
        return builtins()[source["name"]].columns
    if source["type"] == "generated":
        return list(generated.describe(GeneratedSource.model_validate(source)))
    if source["name"] == "heart.csv":
        return [*(integers(name, 0, 5) for name in HEART), integers("output", 0, 1)]
    return [integers("label", 0, 9), *(integers(f"pixel{i}", 0, 255) for i in range(784))]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_fits_its_data(name: str) -> None:
    body = gallery.definition(name)
    checked = check(RunSpec.model_validate(body), columns_for(body["dataset"]["source"]), 1000)
    assert checked.inspection.num_parameters > 0


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_called_as_its_file(name: str) -> None:
    assert gallery.definition(name)["name"] == name


def test_the_gallery_names_every_example_or_its_fallback() -> None:
    listed = json.loads((gallery.EXAMPLES / "gallery.json").read_text())
    named = [one["name"] for one in listed] + [one["fallback"] for one in listed if "fallback" in one]
    assert sorted(named) == NAMES


def test_the_digits_are_programmed_as_they_are_known() -> None:
    training = TrainingSpec.model_validate(gallery.definition("digits")["training"])
    assert training.optimizer.lr == 0.1
    assert (training.schedule.type, training.batch_size, training.num_epochs) == ("exponential", 128, 1)
