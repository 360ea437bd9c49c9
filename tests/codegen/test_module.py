"""A model as Python: run without Traindeck, it computes what the model computes, from the weights that a run leaves."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from app.codegen.module import to_module
from app.specs.base import SpecError
from app.specs.layers import LAYERS, Example, Layer
from app.specs.model import ModelSpec
from tests.worker.nn.cases import kind, skip_unbuildable
from tests.worker.nn.test_onnx import merged
from worker.nn.build import build

MODELS = Path(__file__).parents[2] / "examples" / "models"
# One example of each layer in the suite, all of them in the full run.
CASES = [
    pytest.param(layer, example, id=f"{kind(layer)}-{i}", marks=[pytest.mark.full] if i else [])
    for layer in LAYERS
    for i, example in enumerate(layer.examples)
]


def model(layers: list[dict[str, Any]], **blocks: Any) -> ModelSpec:
    return ModelSpec.model_validate({"layers": layers, "blocks": blocks})


def rows(spec: ModelSpec, shape: tuple[int, ...]) -> Tensor:
    whole = spec.takes_integers or any(node.layer.takes_columns for node in spec.nodes)
    x = torch.randint(0, 9, (3, *shape)) if whole else torch.randn(3, *shape)
    return x if spec.takes_integers else x.float()


def assert_same(spec: ModelSpec, shape: tuple[int, ...], folder: Path) -> str:
    """The code's model, with the weights of ours, gives the same numbers. Returns the code."""
    code = to_module(spec, shape)
    assert "traindeck" not in code.replace("Traindeck", "") and "worker" not in code and "import app" not in code
    module = build(spec, shape)
    for one in module.modules():  # whatever evaluation takes from running figures is told apart
        if isinstance(one, nn.modules.batchnorm._BatchNorm) and one.running_mean is not None:
            nn.init.uniform_(one.running_mean)
    path = folder / "model.safetensors"
    save_file({name: weight.contiguous() for name, weight in module.state_dict().items()}, path)
    made: dict[str, Any] = {"__name__": "made"}
    exec(compile(code, "model.py", "exec"), made)
    loaded = made["load"](str(path))
    x = rows(spec, shape)
    with torch.no_grad():
        assert torch.equal(loaded(x), module.eval()(x))
    assert loaded.training is False
    return code


@pytest.mark.parametrize(("cls", "example"), CASES)
def test_every_layer(cls: type[Layer], example: Example, tmp_path: Path) -> None:
    skip_unbuildable(cls)
    layer: dict[str, Any] = {"type": kind(cls), **example.args}
    layers = [layer] if len(example.inputs) == 1 else merged(layer, example)
    assert_same(model(layers), example.inputs[0], tmp_path)


