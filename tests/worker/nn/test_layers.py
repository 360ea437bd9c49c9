"""Every layer of the union against torch's own answer: shape and number of parameters, on examples and generated cases.

A new layer earns these tests by its entry in the union.
"""

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.specs.base import Shape, ShapeError
from app.specs.layers import LAYERS, Example, Layer
from worker.nn.build import make

CASES = [(layer, example) for layer in LAYERS for example in layer.examples]


def built(layer: Layer, inputs: tuple[Shape, ...], batch: int = 2) -> tuple[torch.nn.Module, torch.Tensor]:
    module = make(layer.recipe(*inputs))
    if layer.takes_integers or layer.takes_columns:
        dtype = torch.int64 if layer.takes_integers else torch.float32
        fed = [torch.zeros(batch, *shape, dtype=dtype) for shape in inputs]
    else:
        fed = [torch.randn(batch, *shape) for shape in inputs]
    return module, module(*fed)


def assert_as_torch(layer: Layer, inputs: tuple[Shape, ...]) -> None:
    module, output = built(layer, inputs)
    assert layer.output_shape(*inputs) == tuple(output.shape[1:])
    assert layer.num_parameters(*inputs) == sum(parameter.numel() for parameter in module.parameters())


def test_every_layer_has_examples_and_help() -> None:
    for layer in LAYERS:
        assert layer.examples, layer
        assert layer.__doc__, layer


@pytest.mark.parametrize(
    ("cls", "example"), CASES, ids=[f"{c.model_fields['type'].default}-{i}" for i, (c, _) in enumerate(CASES)]
)
def test_shape_and_parameters_are_torchs(cls: type[Layer], example: Example) -> None:
    assert_as_torch(cls.model_validate({"type": cls.model_fields["type"].default, **example.args}), example.inputs)


def of(kind: str) -> type[Layer]:
    return next(layer for layer in LAYERS if layer.model_fields["type"].default == kind)


small = st.integers(1, 4)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@quick
@given(
    axes=st.sampled_from([1, 2]),
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
    kind=st.sampled_from(["max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d"]),
    kernel=small,
    stride=st.one_of(st.none(), small),
    padding=st.one_of(st.integers(0, 2), st.just("same")),
    ceil=st.booleans(),
    size=st.integers(1, 12),
)
def test_poolings_are_torchs_wherever_they_fit(kind: str, size: int, ceil: bool, **args: Any) -> None:
    args |= {"kernel_size": args.pop("kernel"), "ceil_mode": ceil}
    layer = of(kind).model_validate({"type": kind, **args})
    shape = (3, *[size + i for i in range(int(kind[-2]))])
    try:
        layer.output_shape(shape)
    except ShapeError:
        with pytest.raises(RuntimeError):
            built(layer, (shape,))
        return
    assert_as_torch(layer, (shape,))


@quick
@given(
    kind=st.sampled_from(["lstm", "gru"]),
    hidden_size=small,
    num_layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    input_dropout=st.sampled_from([0.0, 0.5]),
    recurrent_dropout=st.sampled_from([0.0, 0.5]),
    output=st.sampled_from(["last", "all"]),
    length=st.integers(1, 5),
    features=small,
)
def test_recurrent_layers_are_torchs(kind: str, length: int, features: int, **args: Any) -> None:
    assert_as_torch(of(kind).model_validate({"type": kind, **args}), ((length, features),))


def test_the_models_device_does_not_matter_for_shapes() -> None:
    module = make(of("linear").model_validate({"type": "linear", "out_features": 3}).recipe((5,)))
    assert tuple(module.to("meta")(torch.empty(2, 5, device="meta")).shape) == (2, 3)
