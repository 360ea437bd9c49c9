"""A model of any layers in any order is what its inspection says, and computes what its graph says."""

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from app.specs.base import ShapeError, SpecError
from app.specs.layers import LAYERS
from app.specs.model import ModelSpec
from worker.nn.build import Graph, build, max_norms, penalties
from worker.train.gradients import Limit

RESIDUAL: list[dict[str, Any]] = [
    {"type": "linear", "out_features": 4, "name": "first", "l2": 0.1, "bias_init": {"type": "zeros"}},
    {"type": "relu"},
    {"type": "linear", "out_features": 4, "weight_init": {"type": "constant", "val": 2.0}},
    {"type": "add", "inputs": ["2", "first"]},
]


def model(*layers: dict[str, Any]) -> ModelSpec:
    return ModelSpec.model_validate({"layers": layers})


def batch(spec: ModelSpec, shape: tuple[int, ...], num_rows: int = 3) -> torch.Tensor:
    if spec.takes_integers:
        return torch.randint(0, 10, (num_rows, *shape))
    if any(layer.takes_columns for layer in spec.layers):
        return torch.randint(0, 10, (num_rows, *shape)).float()
    return torch.randn(num_rows, *shape)


ONE_INPUT = [
    {"type": layer.model_fields["type"].default, **example.args}
    for layer in LAYERS
    for example in layer.examples
    if len(example.inputs) == 1
]


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
    wanted=st.lists(st.sampled_from(ONE_INPUT), min_size=1, max_size=8),
    named=st.booleans(),
)
def test_a_chain_of_whatever_fits_is_what_its_inspection_says(
    shape: tuple[int, ...], wanted: list[dict[str, Any]], named: bool
) -> None:
    layers: list[dict[str, Any]] = []
    for layer in wanted:
        candidate = [*layers, layer | ({"name": f"layer_{len(layers)}"} if named else {})]
        try:
            if max(model(*candidate).inspect(shape).output_shape) < 1000:
                layers = candidate
        except SpecError:
            continue
    if not layers:
        return
    spec = model(*layers)
    found = spec.inspect(shape)
    module = build(spec, shape).eval()
    with torch.no_grad():
        assert tuple(module(batch(spec, shape)).shape[1:]) == tuple(found.output_shape)
    assert sum(one.numel() for one in module.parameters()) == found.num_parameters
    for report in found.layers:
        assert sum(one.numel() for one in module.get_submodule(report.name).parameters()) == report.num_parameters
    assert module(batch(spec, shape)).dtype == (torch.int64 if _only_rearranges(spec) else torch.float32)


def _only_rearranges(spec: ModelSpec) -> bool:
    return spec.takes_integers and all(layer.keeps_integers for layer in spec.layers)


def test_a_chain_is_a_sequence_with_parameters_called_by_their_layers() -> None:
    module = build(model({"type": "linear", "out_features": 2, "name": "dense"}, {"type": "batch_norm"}), (3,))
    assert isinstance(module, nn.Sequential)
    assert [name for name, _ in module.named_parameters()] == ["dense.weight", "dense.bias", "1.weight", "1.bias"]


def test_a_graph_computes_what_it_says() -> None:
    module = build(model(*RESIDUAL), (3,))
    x = torch.randn(5, 3)
    first = module.get_submodule("first")(x)
    torch.testing.assert_close(module(x), module.get_submodule("2")(torch.relu(first)) + first)


def test_a_graph_keeps_nothing_longer_than_it_is_read() -> None:
    sizes: list[int] = []
    spec = model(*[{"type": "linear", "out_features": 8}] * 5, {"type": "add", "inputs": ["4", "3"]})
    module = build(spec, (8,))
    assert isinstance(module, Graph)
    alive: list[Any] = []
    import weakref

    for name in ("0", "1", "2", "4"):

        def note(_: nn.Module, __: Any, output: torch.Tensor) -> None:
            alive.append(weakref.ref(output))
            sizes.append(sum(1 for one in alive if one() is not None))

        module.get_submodule(name).register_forward_hook(note)
    with torch.no_grad():
        module(torch.randn(2, 8))
    assert max(sizes) <= 2


