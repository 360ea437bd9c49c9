"""What Pydantic finds, told in a user's words at places of the user's own body."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.specs.base import Problem, problems
from app.specs.model import ModelSpec
from app.specs.run import RunSpec

BODY: dict[str, Any] = {
    "name": "digits",
    "tags": ["gallery"],
    "dataset": {"name": "digits", "source": {"type": "builtin", "name": "digits"}},
    "model": {
        "layers": [
            {"type": "conv2d", "out_channels": 6, "kernel_size": [3, 3], "padding": "same", "name": "front"},
            {"type": "relu"},
            {"type": "flatten", "inputs": ["1"]},
            {"type": "linear", "out_features": 10, "weight_init": {"type": "normal", "std": 0.1}, "l2": 0.1},
        ]
    },
    "data": {
        "target": "label",
        "input_shape": [1, 8, 8],
        "split": {"type": "column", "column": "part", "train": ["train", 1, True]},
    },
    "training": {
        "loss": {"type": "cross_entropy"},
        "optimizer": {"type": "adam", "betas": [0.9, 0.99]},
        "schedule": {"type": "step", "step_size": 3},
        "metrics": [{"type": "accuracy"}, {"type": "top_k_accuracy", "k": 3}],
        "early_stopping": {"patience": 3},
    },
}


def told(body: Any) -> list[Problem]:
    try:
        RunSpec.model_validate(body)
    except ValidationError as error:
        return problems(error)
    return []


def changed(*place: str | int, to: Any) -> dict[str, Any]:
    body = copy.deepcopy(BODY)
    inner: Any = body
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = to
    return body


def test_the_body_of_these_tests_holds() -> None:
    assert told(BODY) == []


CONV, DENSE, ADAM = ("model", "layers", 0), ("model", "layers", 3), ("training", "optimizer")
CASES: list[tuple[tuple[str | int, ...], Any, str]] = [
    ((*CONV, "kernel_size"), "large", "kernel_size should be a whole number or a pair of them"),
    ((*CONV, "kernel_size"), 0, "kernel_size should be greater than or equal to 1"),
    ((*CONV, "kernel_size"), 2.5, "kernel_size should be a whole number or a pair of them"),
    ((*CONV, "kernel_size"), [1, 2, 3], "kernel_size should have at most 2 items"),
    ((*CONV, "kernel_size", 1), 0, "kernel_size[1] should be greater than or equal to 1"),
    ((*CONV, "padding"), "full", "a whole number, a pair of them or one of the words same and valid"),
    ((*CONV, "name"), "a b", "a name is of letters, digits and _, and begins with a letter"),
    ((*CONV, "name"), "half", "'half' means something else here; choose another name"),
    ((*CONV, "kernel"), 3, "'kernel' is not known here; did you mean kernel_size?"),
    ((*CONV, "colour"), 3, "'colour' is not known here"),
    ((*DENSE, "out_features"), "ten", "out_features should be a whole number"),
    ((*DENSE, "bias"), "perhaps", "bias should be true or false"),
    ((*DENSE, "l2"), float("nan"), "l2 should be a finite number"),
    ((*DENSE, "linear"), 1, "'linear' is not known here"),
    ((*DENSE, "weight_init"), "zeros", "weight_init should be an object"),
    ((*DENSE, "weight_init"), {"type": "uniform", "a": 1, "b": 0}, "a is 1 and b is 0: a should be less than b"),
    ((*DENSE, "bias_init"), {"type": "orthogonal"}, "orthogonal needs a matrix, a bias is a vector"),
    (("model", "layers"), [], "layers should have at least 1 item"),
    (("model", "layers"), {"type": "linear"}, "layers should be a list"),
    (("model", "layers", 1), "relu", "layers[1] should be an object"),
    (("model",), 3, "model should be an id or its definition"),
    (("model", "depth"), 3, "'depth' is not known here"),
    (("dataset",), None, "dataset should be an id or its definition"),
    (("data", "split", "train", 2), None, "train[2] should be true or false, a number or text"),
    (("training", "epochs"), 5, "'epochs' is not known here; did you mean num_epochs?"),
    (("training", "num_epochs"), 0, "num_epochs should be greater than or equal to 1"),
    (("training", "str"), 5, "'str' is not known here"),
    (("training", "metrics", 1, "k"), 0, "k should be greater than or equal to 1"),
    (("training", "schedule", "step"), 3, "'step' is not known here; did you mean step_size?"),
    ((*ADAM,), "adam", "optimizer should be an object"),
    ((*ADAM,), {"type": "sgd", "nesterov": True}, "nesterov needs momentum, and no dampening"),
    ((*ADAM, "lr"), float("inf"), "lr should be a finite number"),
    ((*ADAM, "betas", 0), 1, "betas[0] should be less than 1"),
    (("data", "target"), 3, "target should be text"),
    (("colour",), 3, "'colour' is not known here"),
]


@pytest.mark.parametrize(("place", "value", "words"), CASES, ids=lambda value: str(value)[:40])
def test_what_does_not_hold_is_told_once_at_its_place(place: tuple[str | int, ...], value: Any, words: str) -> None:
    (problem,) = told(changed(*place, to=value))
    wanted = [*place, "nesterov"] if "nesterov" in str(value) else list(place)
    assert problem.loc == wanted
    assert words in problem.msg


def test_what_is_missing_is_told_at_its_place() -> None:
    body = changed("model", "layers", 0, to={"type": "conv2d", "kernel_size": 3})
    (problem,) = told(body)
    assert problem.loc == ["model", "layers", 0, "out_channels"] and problem.msg == "'out_channels' is missing"
    (problem,) = told(changed("training", "optimizer", "betas", to=[0.9]))
    assert problem.msg == "'betas[1]' is missing"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("Conv2d", "did you mean conv2d?"),
        ("max_pooling2d", "did you mean max_pool2d?"),
        ("dense", "did you mean linear?"),
        ("BatchNorm2d", "did you mean batch_norm?"),
        ("drop_out", "did you mean dropout?"),
        ("sigmoyd", "did you mean sigmoid, log_sigmoid or hardsigmoid?"),
        ("quux", "there are linear, bilinear"),
        (3, "type should be text"),
        ({}, "type should be text"),
    ],
)
def test_a_type_that_is_not_known_is_told_with_those_that_are_near(given: Any, words: str) -> None:
    (problem,) = told(changed("model", "layers", 1, to={"type": given}))
    assert problem.loc == ["model", "layers", 1, "type"]
    assert words in problem.msg
    assert problem.received == given


def test_a_layer_without_a_type_is_asked_for_one() -> None:
    (problem,) = told(changed("model", "layers", 1, to={}))
    assert problem.loc == ["model", "layers", 1, "type"] and problem.msg == "say which type it is"


def test_every_problem_is_told() -> None:
    body = changed("training", "optimizer", "lr", to=-1)
    body["model"]["layers"][0]["kernel_size"] = 0
    body["data"]["scale"] = "much"
    places = {tuple(problem.loc) for problem in told(body)}
    assert places == {("training", "optimizer", "lr"), ("model", "layers", 0, "kernel_size"), ("data", "scale")}


def test_a_problem_can_be_seen_from_further_out() -> None:
    inner = Problem(loc=["layers", 3], msg="no")
    assert inner.under("model").loc == ["model", "layers", 3]


def test_what_came_is_repeated_in_brief() -> None:
    (problem,) = told(changed("model", "layers", to={"type": "x" * 10_000}))
    assert len(problem.received) == 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
words = st.sampled_from(["type", "linear", "step", "int", "str", "ModelSpec", "name", "inputs", "k", "‹an id"])


def places(value: Any, prefix: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [prefix, *(found for key, one in inner for found in places(one, (*prefix, key)))]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.sampled_from(places(BODY)[1:]), json_values, st.none() | words)
def test_whatever_comes_is_told_in_json_at_places_that_are_there(
    place: tuple[str | int, ...], value: Any, extra: str | None
) -> None:
    inside = _resolve(BODY, list(place))
    if extra is not None and isinstance(inside, dict):
        place = (*place, extra)
    body = changed(*place, to=value)
    for problem in told(body):
        json.dumps(problem.model_dump(mode="json"), allow_nan=False).encode()
        assert problem.msg and "‹" not in problem.msg.replace("‹an id", "")
        *parents, last = problem.loc
        container = _resolve(body, parents)
        if isinstance(container, list):
            assert isinstance(last, int)
        else:
            assert isinstance(container, dict) and isinstance(last, str), problem


def _resolve(body: Any, place: list[str | int]) -> Any:
    for part in place:
        body = body[part]
    return body


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"name": "a\x00"}, ["name"]),
        ({"tags": ["fine", "\x00"]}, ["tags", 1]),
        ({"data": {"target": "\x00"}}, ["data", "target"]),
        ({"model": {"layers": [{"type": "relu", "name": "a\x00"}]}}, ["model", "layers", 0, "name"]),
    ],
    ids=str,
)
def test_no_text_holds_the_character_nul(body: dict[str, Any], loc: list[str | int]) -> None:
    with pytest.raises(ValidationError) as raised:
        RunSpec.model_validate(body)
    told = [problem.msg for problem in problems(raised.value) if problem.loc == loc]
    assert told == ["text may not hold the character NUL (\\x00)"]


@pytest.mark.parametrize("depth", [70, 900])
def test_lists_do_not_lie_in_one_another_without_end(depth: int) -> None:
    deep: Any = "x"
    for _ in range(depth):
        deep = [deep]
    with pytest.raises(ValidationError) as caught:
        ModelSpec.model_validate({"layers": [{"type": "linear", "out_features": deep}]})
    told = [(one.loc, one.msg) for one in problems(caught.value)]
    assert told == [(["layers", 0, "out_features"], "lists may not lie more than 64 deep in one another")]
