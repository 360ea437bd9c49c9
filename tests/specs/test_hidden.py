"""Which layers' matrices are hidden, those that muon turns."""

from typing import Any

import pytest

from app.specs.hidden import hidden_layers
from app.specs.model import ModelSpec

RELU = {"type": "relu"}


def dense(**more: Any) -> dict[str, Any]:
    return {"type": "linear", "out_features": 4, **more}


CASES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "the first and the last are not": ({"layers": [dense(), RELU, dense(), RELU, dense()]}, {"2"}),
    "two layers have nothing between": ({"layers": [dense(), RELU, dense()]}, set()),
    "norms and scales are no layers with weights": (
        {"layers": [{"type": "batch_norm"}, dense(), {"type": "prelu"}, dense(), {"type": "layer_norm"}]},
        set(),
    ),
    "behind convolutions": (
        {
            "layers": [
                {"type": "conv2d", "out_channels": 2, "kernel_size": 3},
                {"type": "flatten"},
                dense(),
                dense(),
            ]
        },
        {"2"},
    ),
    "an embedding is the first": (
        {
            "layers": [
                {"type": "embedding", "num_embeddings": 9, "embedding_dim": 4},
                {"type": "learned_position"},
                dense(),
                {"type": "transformer_encoder_layer", "nhead": 2},
                {"type": "mean", "dim": 1},
                dense(),
            ]
        },
        {"2", "3"},
    ),
    "what has several matrices has hidden ones": ({"layers": [{"type": "lstm", "hidden_size": 4}, dense()]}, {"0"}),
    "each of several outputs has a last": (
        {
            "layers": [
                dense(name="a"),
                dense(name="b"),
                dense(name="left"),
                dense(name="right", inputs=["b"]),
            ],
            "outputs": ["left", "right"],
        },
        {"b"},
    ),
    "a way around is a way": (
        {"layers": [dense(name="a"), dense(name="b"), {"type": "add", "inputs": ["a", "b"]}, dense()]},
        {"b"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_hidden_layers_lie_between_others(case: str) -> None:
    model, expected = CASES[case]
    assert hidden_layers(ModelSpec.model_validate(model).graph) == expected