def test_an_input_may_be_read_by_several_and_named_twice() -> None:
    module = build(model({"type": "add", "inputs": ["input", "input"]}), (3,))
    x = torch.randn(2, 3)
    torch.testing.assert_close(module(x), 2 * x)


def test_a_model_that_does_not_hold_is_not_built() -> None:
    with pytest.raises(SpecError, match="kernel 6 does not fit input 4×4"):
        build(model({"type": "conv2d", "out_channels": 1, "kernel_size": 6}), (1, 4, 4))


def test_a_layer_alone_says_what_does_not_fit() -> None:
    with pytest.raises(ShapeError):
        model({"type": "conv2d", "out_channels": 1, "kernel_size": 6}).layers[0].output_shape((4,))


INITIALISERS: list[dict[str, Any]] = [
    {"type": "zeros"},
    {"type": "ones"},
    {"type": "constant", "val": 3.0},
    {"type": "normal", "mean": 1.0, "std": 0.5},
    {"type": "trunc_normal", "std": 0.5, "a": -1.0, "b": 1.0},
    {"type": "uniform", "a": -0.5, "b": 0.5},
    {"type": "xavier_uniform", "gain": 2.0},
    {"type": "xavier_normal"},
    {"type": "kaiming_uniform", "a": 0.1, "nonlinearity": "leaky_relu"},
    {"type": "kaiming_normal", "mode": "fan_out", "nonlinearity": "tanh"},
    {"type": "orthogonal"},
]


@pytest.mark.parametrize("init", INITIALISERS, ids=lambda init: init["type"])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ({"type": "linear", "out_features": 7}, (5,)),
        ({"type": "conv2d", "out_channels": 3, "kernel_size": 2}, (2, 5, 5)),
        ({"type": "lstm", "hidden_size": 3}, (4, 2)),
    ],
    ids=["linear", "conv2d", "lstm"],
)
def test_weights_begin_as_torchs_initialiser_makes_them(
    init: dict[str, Any], layer: dict[str, Any], shape: tuple[int, ...]
) -> None:
    torch.manual_seed(1)
    spec = model(layer | {"weight_init": init})
    module = build(spec, shape)
    torch.manual_seed(1)
    untouched = build(model(layer), shape)
    arguments = {name: value for name, value in init.items() if name != "type"}
    for name, parameter in untouched.named_parameters():
        if "weight" in name:
            getattr(nn.init, init["type"] + "_")(parameter, **arguments)
    for ours, plain in zip(module.parameters(), untouched.parameters(), strict=True):
        torch.testing.assert_close(ours, plain, rtol=0, atol=0)


