"""What a layer says that does not fit its input, and which argument it names."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from app.specs.base import Shape, ShapeError
from app.specs.layers import LAYERS, AnyLayer, Layer
from app.specs.layers.pooling import AvgPool3d, MaxPool3d

LAYER: TypeAdapter[Layer] = TypeAdapter(AnyLayer)

MISFITS: list[tuple[dict[str, Any], tuple[Shape, ...], str | None, str]] = [
    (
        {"type": "conv2d", "out_channels": 2, "kernel_size": 6},
        ((1, 4, 4),),
        "kernel_size",
        "kernel 6 does not fit input 4×4",
    ),
    (
        {"type": "conv2d", "out_channels": 2, "kernel_size": [2, 9]},
        ((1, 4, 4),),
        "kernel_size",
        "kernel 2×9 does not fit",
    ),
    (
        {"type": "conv2d", "out_channels": 2, "kernel_size": 3},
        ((64,),),
        None,
        "needs an image (channels×height×width), but gets 64",
    ),
    ({"type": "conv1d", "out_channels": 2, "kernel_size": 3}, ((1, 4, 4),), None, "needs a series (channels×length)"),
    (
        {"type": "conv1d", "out_channels": 4, "kernel_size": 1, "groups": 2},
        ((3, 4),),
        "groups",
        "2 groups do not divide 3",
    ),
    (
        {"type": "conv1d", "out_channels": 3, "kernel_size": 1, "groups": 2},
        ((4, 4),),
        "out_channels",
        "2 groups do not divide 3",
    ),
    ({"type": "max_pool1d", "kernel_size": 5}, ((1, 4),), "kernel_size", "kernel 5 does not fit input 4"),
    (
        {"type": "avg_pool2d", "kernel_size": 3, "padding": 2},
        ((1, 9, 9),),
        "padding",
        "padding 2 is more than half the kernel",
    ),
    ({"type": "adaptive_avg_pool2d"}, ((4, 4),), None, "needs an image"),
    ({"type": "batch_norm"}, ((1, 2, 3, 4, 5),), None, "or a volume, but gets 1×2×3×4×5"),
    ({"type": "local_response_norm", "size": 2}, ((4,),), None, "needs a series or an image"),
    ({"type": "lstm", "hidden_size": 3}, ((5,),), None, "an embedding layer before it makes tokens features"),
    ({"type": "softmax", "dim": 3}, ((5, 2),), "dim", "there is no axis 3 in 5×2"),
    ({"type": "softmax", "dim": 0}, ((5, 2),), "dim", "the batch is axis 0"),
    ({"type": "reshape", "shape": [3, -1]}, ((8,),), "shape", "8 cannot become 3×-1"),
    ({"type": "reshape", "shape": [-1, -1]}, ((8,),), "shape", "8 cannot become -1×-1"),
    ({"type": "add"}, ((3, 4), (3, 5)), "inputs", "shapes differ: 3×4, 3×5"),
    ({"type": "concat", "dim": 2}, ((3, 4), (2, 4)), "inputs", "shapes differ beside axis 2: 3×4, 2×4"),
    ({"type": "concat", "dim": 3}, ((3, 4), (3, 4)), "dim", "there is no axis 3 in 3×4"),
]


@pytest.mark.parametrize(("layer", "inputs", "field", "words"), MISFITS, ids=lambda value: str(value)[:30])
def test_what_does_not_fit(layer: dict[str, Any], inputs: tuple[Shape, ...], field: str | None, words: str) -> None:
    with pytest.raises(ShapeError) as caught:
        LAYER.validate_python(layer).output_shape(*inputs)
    assert words in str(caught.value)
    assert caught.value.field == field


def test_valid_is_no_padding() -> None:
    for kind, args in (("conv2d", {"out_channels": 3}), ("max_pool2d", {}), ("avg_pool2d", {})):
        plain = LAYER.validate_python({"type": kind, "kernel_size": 3, "stride": 2, **args})
        valid = LAYER.validate_python({"type": kind, "kernel_size": 3, "stride": 2, "padding": "valid", **args})
        assert plain.output_shape((3, 8, 9)) == valid.output_shape((3, 8, 9))
        assert plain.recipe((3, 8, 9)) == valid.recipe((3, 8, 9))


def test_what_is_written_is_read_back_the_same() -> None:
    for cls in LAYERS:
        for example in cls.examples:
            layer = LAYER.validate_python({"type": cls.model_fields["type"].default, **example.args})
            assert LAYER.validate_json(LAYER.dump_json(layer)) == layer


def test_recipes_name_constants_of_ours() -> None:
    for cls in LAYERS:
        layer = LAYER.validate_python({"type": cls.model_fields["type"].default, **cls.examples[0].args})
        assert layer.recipe(*cls.examples[0].inputs).cls.startswith(("torch.nn.", "worker.nn."))


def test_a_mean_of_blocks_lies_within_the_input_without_its_padding() -> None:
    """As torch has it of three axes, and of no others."""
    args = {"kernel_size": 5, "padding": 2}
    with pytest.raises(ShapeError, match="kernel 5×5×5 does not fit input 4×6×5, beside padding"):
        AvgPool3d.model_validate({"type": "avg_pool3d", **args}).output_shape((2, 4, 6, 5))
    assert MaxPool3d.model_validate({"type": "max_pool3d", **args}).output_shape((2, 4, 6, 5)) == (2, 1, 2, 1)
