"""What a run that does not fit is told: every problem, each at its place."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.specs.base import SpecError, problems
from app.specs.columns import Column
from app.specs.run import RunSpec, check

COLUMNS = [
    Column(name="age", type="integer", num_distinct=41, min=29, max=77, mean=54, std=9),
    Column(name="chol", type="float", num_distinct=152, num_missing=3, min=126, max=564, mean=246, std=51),
    Column(name="town", type="category", num_distinct=3, values=["Aarau", "Basel", "Chur"]),
    Column(name="note", type="text", num_distinct=303),
    Column(name="kind", type="category", num_distinct=3, values=["a", "b", "c"]),
    Column(name="output", type="integer", num_distinct=2, min=0, max=1, mean=0.5, std=0.5, values=[0, 1]),
]


def spec(**changes: Any) -> dict[str, Any]:
    """A run that fits; `data__target="x"` changes one place."""
    body: dict[str, Any] = {
        "name": "heart",
        "dataset": "x",
        "model": {"layers": [{"type": "linear", "out_features": 1}]},
        "data": {"features": ["age", "town"], "target": "output"},
        "training": {"loss": {"type": "binary_cross_entropy_with_logits"}, "metrics": [{"type": "accuracy"}]},
    }
    for place, value in changes.items():
        *path, last = place.split("__")
        inner = body
        for part in path:
            inner = inner[part]
        inner[last] = value
    return body


def told(body: dict[str, Any]) -> list[tuple[list[str | int], str]]:
    try:
        check(RunSpec.model_validate(body), COLUMNS, 303)
    except ValidationError as error:
        return [(one.loc, one.msg) for one in problems(error)]
    except SpecError as error:
        return [(one.loc, one.msg) for one in error.errors]
    return []


def test_a_run_that_fits_says_what_follows_from_it() -> None:
    checked = check(RunSpec.model_validate(spec()), COLUMNS, 303)
    assert checked.input_shape == (4,)  # a number and three towns
    assert checked.input_dtype == "float32"
    assert checked.target.kind == "binary" and checked.target.classes == [0, 1]
    assert checked.inspection.num_parameters == 5
    assert checked.num_rows == {"train": 213, "validation": 45, "test": 45}


LINEAR = {"type": "linear", "out_features": 1}
CASES: list[tuple[dict[str, Any], list[str | int], str]] = [
    ({"model__layers": [{"type": "conv3d"}]}, ["model", "layers", 0, "type"], "did you mean conv"),
    ({"model__layers": [{"type": "linear"}]}, ["model", "layers", 0, "out_features"], "'out_features' is missing"),
    (
        {"model__layers": [{"type": "linear", "out_features": 0}]},
        ["model", "layers", 0, "out_features"],
        "greater than or equal to 1",
    ),
    (
        {"model__layers": [{"type": "linear", "out_features": 1, "units": 3}]},
        ["model", "layers", 0, "units"],
        "'units' is not known here",
    ),
    ({"model__layers": [{"out_features": 1}]}, ["model", "layers", 0, "type"], "say which type"),
    ({"data__target": "outcome"}, ["data", "target"], "no column 'outcome'"),
    ({"data__features": ["age", "size"]}, ["data", "features", 1], "no column 'size'"),
    ({"data__features": ["age", "output"]}, ["data", "features", 1], "is the target"),
    ({"data__features": ["age", "chol"]}, ["data", "missing"], "3 values are missing in 'chol'"),
    ({"data__features": ["note"]}, ["data", "features"], "holds text"),
    ({"data__input_shape": [1, 2, 3]}, ["data", "input_shape"], "1×2×3 holds 6 numbers, the features are 4"),
    ({"training__loss": {"type": "mse_loss"}, "data__target": "kind"}, ["training", "loss", "type"], "needs numbers"),
    ({"training__loss": {"type": "cross_entropy"}}, ["model", "layers", 0], "one output, but 'output' has 2 classes"),
    ({"data__target": "kind"}, ["training", "loss", "type"], "needs two different values, but 'kind' has 3"),
    ({"training__loss": {"type": "hinge"}}, ["training", "loss", "type"], "there is no 'hinge'"),
    ({"training__loss": {"type": "binary_cross_entropy"}}, ["training", "loss", "type"], "end with sigmoid"),
    ({"training__metrics": [{"type": "r2"}]}, ["training", "metrics", 0], "predicts a class"),
    ({"training__optimizer": {"type": "adam", "lr": -1}}, ["training", "optimizer", "lr"], "greater than 0"),
    ({"data__split": {"type": "shares", "train": 0.9}}, ["data", "split"], "add up to 1.2"),
    ({"data__split": {"type": "column", "column": "part"}}, ["data", "split", "column"], "no column 'part'"),
    (
        {"training__early_stopping": {"series": "validation/f1"}},
        ["training", "early_stopping", "series"],
        "no curve 'validation/f1'",
    ),
    ({"data__scale_target": "standardize"}, ["data", "scale_target"], "classes cannot be scaled"),
]


@pytest.mark.parametrize(("changes", "loc", "words"), CASES, ids=lambda value: str(value)[:40])
def test_what_does_not_fit_is_told_at_its_place(changes: dict[str, Any], loc: list[str | int], words: str) -> None:
    found = told(spec(**changes))
    assert any(place == loc and words in message for place, message in found), found


def test_all_problems_are_told_at_once() -> None:
    found = told(spec(data__target="outcome", data__features=["size"], training__metrics=[{"type": "r2"}]))
    assert len(found) == 4  # also: no column is left to learn from


def test_a_kernel_that_does_not_fit_is_told_with_sizes() -> None:
    columns = [Column(name=f"p{i}", type="integer", num_distinct=9, min=0, max=16) for i in range(16)]
    body = spec(
        data={"target": "output", "input_shape": [1, 4, 4]},
        model={"layers": [{"type": "relu"}, {"type": "conv2d", "out_channels": 2, "kernel_size": 6}]},
    )
    with pytest.raises(SpecError) as caught:
        check(RunSpec.model_validate(body), [*columns, COLUMNS[-1]], 100)
    assert caught.value.errors[0].loc == ["model", "layers", 1, "kernel_size"]
    assert caught.value.errors[0].msg == "layer 1 (conv2d): kernel 6 does not fit input 4×4"
    assert caught.value.errors[0].received == 6


def test_tokens_must_lie_within_the_vocabulary() -> None:
    tokens = [Column(name=f"t{i}", type="integer", num_distinct=50, min=0, max=999) for i in range(5)]
    layers = [
        {"type": "embedding", "num_embeddings": 100, "embedding_dim": 4},
        {"type": "lstm", "hidden_size": 3},
        {"type": "linear", "out_features": 1},
    ]
    body = spec(data={"target": "output"}, model={"layers": layers})
    with pytest.raises(SpecError, match="the embedding has places for 0 to 99"):
        check(RunSpec.model_validate(body), [*tokens, COLUMNS[-1]], 100)
