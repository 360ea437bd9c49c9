"""Layers that only rearrange, cut, fill up or repeat."""

from typing import Any, ClassVar, Literal

from pydantic import field_validator

from app.keras.chain import Chain
from app.keras.layers.base import Format, KerasLayer, NotNegative, Positive
from app.keras.layers.windows import each
from app.keras.objects import No
from app.specs.base import ShapeError
from app.specs.layers.base import need_axes, written
from app.specs.layers.windows import MEANING

Sides = tuple[tuple[NotNegative, NotNegative], ...]


class InputLayer(KerasLayer):
    """Says only what comes in, which is read beforehand."""

    sparse: No = False
    ragged: No = False

    def place(self, chain: Chain) -> None:
        """There is nothing to put in place."""


class Identity(KerasLayer):
    """Nothing at all."""

    blind: ClassVar[bool] = True

    def place(self, chain: Chain) -> None:
        """There is nothing to put in place."""


class Flatten(KerasLayer):
    """`flatten`. Channels first, the numbers come in another order, which is put right where it matters."""

    data_format: Format = "channels_last"

    def place(self, chain: Chain) -> None:
        if len(chain.shape) > 1:
            chain.flatten(last=self.data_format == "channels_last")


class Reshape(KerasLayer):
    """`reshape`, of the numbers in Keras's order."""

    target_shape: tuple[int, ...]

    def place(self, chain: Chain) -> None:
        chain.as_keras()
        chain.main("reshape", order=tuple(range(len(self.target_shape))), shape=list(self.target_shape))


class Permute(KerasLayer):
    """Only what Keras calls the axes changes; they are put in order where that matters."""

    dims: tuple[int, ...]

    def place(self, chain: Chain) -> None:
        if sorted(self.dims) != list(range(1, len(chain.shape) + 1)):
            raise ShapeError(f"names each axis of {written(chain.keras_shape)} once, from 1 on", "dims")
        chain.order = tuple(self.dims.index(axis + 1) for axis in chain.order)


class RepeatVector(KerasLayer):
    """The same vector at each step of a sequence."""

    n: Positive

    def place(self, chain: Chain) -> None:
        need_axes(chain.shape, 1, "a vector")
        chain.settle()
        chain.add("reshape", order=(1, 0), shape=[chain.shape[0], 1])
        chain.main("upsample", size=[self.n])


class _Sided(KerasLayer):
    """A number of points before and after along each axis but the channels."""

    data_format: Format = "channels_last"
    axes: ClassVar[int]

    @field_validator("padding", "cropping", mode="before", check_fields=False)
    @classmethod
    def _two_for_each(cls, value: Any) -> Any:
        if cls.axes == 1 and isinstance(value, list) and all(isinstance(one, int) for one in value):
            value = [value]
        value = each(value, cls.axes)
        if isinstance(value, list) and len(value) != cls.axes:
            raise ValueError(f"names {len(value)} axes, and there are {cls.axes}")
        return [each(one, 2) for one in value] if isinstance(value, list) else value


class _ZeroPadding(_Sided):
    padding: Sides

    def place(self, chain: Chain) -> None:
        chain.channels_first(self.axes, self.data_format)
        chain.main("pad", pad=[side for pair in reversed(self.padding) for side in pair])


class ZeroPadding1D(_ZeroPadding):
    """`pad`."""

    axes: ClassVar[int] = 1


class ZeroPadding2D(_ZeroPadding):
    """`pad`."""

    axes: ClassVar[int] = 2


class ZeroPadding3D(_ZeroPadding):
    """`pad`."""

    axes: ClassVar[int] = 3


class _Cropping(_Sided):
    cropping: Sides

    def place(self, chain: Chain) -> None:
        cut(chain, self.cropping, self.data_format, "cropping")


class Cropping1D(_Cropping):
    """`slice`."""

    axes: ClassVar[int] = 1


class Cropping2D(_Cropping):
    """A `slice` along each axis that is cropped."""

    axes: ClassVar[int] = 2


