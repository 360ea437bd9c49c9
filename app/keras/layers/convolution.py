"""Convolutions: plain, of each channel for itself, both in turn, and backwards."""

from typing import Any, ClassVar, Literal

from pydantic import field_validator

from app.keras.chain import Chain
from app.keras.layers.base import GLOROT, KerasLayer, NotNegative, Positive, WithBias, WithKernel, weight
from app.keras.layers.windows import Sizes, Windowed, plain, size
from app.keras.objects import Begin, Constraint, Initializer, Penalty


class _Conv(Windowed, WithKernel):
    filters: Positive
    kernel_size: Sizes
    strides: Sizes = (1,)
    dilation_rate: Sizes = (1,)
    groups: Positive = 1
    lora_rank: None = None

    def window(self) -> dict[str, Any]:
        """Where the filters look."""
        return {
            "kernel_size": size(self.kernel_size),
            "stride": plain(self.strides),
            "padding": "same" if self.padding == "same" else None,
            "dilation": plain(self.dilation_rate),
        }

    def place(self, chain: Chain) -> None:
        chain.channels_first(self.axes, self.data_format)
        window = self.window() | {"groups": None if self.groups == 1 else self.groups}
        chain.main(f"conv{self.axes}d", out_channels=self.filters, **window, **self.weights(chain))
        self.activate(chain)


class Conv1D(_Conv):
    """`conv1d`. Padding may be causal: no point sees a later one."""

    axes: ClassVar[int] = 1
    bounded: ClassVar[frozenset[int]] = frozenset({0, 1})
    padding: Literal["valid", "same", "causal"] = "valid"  # type: ignore[assignment]

    def place(self, chain: Chain) -> None:
        chain.channels_first(self.axes, self.data_format)
        if self.padding == "causal" and (before := (self.kernel_size[0] - 1) * self.dilation_rate[0]):
            chain.add("pad", pad=[before, 0])
        super().place(chain)


class Conv2D(_Conv):
    """`conv2d`."""

    axes: ClassVar[int] = 2
    bounded: ClassVar[frozenset[int]] = frozenset({0, 1, 2})


class Conv3D(_Conv):
    """`conv3d`."""

    axes: ClassVar[int] = 3
    bounded: ClassVar[frozenset[int]] = frozenset({0, 1, 2, 3})


def _of_a_channel(chain: Chain, begin: Begin, multiplier: int) -> Begin:
    """How filters of one channel begin: Keras and torch count differently what such a filter sees.

    Of k points, c channels and m filters each, Keras has fans k·c and k·m, torch k and k·c·m.
    """
    channels, kind = chain.shape[0], begin.init["type"]
    ratio = (1 + channels * multiplier) / (channels + multiplier)
    if kind.startswith("xavier") and ratio != 1:
        return Begin(begin.init | {"gain": float(begin.init.get("gain", 1.0)) * ratio**0.5}, begin.is_cut)
    if kind.startswith("kaiming") and channels > 1:
        chain.note(f"{kind}: filters of one channel begin larger here: torch counts what one sees, Keras what all do.")
    return begin


class _Depthwise(Windowed, WithBias):
    kernel_size: Sizes
    strides: Sizes = (1,)
    dilation_rate: Sizes = (1,)
    depth_multiplier: Positive = 1
    depthwise_initializer: Initializer = GLOROT
    depthwise_regularizer: Penalty = {}
    depthwise_constraint: Constraint | None = None

    @field_validator("depthwise_constraint", "pointwise_constraint", check_fields=False)
    @classmethod
    def _has_none(cls, bound: Any) -> Any:
        if bound is not None:
            raise ValueError("there is no greatest norm of weights for filters of one channel; leave it out")
        return bound

    def window(self) -> dict[str, Any]:
        """Where the filters look."""
        return {
            "kernel_size": size(self.kernel_size),
            "stride": plain(self.strides),
            "padding": "same" if self.padding == "same" else None,
            "dilation": plain(self.dilation_rate),
        }

    def depthwise(self, chain: Chain) -> dict[str, Any]:
        """How the filters of each channel begin."""
        begin = _of_a_channel(chain, self.depthwise_initializer, self.depth_multiplier)
        return weight(chain, begin, self.depthwise_regularizer)

    def place(self, chain: Chain) -> None:
        chain.channels_first(self.axes, self.data_format)
        channels = chain.shape[0]
        fields = {"out_channels": channels * self.depth_multiplier, "groups": channels} | self.window()
        chain.main(f"conv{self.axes}d", **fields, **self.depthwise(chain), **self.bias())
        self.activate(chain)


