"""A model as a graph: what is wired wrongly is told at its place."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.specs.base import SpecError
from app.specs.layers.base import RESERVED
from app.specs.model import ModelSpec


def model(*layers: dict[str, Any]) -> ModelSpec:
    return ModelSpec.model_validate({"layers": layers})


def linear(size: int, **kw: Any) -> dict[str, Any]:
    return {"type": "linear", "out_features": size, **kw}


def test_layers_follow_one_another() -> None:
    found = model(linear(8), {"type": "relu"}, linear(3)).inspect((4,))
    assert found.output_shape == [3] and found.num_parameters == 40 + 27
    assert [layer.inputs for layer in found.layers] == [["input"], ["0"], ["1"]]


def test_a_residual_connection_can_be_said() -> None:
    found = model(
        linear(4, name="first"), {"type": "relu"}, linear(4), {"type": "add", "inputs": ["2", "first"]}
    ).inspect((4,))
    assert found.output_shape == [4]


@pytest.mark.parametrize(
    ("layers", "loc", "words"),
    [
        ([linear(3, inputs=["nowhere"])], ["layers", 0, "inputs", 0], "no layer is called that"),
        ([linear(3, inputs=["last"]), linear(3, name="last")], ["layers", 0, "inputs", 0], "comes later"),
        ([linear(3, name="a"), linear(3, name="a")], ["layers", 1, "name"], "two layers are called 'a'"),
        ([linear(3, name="a"), linear(3, inputs=["input"])], ["layers", 0], "is not used"),
        ([linear(3), {"type": "add"}], ["layers", 1, "inputs"], "takes 2 inputs or more, but gets 1"),
        (
            [linear(3, name="a"), linear(4, name="b"), {"type": "add", "inputs": ["a", "b"]}],
            ["layers", 2, "inputs"],
            "shapes differ: 3, 4",
        ),
        ([{"type": "lstm", "hidden_size": 3}], ["layers", 0], "needs a sequence"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wired_wrongly_is_told_at_its_place(
    layers: list[dict[str, Any]], loc: list[str | int], words: str
) -> None:
    with pytest.raises(SpecError) as caught:
        model(*layers).inspect((4,))
    assert any(one.loc == loc and words in one.msg for one in caught.value.errors), caught.value.errors


def test_every_layer_that_does_not_fit_is_told() -> None:
    two = model(
        {"type": "conv2d", "out_channels": 2, "kernel_size": 9, "name": "a"},
        {"type": "conv2d", "out_channels": 2, "kernel_size": 9, "inputs": ["input"], "name": "b"},
        {"type": "add", "inputs": ["a", "b"]},
    )
    with pytest.raises(SpecError) as caught:
        two.inspect((1, 4, 4))
    assert [one.loc for one in caught.value.errors] == [["layers", 0, "kernel_size"], ["layers", 1, "kernel_size"]]


EMBEDDING = {"type": "embedding", "num_embeddings": 9, "embedding_dim": 2}


@pytest.mark.parametrize(
    ("layers", "takes_integers"),
    [
        ([EMBEDDING], True),
        ([{"type": "reshape", "shape": [2, 2]}, EMBEDDING], True),
        ([linear(3)], False),
        ([{"type": "flatten"}, linear(3)], False),
    ],
)
def test_an_input_that_is_looked_up_is_whole_numbers(layers: list[dict[str, Any]], takes_integers: bool) -> None:
    assert model(*layers).takes_integers is takes_integers
    model(*layers).inspect((4,))


@pytest.mark.parametrize(
    ("layers", "place", "words"),
    [
        ([linear(3), EMBEDDING], 1, "looks up whole numbers, but what it is given was computed"),
        ([{"type": "dropout"}, EMBEDDING], 1, "looks up whole numbers"),
        (
            [
                EMBEDDING | {"name": "e"},
                {"type": "flatten"},
                linear(2, inputs=["input"]),
                {"type": "concat", "inputs": ["1", "2"]},
            ],
            2,
            "is given whole numbers to look up",
        ),
    ],
)
def test_what_is_looked_up_is_not_computed_with(layers: list[dict[str, Any]], place: int, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        model(*layers).inspect((4,))
    (problem,) = caught.value.errors
    assert problem.loc == ["layers", place] and words in problem.msg


@pytest.mark.parametrize("shape", [(), (0,), (3, -1)])
def test_an_input_has_a_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(SpecError) as caught:
        model(linear(3), linear(3, name="unused"), linear(1, inputs=["0"])).inspect(shape)
    assert [problem.loc for problem in caught.value.errors] == [["input_shape"], ["layers", 1]]


def test_more_parameters_than_fit_anywhere_are_refused() -> None:
    with pytest.raises(SpecError, match="1,000,001,000,000 parameters are more than any worker can hold"):
        model(linear(1_000_000)).inspect((1_000_000,))


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([{"type": "upsample", "scale_factor": 1000}] * 20 + [{"type": "flatten"}, linear(1)], (1, 4)),
        ([{"type": "flatten"}, linear(1)], (10**2200, 10**2200)),
    ],
)
def test_sizes_beyond_any_machine_are_refused_in_words(layers: list[dict[str, Any]], shape: tuple[int, ...]) -> None:
    with pytest.raises(SpecError, match="than any machine holds"):
        model(*layers).inspect(shape)


@pytest.mark.parametrize(
    ("layer", "shape", "field"),
    [
        ({"type": "group_norm", "num_groups": 6}, (6, 1, 1), "num_groups"),
        ({"type": "layer_scale", "weight_init": {"type": "xavier_uniform"}}, (5,), "weight_init"),
        ({"type": "prelu", "weight_init": {"type": "orthogonal"}}, (5,), "weight_init"),
        ({"type": "prelu", "max_norm": 1.0}, (5,), "max_norm"),
    ],
)
def test_what_torch_would_refuse_is_refused_before(layer: dict[str, Any], shape: tuple[int, ...], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        model(layer).inspect(shape)
    assert [one.loc for one in caught.value.errors] == [["layers", 0, field]]


@pytest.mark.parametrize(
    "layer",
    [
        {"type": "hardtanh", "max_val": 1e39},
        {"type": "threshold", "threshold": 0.0, "value": 1e300},
        {"type": "celu", "alpha": 1e-46},
        {"type": "normalization", "mean": [0.0], "std": [1e-300]},
        linear(1, weight_init={"type": "constant", "val": 1e300}),
        linear(1, weight_init={"type": "values", "values": [1e300]}),
    ],
)
def test_numbers_are_those_that_a_weight_can_hold(layer: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="is no number of four bytes"):
        model(layer)


def test_a_sum_of_what_is_looked_up_is_no_word() -> None:
    with pytest.raises(SpecError, match="looks up whole numbers, but what it is given was computed"):
        model({"type": "add", "inputs": ["input", "input"]}, EMBEDDING).inspect((4,))


def test_a_long_value_that_does_not_fit_is_not_repeated_whole() -> None:
    with pytest.raises(SpecError) as caught:
        model(linear(1, weight_init={"type": "values", "values": [0.5] * 10_000})).inspect((4,))
    assert len(str(caught.value.errors[0].received)) <= 200


def test_names_of_layers_are_not_words_of_torch() -> None:
    from torch import nn

    from worker.nn.build import Graph, Inputs

    words = {
        word for word in (*dir(nn.Sequential()), *dir(Graph({}, {}, Inputs({}, set()), []))) if not word.startswith("_")
    }
    assert words <= RESERVED, "a module of such a name could not be added"