def test_given_values_are_the_weights() -> None:
    values = [float(i) for i in range(18)]
    conv = {"type": "conv2d", "out_channels": 2, "kernel_size": 3, "weight_init": {"type": "values", "values": values}}
    biases = {"bias_init": {"type": "values", "values": [5.0, 6.0]}}
    module = build(model(conv | biases), (1, 4, 4))
    assert torch.equal(module.get_parameter("0.weight"), torch.arange(18.0).reshape(2, 1, 3, 3))
    assert module.get_parameter("0.bias").tolist() == [5.0, 6.0]


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        ({"type": "linear", "out_features": 2}, (3,), "1 values are given for a weight of 2×3"),
        ({"type": "lstm", "hidden_size": 2}, (3, 2), "has several weights"),
    ],
)
def test_values_are_as_many_as_there_are_weights(layer: dict[str, Any], shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(SpecError, match=words) as caught:
        build(model(layer | {"weight_init": {"type": "values", "values": [1.0]}}), shape)
    assert caught.value.errors[0].loc == ["layers", 0, "weight_init"]


def test_norms_within_a_layer_begin_as_norms_and_are_not_penalised() -> None:
    layer = {"type": "transformer_encoder_layer", "nhead": 2, "dim_feedforward": 3, "l2": 0.1, "max_norm": 1.0}
    spec = model(layer | {"weight_init": {"type": "xavier_uniform"}, "bias_init": {"type": "constant", "val": 0.5}})
    module = build(spec, (5, 4))
    parameters = dict(module.named_parameters())
    assert torch.equal(parameters["0.norm1.weight"], torch.ones(4)) and torch.equal(
        parameters["0.norm1.bias"], torch.zeros(4)
    )
    assert torch.equal(parameters["0.linear1.bias"], torch.full((3,), 0.5))
    names = {name for name, one in parameters.items() if any(one is weight for weight, _, _ in penalties(spec, module))}
    assert names == {
        "0.self_attn.in_proj_weight",
        "0.self_attn.out_proj.weight",
        "0.linear1.weight",
        "0.linear2.weight",
    }
    assert len(max_norms(spec, module)) == 4


@pytest.mark.parametrize(
    ("layer", "shape", "outputs"),
    [
        ({"type": "linear", "out_features": 3}, (40,), lambda weight: weight),
        ({"type": "conv2d", "out_channels": 3, "kernel_size": 3}, (5, 4, 4), lambda weight: weight.flatten(1)),
        (
            {"type": "conv_transpose1d", "out_channels": 3, "kernel_size": 4},
            (9, 4),
            lambda weight: weight.transpose(0, 1).flatten(1),
        ),
    ],
)
def test_no_output_has_longer_weights_than_asked(layer: dict[str, Any], shape: tuple[int, ...], outputs: Any) -> None:
    spec = model(layer | {"max_norm": 0.7, "weight_init": {"type": "normal"}})
    module = build(spec, shape)
    before = outputs(module.get_parameter("0.weight").detach().clone())
    for one in max_norms(spec, module):
        Limit(*one).keep()
    found = outputs(module.get_parameter("0.weight").detach())
    torch.testing.assert_close(found.norm(dim=1), torch.full((3,), 0.7), atol=1e-4, rtol=0)
    torch.testing.assert_close(found / found.norm(dim=1, keepdim=True), before / before.norm(dim=1, keepdim=True))


def test_groups_of_a_transposed_convolution_are_bounded_apart() -> None:
    layer = {"type": "conv_transpose1d", "out_channels": 4, "kernel_size": 1, "groups": 2, "max_norm": 1.0}
    spec = model(layer | {"weight_init": {"type": "constant", "val": 3.0}})
    module = build(spec, (2, 5))
    for one in max_norms(spec, module):
        Limit(*one).keep()
    weight = module.get_parameter("0.weight").detach()  # each output has one weight
    torch.testing.assert_close(weight, torch.ones_like(weight), atol=1e-4, rtol=0)


def test_biases_begin_as_asked() -> None:
    parameters = dict(build(model(*RESIDUAL), (3,)).named_parameters())
    assert (parameters["2.weight"] == 2).all() and (parameters["first.bias"] == 0).all()


def test_penalties_name_the_weights_and_never_the_biases() -> None:
    spec = model(*RESIDUAL[:2], {"type": "linear", "out_features": 4, "l1": 0.5})
    module = build(spec, (3,))
    parameters = dict(module.named_parameters())
    found = penalties(spec, module)
    assert [(l1, l2) for _, l1, l2 in found] == [(0, 0.1), (0.5, 0)]
    assert [one is parameters[name] for (one, _, _), name in zip(found, ("first.weight", "2.weight"), strict=True)]


def test_penalties_of_a_recurrent_layer_are_on_both_its_weights() -> None:
    spec = model({"type": "lstm", "hidden_size": 3, "l2": 0.1})
    shapes = [tuple(parameter.shape) for parameter, _, _ in penalties(spec, build(spec, (4, 2)))]
    assert shapes == [(12, 2), (12, 3)]


def test_the_same_seed_builds_the_same_weights_and_drops_the_same() -> None:
    spec = model(
        {"type": "lstm", "hidden_size": 4, "input_dropout": 0.3, "recurrent_dropout": 0.3},
        {"type": "linear", "out_features": 4},
        {"type": "dropout"},
    )
    outputs, states = [], []
    x = torch.randn(8, 5, 2)
    for _ in range(2):
        torch.manual_seed(7)
        module = build(spec, (5, 2)).train()
        states.append(module.state_dict())
        outputs.append(module(x))
    assert torch.equal(*outputs)
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