@pytest.mark.parametrize(("name", "shape"), [("resnet50", (3, 32, 32)), ("unet", (3, 32, 32)), ("gpt4", (16,))])
def test_whole_networks(name: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    spec = ModelSpec.model_validate(json.loads((MODELS / f"{name}.json").read_bytes())["definition"])
    assert_same(spec, shape, tmp_path)


def test_what_differs_between_the_places_of_a_block_is_an_argument(tmp_path: Path) -> None:
    block = {
        "arguments": {"width": None, "stride": 1},
        "layers": [
            {"type": "conv2d", "out_channels": "$width", "kernel_size": 3, "stride": "$stride", "padding": 1},
            {"type": "relu"},
        ],
    }
    use: dict[str, Any] = {"type": "block", "block": "small_step"}
    layers = [
        use | {"arguments": {"width": 4}, "name": "first"},
        use | {"arguments": {"width": 8, "stride": 2}, "repeat": 2, "name": "further"},
        {"type": "global_avg_pool"},
    ]
    code = assert_same(model(layers, small_step=block), (3, 9, 9), tmp_path)
    assert "def __init__(self, in_channels: int, width: int, stride: int) -> None:" in code
    assert "self.first = SmallStep(in_channels=3, width=4, stride=1)" in code
    assert code.count("class SmallStep") == 1


def test_blocks_of_several_inputs_that_repeat_and_differ_in_their_make(tmp_path: Path) -> None:
    gated = {
        "inputs": ["x", "gate"],
        "arguments": {"padding": 0},
        "layers": [
            {"type": "sigmoid", "inputs": ["gate"], "name": "open"},
            {"type": "multiply", "inputs": ["x", "open"]},
            {"type": "conv1d", "out_channels": 2, "kernel_size": 1, "padding": "$padding"},
        ],
    }
    use = {"type": "block", "block": "gated", "inputs": ["0", "input"], "repeat": 3}
    layers = [
        {"type": "tanh"},
        use | {"name": "one"},
        use | {"name": "two", "inputs": ["one", "input"], "arguments": {"padding": "same"}},
        {"type": "add", "inputs": ["two", "input"]},
    ]
    code = assert_same(model(layers, gated=gated), (2, 5), tmp_path)
    assert "class Gated(" in code and "class Gated2(" in code


def test_names_that_mean_something_in_python_are_written_otherwise(tmp_path: Path) -> None:
    block = {
        "inputs": ["self", "x"],
        "arguments": {"class": 3},
        "layers": [
            {"type": "linear", "out_features": "$class", "name": "names"},
            {"type": "linear", "out_features": "$class", "inputs": ["x"], "name": "lambda"},
            {"type": "add", "inputs": ["names", "lambda"], "name": "x_"},
        ],
    }
    names = ("model", "tensor", "add")  # Model, Tensor and Add are there already
    layers: list[dict[str, Any]] = [
        {"type": "linear", "out_features": 4, "name": "x"},
        {"type": "relu", "name": "relu_2"},
        {"type": "relu"},
    ]
    layers += [
        {"type": "block", "block": name, "inputs": ["2", "x"], "arguments": {"class": 3 + i}, "name": f"y{i}"}
        for i, name in enumerate(names)
    ]
    layers += [
        {"type": "concat", "inputs": ["y0", "y1", "y2", "input"]},
        {"type": "block", "block": "multiply", "name": "alone"},
        {"type": "multiply", "inputs": ["alone", "6"]},
    ]
    alone = {"layers": [{"type": "tanh"}]}  # there is a class Multiply, which only comes after it
    assert_same(model(layers, **dict.fromkeys(names, block), multiply=alone), (4,), tmp_path)


def test_a_chain_is_a_sequence(tmp_path: Path) -> None:
    layers = [{"type": "linear", "out_features": 3, "name": "dense"}, {"type": "relu"}]
    code = assert_same(model(layers), (4,), tmp_path)
    assert '("dense", nn.Linear(in_features=4, out_features=3))'.replace('"', "'") in code.replace('"', "'")


def test_the_code_runs_alone(tmp_path: Path) -> None:
    spec = model([{"type": "linear", "out_features": 3}, {"type": "add", "inputs": ["0", "0"]}])
    (tmp_path / "model.py").write_text(to_module(spec, (4,)))
    script = "import torch, model; print(tuple(model.Model()(torch.zeros(2, 4)).shape))"
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout == "(2, 3)\n"


@pytest.mark.parametrize("name", ['a "name"', "ends with \\", 'a """ b', "line\nbreak"])
def test_any_name_is_written(name: str) -> None:
    spec = ModelSpec.model_validate({"name": name, "layers": [{"type": "relu"}]})
    exec(compile(to_module(spec, (4,)), "model.py", "exec"), {"__name__": "made"})


def test_a_model_that_does_not_hold_is_no_code() -> None:
    with pytest.raises(SpecError):
        to_module(model([{"type": "conv2d", "out_channels": 1, "kernel_size": 6}]), (1, 4, 4))


def test_inputs_come_one_by_one_and_outputs_leave_as_a_tuple(tmp_path: Path) -> None:
    layers = [
        {"type": "embedding", "num_embeddings": 9, "embedding_dim": 3},
        {"type": "flatten", "name": "vector"},
        {"type": "concat", "inputs": ["vector", "linear_3"]},
        {"type": "linear", "out_features": 4, "name": "first"},
        {"type": "relu"},
        {"type": "linear", "out_features": 2},
    ]
    spec = ModelSpec.model_validate({"inputs": ["user", "linear_3"], "outputs": ["first", "5"], "layers": layers})
    shapes = {"linear_3": (5,), "user": (2,)}
    code = to_module(spec, shapes)
    assert "-> tuple[Tensor, Tensor]:" in code
    packed = build(spec, shapes).eval()
    path = tmp_path / "model.safetensors"
    save_file(packed.state_dict(), path)
    made: dict[str, Any] = {"__name__": "made"}
    exec(compile(code, "model.py", "exec"), made)
    numbers, users = torch.randn(3, 5), torch.randint(0, 9, (3, 2))
    with torch.no_grad():
        outputs = made["load"](str(path))(users, numbers)
        assert torch.equal(torch.cat(outputs, 1), packed(torch.cat([numbers, users.float()], 1)))
