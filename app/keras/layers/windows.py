"""What layers with a sliding window share: sizes for each axis, which may be given as one number."""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, field_validator

from app.keras.layers.base import Format, Positive


def each(value: Any, axes: int) -> Any:
    """One for each axis, where one is given for all."""
    return [value] * axes if isinstance(value, int) else value


_SIZES = ("kernel_size", "strides", "dilation_rate", "pool_size", "output_padding", "output_size")


class Windowed(BaseModel):
    """Sizes along each of `axes` axes."""

    axes: ClassVar[int]

    data_format: Format = "channels_last"
    padding: Literal["valid", "same"] = "valid"

    @field_validator(*_SIZES, mode="before", check_fields=False)
    @classmethod
    def _one_for_each(cls, value: Any) -> Any:
        value = each(value, cls.axes)
        if isinstance(value, list) and len(value) != cls.axes:
            raise ValueError(f"names {len(value)} axes, and there are {cls.axes}")
        return value


Sizes = tuple[Positive, ...]


def plain(sizes: Sizes, *, least: int = 1) -> int | list[int] | None:
    """Sizes as they are written here: one number where they are all the same, none where all are `least`."""
    if set(sizes) == {least}:
        return None
    return sizes[0] if len(set(sizes)) == 1 else list(sizes)


def size(sizes: Sizes) -> int | list[int]:
    """The same, where it cannot be left out."""
    return sizes[0] if len(set(sizes)) == 1 else list(sizes)
