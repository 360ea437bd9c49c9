"""A model that does not hold yet: what is known of its layers all the same."""

from typing import Any

import pytest

from app.specs.traced import traced

LINEAR = {"type": "linear", "out_features": 8}
BLOCK = {"layers": [{"type": "linear", "out_features": 6}]}


@pytest.mark.parametrize(
    ("layers", "known"),
    [
        ([LINEAR, {"type": "conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "relu"}], {"0": [8]}),
        ([LINEAR, {"type": "relu"}, {"type": "linear"}, {"type": "relu"}], {"0": [8], "1": [8]}),
        ([LINEAR, {"type": "lineal"}], {"0": [8]}),
        (
            [LINEAR, {"type": "add", "inputs": ["0", "nowhere"]}, {"type": "relu", "inputs": ["0"]}],
            {"0": [8], "2": [8]},
        ),
        ([{"type": "linear"}, LINEAR], {}),
        ([LINEAR, {"type": "block", "block": "part"}, {"type": "linear"}], {"0": [8], "1.0": [6]}),
    ],
)
def test_layers_before_what_is_wrong_keep_their_shapes(layers: list[Any], known: dict[str, list[int]]) -> None:
    model = {"layers": layers, "blocks": {"part": BLOCK}}
    assert {one.name: one.output_shape for one in traced(model, (4,))} == known


@pytest.mark.parametrize("model", [None, 3, "x", [], {}, {"layers": None}, {"layers": [LINEAR], "blocks": {"a": 1}}])
def test_of_what_is_no_model_nothing_is_known(model: Any) -> None:
    assert traced(model, (4,)) == []


def test_nothing_follows_from_a_shape_that_is_none() -> None:
    assert traced({"layers": [LINEAR]}, ()) == traced({"layers": [LINEAR]}, (0,)) == []
