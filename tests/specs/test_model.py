"""A model as a graph: what is wired wrongly is told at its place."""

from typing import Any

import pytest

from app.specs.base import SpecError
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
