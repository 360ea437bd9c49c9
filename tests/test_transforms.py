"""Rows as inputs and outputs as answers, as the server sees them: plain JSON values."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.specs.base import SpecError
from app.transforms import UNKNOWN, Preprocessing, Step, Target, check_names, columns_of, decode, encode
from app.transforms.answers import Scaled

NUMBER = Target(name="y")
SIZE = Step(name="size", type="float", center=10.0, spread=2.0)
KIND = Step(name="kind", type="category", values=["a", "b", "c"], one_hot=True)


def preprocessing(*steps: Step, **changes: Any) -> Preprocessing:
    width = sum(step.width for step in steps)
    given = {"input_shape": [width], "input_dtype": "float32", "target": NUMBER, "loss": "mse_loss"} | changes
    return Preprocessing(steps=list(steps), **given)


def problems(prep: Preprocessing, rows: dict[str, list[Any]]) -> list[tuple[Any, ...]]:
    with pytest.raises(SpecError) as raised:
        encode(prep, rows)
    return [tuple(error.loc) for error in raised.value.errors]


def test_columns_stand_beside_each_other_in_the_order_of_the_steps() -> None:
    inputs = encode(preprocessing(SIZE, KIND), {"kind": ["b", "c"], "size": [12, 8.0], "other": [None, 1]})
    assert inputs.dtype == np.float32
    assert inputs.tolist() == [[1, 0, 1, 0], [-1, 0, 0, 1]]


def test_inputs_have_the_shape_that_the_model_takes() -> None:
    steps = [Step(name=f"pixel{i}", type="integer") for i in range(6)]
    inputs = encode(preprocessing(*steps, input_shape=[1, 2, 3]), {f"pixel{i}": [i, 10 * i] for i in range(6)})
    assert inputs[1].tolist() == [[[0, 10, 20], [30, 40, 50]]]


def test_a_category_is_its_place_where_it_is_not_spread_out() -> None:
    step = KIND.model_copy(update={"one_hot": False})
    assert encode(preprocessing(step), {"kind": ["c", "a"]}).tolist() == [[2], [0]]


def test_an_unknown_category_is_none_of_the_known_ones_or_an_error() -> None:
    assert encode(preprocessing(KIND), {"kind": ["z"]}).tolist() == [[0, 0, 0]]
    ordinal = preprocessing(KIND.model_copy(update={"one_hot": False}))
    assert problems(ordinal, {"kind": ["a", "z"]}) == [("rows", 1, "kind")]


@pytest.mark.parametrize("missing", [None, "", float("nan"), "NaN"])
def test_what_is_missing_is_filled_before_it_is_scaled(missing: Any) -> None:
    filled = preprocessing(SIZE.model_copy(update={"fill": 14.0}), KIND.model_copy(update={"fill": 1.0}))
    assert encode(filled, {"size": [missing], "kind": [missing]}).tolist() == [[2, 0, 1, 0]]
    assert problems(preprocessing(SIZE), {"size": [1, missing]}) == [("rows", 1, "size")]


def test_a_category_that_is_missing_may_be_none_of_the_known_ones() -> None:
    step = KIND.model_copy(update={"fill": UNKNOWN})
    assert encode(preprocessing(step), {"kind": [None]}).tolist() == [[0, 0, 0]]


def test_a_column_that_is_not_there_is_missing_in_every_row() -> None:
    prep = preprocessing(SIZE, Step(name="other", type="float"))
    assert problems(prep, {"size": [1, 2]}) == [("rows", 0, "other"), ("rows", 1, "other")]


@pytest.mark.parametrize(
    ("kind", "value", "number"),
    [
        ("float", "1.5", 1.5),
        ("integer", "3", 3),
        ("float", True, 1),
        ("boolean", True, 1),
        ("boolean", "False", 0),
        ("boolean", 1, 1),
        ("timestamp", "1970-01-02", 86400),
        ("timestamp", "1970-02", 31 * 86400),
        ("timestamp", "1970-01-01T00:01:00", 60),
        ("timestamp", "1970-01-01T01:00:00+01:00", 0),
        ("timestamp", 12.5, 12.5),
    ],
)
def test_values_are_read_as_forms_and_files_send_them(kind: Any, value: Any, number: float) -> None:
    assert encode(preprocessing(Step(name="x", type=kind)), {"x": [value]}).tolist() == [[number]]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("float", "wide"),
        ("float", "inf"),
        ("float", [1]),
        ("float", {}),
        ("float", 10**400),
        ("boolean", "maybe"),
        ("boolean", 2),
        ("timestamp", "yesterday"),
        ("timestamp", []),
    ],
)
def test_a_value_that_cannot_be_read_is_told_with_its_place(kind: Any, value: Any) -> None:
    prep = preprocessing(Step(name="x", type=kind), SIZE)
    rows = {"x": [None, value], "size": [1, "wide"]}
    prep = prep.model_copy(update={"steps": [prep.steps[0].model_copy(update={"fill": 0.0}), SIZE]})
    assert problems(prep, rows) == [("rows", 1, "x"), ("rows", 1, "size")]


def test_tokens_are_whole_numbers() -> None:
    prep = preprocessing(Step(name="t", type="integer"), input_dtype="int64")
    assert encode(prep, {"t": [3, 4.0, "5"]}).dtype == np.int64
    assert problems(prep, {"t": [3, 3.5]}) == [("rows", 1, "t")]


def test_no_rows_are_no_inputs() -> None:
    assert encode(preprocessing(SIZE, KIND), {}).shape == (0, 4)


def test_rows_become_columns_with_gaps_where_one_lacks_a_value() -> None:
    assert columns_of([{"a": 1}, {"b": 2, "a": 3}]) == {"a": [1, 3], "b": [None, 2]}


def test_numbers_are_scaled_back() -> None:
    prep = preprocessing(SIZE, target=Target(name="y", center=100.0, spread=10.0))
    assert decode(prep, np.array([[1.0], [-2.0]], np.float32)) == [{"value": 110.0}, {"value": 80.0}]


logits = st.lists(st.lists(st.floats(-1000, 1000), min_size=3, max_size=3), min_size=1, max_size=5)


@given(logits)
def test_the_likeliest_class_is_the_label_and_probabilities_add_up(outputs: list[list[float]]) -> None:
    classes = preprocessing(SIZE, target=Target(name="y", classes=["a", "b", "c"]), loss="cross_entropy")
    for row, answer in zip(outputs, decode(classes, outputs), strict=True):
        assert sum(answer["probabilities"].values()) == pytest.approx(1)
        assert answer["probabilities"][answer["label"]] == max(answer["probabilities"].values())
        assert row["abc".index(answer["label"])] == pytest.approx(max(row), abs=1e-9)


@pytest.mark.parametrize(
    ("loss", "outputs", "probability"),
    [
        ("binary_cross_entropy", [[0.9]], 0.9),
        ("binary_cross_entropy_with_logits", [[0.0]], 0.5),
        ("binary_cross_entropy_with_logits", [[1000.0]], 1.0),
        ("binary_cross_entropy_with_logits", [[-1000.0]], 0.0),
        ("nll_loss", [[np.log(0.25), np.log(0.75)]], 0.75),
        ("cross_entropy", [[0.0, np.log(3)]], 0.75),
        ("focal_loss", [[0.0, np.log(3)]], 0.75),
        ("sigmoid_focal_loss", [[-np.log(3)]], 0.25),
        ("soft_margin_loss", [[np.log(3)]], 0.75),
    ],
)
def test_each_loss_has_its_own_way_to_probabilities(loss: str, outputs: Any, probability: float) -> None:
    prep = preprocessing(SIZE, target=Target(name="y", classes=[False, True]), loss=loss)
    (answer,) = decode(prep, outputs)
    assert answer["probabilities"]["true"] == pytest.approx(probability)
    assert answer["label"] is (probability > 0.5)


@pytest.mark.parametrize(
    ("loss", "outputs", "scores"),
    [("hinge_loss", [[-2.5]], {"no": 2.5, "yes": -2.5}), ("multi_margin_loss", [[7.0, -1.0]], {"no": 7, "yes": -1})],
)
def test_where_nobody_knows_how_likely_classes_are_their_scores_are_told(loss: str, outputs: Any, scores: Any) -> None:
    prep = preprocessing(SIZE, target=Target(name="y", classes=["no", "yes"]), loss=loss)
    assert decode(prep, outputs) == [{"label": "no", "scores": scores}]


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("multilabel_soft_margin_loss", {"a": 0.75, "b": 0.5}),
        ("sigmoid_focal_loss", {"a": 0.75, "b": 0.5}),
        ("hinge_loss", {"a": np.log(3), "b": 0}),
        ("multilabel_margin_loss", {"a": np.log(3), "b": 0}),
    ],
)
def test_labels_are_told_by_how_likely_they_are_or_by_their_scores(loss: str, expected: dict[str, float]) -> None:
    prep = preprocessing(SIZE, target=Target(name="a, b", numbers=[Scaled(name="a"), Scaled(name="b")]), loss=loss)
    (answer,) = decode(prep, [[np.log(3), 0.0]])
    assert answer == {"value": pytest.approx(expected)}


def test_logarithms_of_numbers_are_told_as_numbers() -> None:
    prep = preprocessing(SIZE, target=Target(name="y", reading="logarithms"), loss="poisson_nll_loss")
    assert decode(prep, [[0.0], [np.log(7)]]) == [{"value": 1.0}, {"value": pytest.approx(7.0)}]
    columns = Target(name="a, b", numbers=[Scaled(name="a"), Scaled(name="b")], reading="logarithms")
    prep = preprocessing(SIZE, target=columns, loss="kl_div")
    assert decode(prep, [[np.log(0.2), np.log(0.8)]]) == [{"value": pytest.approx({"a": 0.2, "b": 0.8})}]


def test_means_are_told_with_their_deviations_in_the_unit_of_the_target() -> None:
    prep = preprocessing(
        SIZE, target=Target(name="y", center=100, spread=10, reading="normal"), loss="gaussian_nll_loss"
    )
    assert decode(prep, [[1.0, 2 * np.log(0.5)]]) == [{"value": 110.0, "std": pytest.approx(5.0)}]
    assert decode(prep, [[1.0, 9999.0]]) == [{"value": 110.0, "std": "Infinity"}]
    columns = Target(
        name="a, b", numbers=[Scaled(name="a", spread=2.0), Scaled(name="b", center=5.0)], reading="normal"
    )
    prep = preprocessing(SIZE, target=columns, loss="gaussian_nll_loss")
    assert decode(prep, [[1.0, 2.0, 0.0, np.log(4)]]) == [
        {"value": {"a": 2.0, "b": 7.0}, "std": pytest.approx({"a": 2.0, "b": 2.0})}
    ]


def test_classes_come_back_as_what_they_were_in_the_table() -> None:
    prep = preprocessing(SIZE, target=Target(name="y", classes=[3, 8]), loss="cross_entropy")
    (answer,) = decode(prep, [[0.0, 1.0]])
    assert answer["label"] == 8
    assert isinstance(answer["label"], int)


def test_outputs_that_are_no_numbers_are_told_in_json() -> None:
    classes = preprocessing(SIZE, target=Target(name="y", classes=["a", "b"]), loss="cross_entropy")
    (answer,) = decode(classes, [[np.nan, 1.0]])
    assert answer["label"] is None
    assert decode(preprocessing(SIZE), [[np.inf]]) == [{"value": "Infinity"}]
    json.dumps(answer, allow_nan=False)


def test_the_file_that_keeps_it_gives_it_back() -> None:
    prep = preprocessing(
        SIZE, KIND, Step(name="t", type="boolean"), target=Target(name="y", classes=[True, 2, 2.5, "x"])
    )
    again = Preprocessing.model_validate_json(prep.model_dump_json())
    assert again == prep
    assert [type(value) for value in again.target.classes or ()] == [bool, int, float, str]


def test_what_the_embedding_has_no_place_for_is_refused_at_its_place() -> None:
    prep = Preprocessing(
        steps=[Step(name="token", type="integer")],
        input_shape=[1],
        input_dtype="int64",
        num_embeddings=10,
        target=Target(name="y"),
        loss="mse_loss",
    )
    assert encode(prep, {"token": [0, 9]}).tolist() == [[0], [9]]
    with pytest.raises(SpecError) as refused:
        encode(prep, {"token": [-1, 3, 10, 2.5]})
    assert [problem.loc for problem in refused.value.errors] == [["rows", i, "token"] for i in (0, 2, 3)]
    assert "from 0 to 9" in refused.value.errors[0].msg


def test_a_slip_in_a_name_is_not_filled_in_silently() -> None:
    prep = Preprocessing(
        steps=[Step(name="height", type="float", fill=1.7), Step(name="weight", type="float", fill=70.0)],
        input_shape=[2],
        input_dtype="float32",
        target=Target(name="y"),
        loss="mse_loss",
    )
    check_names(prep, ["height", "y"])  # what is left out is filled
    with pytest.raises(SpecError, match="'hieght'"):
        check_names(prep, ["hieght", "weight"])