class DepthwiseConv1D(_Depthwise):
    """`conv1d` in as many groups as there are channels."""

    axes: ClassVar[int] = 1


class DepthwiseConv2D(_Depthwise):
    """`conv2d` in as many groups as there are channels."""

    axes: ClassVar[int] = 2


class _Separable(_Depthwise):
    filters: Positive
    pointwise_initializer: Initializer = GLOROT
    pointwise_regularizer: Penalty = {}
    pointwise_constraint: Constraint | None = None

    def place(self, chain: Chain) -> None:
        chain.channels_first(self.axes, self.data_format)
        channels, window = chain.shape[0], self.window()
        depthwise = self.depthwise(chain)
        pointwise = weight(chain, self.pointwise_initializer, self.pointwise_regularizer)
        if self.axes == 2 and depthwise == pointwise:
            multiplier = None if self.depth_multiplier == 1 else self.depth_multiplier
            both = {"out_channels": self.filters, "depth_multiplier": multiplier} | window | pointwise
            chain.main("separable_conv2d", **both, **self.bias())
        else:  # what holds for one of the two weights does not hold for the other
            between = {"out_channels": channels * self.depth_multiplier, "groups": channels, "bias": False} | window
            chain.main(f"conv{self.axes}d", **between, **depthwise)
            chain.main(f"conv{self.axes}d", out_channels=self.filters, kernel_size=1, **pointwise, **self.bias())
        self.activate(chain)


class SeparableConv1D(_Separable):
    """A `conv1d` of each channel for itself, and one that mixes them."""

    axes: ClassVar[int] = 1


class SeparableConv2D(_Separable):
    """`separable_conv2d`, or two convolutions where its two weights begin differently."""

    axes: ClassVar[int] = 2


class _Transposed(Windowed, WithKernel):
    filters: Positive
    kernel_size: Sizes
    strides: Sizes = (1,)
    dilation_rate: Sizes = (1,)
    output_padding: tuple[NotNegative, ...] | None = None
    groups: Literal[1] = 1

    def place(self, chain: Chain) -> None:
        chain.channels_first(self.axes, self.data_format)
        cuts = [self._cut(axis) for axis in range(self.axes)]
        fields = {
            "kernel_size": size(self.kernel_size),
            "stride": plain(self._each(self.strides)),
            "dilation": plain(self._each(self.dilation_rate)),
            "padding": plain(tuple(start for start, _ in cuts), least=0),
            "output_padding": plain(tuple(max(0, start - end) for start, end in cuts), least=0),
        }
        chain.main(f"conv_transpose{self.axes}d", out_channels=self.filters, **fields, **self.weights(chain))
        for axis, (start, end) in enumerate(cuts):
            if end > start:  # torch cuts both ends alike
                chain.add("slice", dim=axis + 2, stop=start - end)
        self.activate(chain)

    def _each(self, sizes: Sizes) -> Sizes:
        return sizes * self.axes if len(sizes) == 1 else sizes

    def _cut(self, axis: int) -> tuple[int, int]:
        """How many points are cut off at the start and the end of all that the windows reach; fewer than 0 are added.

        As Keras reckons it: `compute_conv_transpose_padding_args_for_jax`, which does as TensorFlow does.
        """
        dilation, stride = self._each(self.dilation_rate)[axis], self._each(self.strides)[axis]
        reach = (self.kernel_size[axis] - 1) * dilation + 1
        asked = None if self.output_padding is None else self.output_padding[axis]
        if self.padding == "valid":
            return 0, -(max(reach, stride) - reach if asked is None else asked)
        kept = stride + reach - 2 if asked is None else reach + reach % 2 - 2 + asked
        before = min(kept // 2 + kept % 2, reach - 1)
        return reach - 1 - before, reach - 1 - (kept - before)


class Conv1DTranspose(_Transposed):
    """`conv_transpose1d`."""

    axes: ClassVar[int] = 1
    bounded: ClassVar[frozenset[int]] = frozenset({0, 2})


class Conv2DTranspose(_Transposed):
    """`conv_transpose2d`."""

    axes: ClassVar[int] = 2
    bounded: ClassVar[frozenset[int]] = frozenset({0, 1, 3})


class Conv3DTranspose(_Transposed):
    """`conv_transpose3d`."""

    axes: ClassVar[int] = 3
    bounded: ClassVar[frozenset[int]] = frozenset({0, 1, 2, 4})


CONVOLUTIONS: tuple[type[KerasLayer], ...] = (
    Conv1D,
    Conv2D,
    Conv3D,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
)
