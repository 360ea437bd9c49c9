"""Every layer leaves as ONNX, for batches of any size, and computes there what it computed in torch.

An export takes seconds, so the suite exports one model with much in it; `--full` exports every layer alone.
"""

from math import prod
from typing import Any

import onnxruntime
import pytest
import torch

from app.specs.layers import LAYERS, Example, Layer
from app.specs.model import ModelSpec
from tests.worker.nn.cases import skip_unbuildable
from worker.export import INPUT, OUTPUT, to_onnx
from worker.nn.build import build

CASES = [(layer, example) for layer in LAYERS for example in layer.examples]

MUCH: list[dict[str, Any]] = [
    {"type": "conv2d", "out_channels": 4, "kernel_size": 4, "stride": 2, "padding": "same", "name": "front"},
    {"type": "batch_norm"},
    {"type": "local_response_norm", "size": 3, "alpha": 0.1},
    {"type": "conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1, "name": "side"},
    {"type": "add", "inputs": ["side", "front"]},
    {"type": "max_pool2d", "kernel_size": 3, "stride": 2, "padding": "same", "name": "most"},
    {"type": "avg_pool2d", "kernel_size": 3, "stride": 2, "padding": "same", "inputs": ["4"], "name": "mean"},
    {"type": "concat", "inputs": ["most", "mean"]},
    {"type": "reshape", "shape": [16, -1]},
    {"type": "lstm", "hidden_size": 5, "bidirectional": True, "recurrent_dropout": 0.2},
    {"type": "dropout"},
    {"type": "linear", "out_features": 3},
    {"type": "log_softmax"},
]


def assert_exports(spec: ModelSpec, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    module = build(spec, shape).eval()
    whole = spec.takes_integers or any(layer.takes_columns for layer in spec.layers)
    x = torch.randint(0, 9, (5, *shape)) if whole else torch.randn(5, *shape)
    x = x if spec.takes_integers else x.float()
    session = onnxruntime.InferenceSession(to_onnx(module, x[:2]), providers=["CPUExecutionProvider"])
    for num_rows in (1, 5):
        (found,) = session.run([OUTPUT], {INPUT: x[:num_rows].numpy()})
        torch.testing.assert_close(torch.from_numpy(found), module(x[:num_rows]).detach(), rtol=1e-4, atol=1e-5)


def test_a_model_with_much_in_it() -> None:
    assert_exports(ModelSpec.model_validate({"layers": MUCH}), (2, 13, 14))


@pytest.mark.full
@pytest.mark.parametrize(
    ("cls", "example"), CASES, ids=[f"{c.model_fields['type'].default}-{i}" for i, (c, _) in enumerate(CASES)]
)
def test_every_layer(cls: type[Layer], example: Example) -> None:
    skip_unbuildable(cls)
    layer: dict[str, Any] = {"type": cls.model_fields["type"].default, **example.args}
    layers = [layer] if len(example.inputs) == 1 else merged(layer, example)
    assert_exports(ModelSpec.model_validate({"layers": layers}), example.inputs[0])


def merged(layer: dict[str, Any], example: Example) -> list[dict[str, Any]]:
    """A model of one input, for an export takes no more, whose branches have the shapes that the layer takes."""
    layers: list[dict[str, Any]] = []
    for i, shape in enumerate(example.inputs):
        layers += [
            {"type": "flatten", "inputs": ["input"]},
            {"type": "linear", "out_features": prod(shape)},
            {"type": "reshape", "shape": shape, "name": f"branch_{i}"},
        ]
    return [*layers, layer | {"inputs": [f"branch_{i}" for i in range(len(example.inputs))]}]
