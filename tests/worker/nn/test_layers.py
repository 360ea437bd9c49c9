"""Every layer of the union against torch's own answer: shapes, parameters, multiply-adds, on generated cases too.

A new layer earns these tests by its entry in the union.
"""

from math import prod
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from app.specs.base import Shape, ShapeError
from app.specs.layers import LAYERS, Example, Layer, Weighted
from tests.worker.nn.cases import Case, cases, kind, skip_unbuildable
from worker.nn.build import make

CASES = [(layer, example) for layer in LAYERS for example in layer.examples]
CASE_NAMES = [f"{kind(layer)}-{i}" for i, (layer, _) in enumerate(CASES)]
NUM_GENERATED = 8  # of each kind in the suite, 200 in the full run
BATCH = 2


def fed(layer: Layer, inputs: tuple[Shape, ...]) -> list[Tensor]:
    if layer.takes_integers or layer.takes_columns:
        dtype = torch.int64 if layer.takes_integers else torch.float32
        return [torch.zeros(BATCH, *shape, dtype=dtype) for shape in inputs]
    return [torch.randn(BATCH, *shape) for shape in inputs]


def built(layer: Layer, inputs: tuple[Shape, ...]) -> tuple[torch.nn.Module, Tensor]:
    module = make(layer.recipe(*inputs))
    return module, module(*fed(layer, inputs))


def trilinear_flops(first: Shape, weight: Shape, *_: Any, **__: Any) -> int:
    """Of (N, 1, in1, 1) and (1, out, in1, in2), which torch's counter does not know."""
    return 2 * first[0] * prod(weight)


def assert_as_torch(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.aten._trilinear: trilinear_flops})
    with torch.device("meta"), counter:
        module, output = built(layer, inputs)
    assert layer.output_shape(*inputs) == tuple(output.shape[1:])
    assert layer.num_parameters(*inputs) == sum(parameter.numel() for parameter in module.parameters())
    if isinstance(layer, Weighted) and (shape := layer.weight_shape(*inputs)) is not None:
        assert shape == tuple(module.get_parameter("weight").shape)
    assert 2 * BATCH * layer.num_multiply_adds(*inputs) == counter.get_total_flops()


def test_every_layer_has_examples_help_and_a_source() -> None:
    for layer in LAYERS:
        assert layer.examples, layer
        assert layer.__doc__, layer
        assert layer.source.startswith("https://"), layer
        for name, field in layer.model_fields.items():
            assert field.description or name == "type", (layer, name)


@pytest.mark.parametrize(("cls", "example"), CASES, ids=CASE_NAMES)
def test_examples_are_torchs(cls: type[Layer], example: Example) -> None:
    skip_unbuildable(cls)
    layer = cls.model_validate({"type": kind(cls), **example.args})
    assert_as_torch(layer, example.inputs)
    _, output = built(layer, example.inputs)  # where numbers are computed, and not only shapes
    assert layer.output_shape(*example.inputs) == tuple(output.shape[1:])
    assert torch.isfinite(output.float()).all()
    one_row = make(layer.recipe(*example.inputs)).eval()(*[one[:1] for one in fed(layer, example.inputs)])
    assert layer.output_shape(*example.inputs) == tuple(one_row.shape[1:])


@pytest.mark.parametrize("cls", LAYERS, ids=kind)
def test_generated_cases_are_torchs(cls: type[Layer], pytestconfig: pytest.Config) -> None:
    skip_unbuildable(cls)
    whole = pytestconfig.getoption("--full")

    @settings(max_examples=200 if whole else NUM_GENERATED)
    @given(case=cases(cls))
    def check(case: Case) -> None:
        assert_as_torch(*case)

    check()


def of(name: str) -> type[Layer]:
    return next(layer for layer in LAYERS if kind(layer) == name)


small = st.integers(1, 4)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@quick
@given(
    axes=st.sampled_from([1, 2, 3]),
    channels=small,
    out=small,
    kernel=small,
    stride=small,
    dilation=st.integers(1, 3),
    groups=st.integers(1, 2),
    padding=st.one_of(st.integers(0, 3), st.sampled_from(["same", "valid"])),
    size=st.integers(1, 12),
    bias=st.booleans(),
)
def test_convolutions_are_torchs_wherever_they_fit(axes: int, channels: int, size: int, **args: Any) -> None:
    args["out_channels"], args["kernel_size"] = args.pop("out") * args["groups"], args.pop("kernel")
    layer = of(f"conv{axes}d").model_validate({"type": f"conv{axes}d", **args})
    shape = (channels * args["groups"], *[size + i for i in range(axes)])
    try:
        layer.output_shape(shape)
    except ShapeError:
        with pytest.raises(RuntimeError):
            built(layer, (shape,))
        return
    assert_as_torch(layer, (shape,))


@quick
@given(
    name=st.sampled_from([f"{way}_pool{axes}d" for way in ("max", "avg") for axes in (1, 2, 3)]),
    kernel=small,
    stride=st.one_of(st.none(), small),
    padding=st.one_of(st.integers(0, 2), st.just("same")),
    ceil=st.booleans(),
    size=st.integers(1, 12),
)
def test_poolings_are_torchs_wherever_they_fit(name: str, size: int, ceil: bool, **args: Any) -> None:
    args |= {"kernel_size": args.pop("kernel"), "ceil_mode": ceil}
    layer = of(name).model_validate({"type": name, **args})
    shape = (3, *[size + i for i in range(int(name[-2]))])
    try:
        layer.output_shape(shape)
    except ShapeError:
        with pytest.raises(RuntimeError):
            built(layer, (shape,))
        return
    assert_as_torch(layer, (shape,))


@quick
@given(
    name=st.sampled_from(["rnn", "lstm", "gru"]),
    hidden_size=small,
    num_layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    input_dropout=st.sampled_from([0.0, 0.5]),
    recurrent_dropout=st.sampled_from([0.0, 0.5]),
    output=st.sampled_from(["last", "all"]),
    length=st.integers(1, 5),
    features=small,
)
def test_recurrent_layers_are_torchs(name: str, length: int, features: int, **args: Any) -> None:
    assert_as_torch(of(name).model_validate({"type": name, **args}), ((length, features),))


def test_the_models_device_does_not_matter_for_shapes() -> None:
    module = make(of("linear").model_validate({"type": "linear", "out_features": 3}).recipe((5,)))
    assert tuple(module.to("meta")(torch.empty(2, 5, device="meta")).shape) == (2, 3)