class Cropping3D(_Cropping):
    """A `slice` along each axis that is cropped."""

    axes: ClassVar[int] = 3


class CenterCrop(KerasLayer):
    """The middle of an image."""

    height: Positive
    width: Positive
    data_format: Format = "channels_last"

    def place(self, chain: Chain) -> None:
        need_axes(chain.shape, 3, MEANING[2])
        at = 1 if self.data_format == "channels_last" else 2
        sizes = chain.keras_shape[at - 1 : at + 1]
        sides = []
        for size, wanted, field in zip(sizes, (self.height, self.width), ("height", "width"), strict=True):
            if wanted > size:
                raise ShapeError(f"the image is smaller than that, and would be made larger: {written(sizes)}", field)
            sides.append(((size - wanted) // 2, size - wanted - (size - wanted) // 2))
        cut(chain, tuple(sides), self.data_format, "height")


def cut(chain: Chain, sides: Sides, data_format: Format, field: str) -> None:
    """Take points away before and after along each axis but the channels."""
    need_axes(chain.shape, len(sides) + 1, MEANING[len(sides)])
    first = 1 if data_format == "channels_last" else 2
    for axis, (before, after) in enumerate(sides, first):
        left = chain.keras_shape[axis - 1] - before - after
        if left < 1:
            raise ShapeError(f"nothing is left of {written(chain.keras_shape)}", field)
        if before or after:
            chain.main("slice", dim=chain.dim(axis), start=before or None, stop=before + left if after else None)


class UpSampling1D(KerasLayer):
    """`upsample`: each step again."""

    size: Positive = 2

    @field_validator("size", mode="before")
    @classmethod
    def _only_one(cls, size: Any) -> Any:
        return size[0] if isinstance(size, list) and len(size) == 1 else size

    def place(self, chain: Chain) -> None:
        chain.channels_first(1, "channels_last")
        chain.main("upsample", scale_factor=self.size)


class _UpSampling(KerasLayer):
    data_format: Format = "channels_last"
    size: tuple[Positive, ...]
    interpolation: Literal["nearest", "bilinear"] = "nearest"
    axes: ClassVar[int]

    @field_validator("size", mode="before")
    @classmethod
    def _one_for_each(cls, size: Any) -> Any:
        size = each(size, cls.axes)
        if isinstance(size, list) and len(size) != cls.axes:
            raise ValueError(f"names {len(size)} axes, and there are {cls.axes}")
        return size

    def place(self, chain: Chain) -> None:
        chain.channels_first(self.axes, self.data_format)
        larger = [side * factor for side, factor in zip(chain.shape[1:], self.size, strict=True)]
        alike = len(set(self.size)) == 1
        wanted = {"scale_factor": self.size[0]} if alike else {"size": larger}
        chain.main("upsample", **wanted, mode=None if self.interpolation == "nearest" else self.interpolation)


class UpSampling2D(_UpSampling):
    """`upsample`."""

    axes: ClassVar[int] = 2


class UpSampling3D(_UpSampling):
    """`upsample`."""

    axes: ClassVar[int] = 3
    interpolation: Literal["nearest"] = "nearest"


class Resizing(KerasLayer):
    """`upsample` to a size, which may be smaller too. Other interpolations differ between Keras and torch."""

    height: Positive
    width: Positive
    interpolation: Literal["bilinear"] = "bilinear"
    crop_to_aspect_ratio: No = False
    pad_to_aspect_ratio: No = False
    fill_mode: Any = None
    fill_value: Any = None
    antialias: No = False
    data_format: Format = "channels_last"

    def place(self, chain: Chain) -> None:
        chain.channels_first(2, self.data_format)
        chain.main("upsample", size=[self.height, self.width], mode="bilinear")


SHAPES: tuple[type[KerasLayer], ...] = (
    InputLayer,
    Identity,
    Flatten,
    Reshape,
    Permute,
    RepeatVector,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
    Cropping1D,
    Cropping2D,
    Cropping3D,
    CenterCrop,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    Resizing,
)
