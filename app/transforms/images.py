"""Images of any size as arrays of one: decoded under limits, fitted into a frame, then from 0 to 1, or standardised."""

import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from app.pictures import decode_image, upright
from app.specs.base import SpecError
from app.transforms.steps import problem

if TYPE_CHECKING:
    from PIL import Image

_MODES = {"gray": "L", "rgb": "RGB"}


class ImageStep(BaseModel):
    """An image becomes channels × height × width numbers, each channel moved and scaled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: Literal["image"] = "image"
    channels: Literal["gray", "rgb"]
    height: int
    width_px: int
    fit: Literal["stretch", "crop", "pad"] = "crop"
    mean: list[float] = [0.0]  # of each channel, or of all alike
    std: list[float] = [1.0]
    is_mask: bool = False  # a byte is the class of a pixel: between two classes there is nothing

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return (1 if self.channels == "gray" else 3, self.height, self.width_px)

    @property
    def width(self) -> int:
        """How many inputs an image takes."""
        channels, height, width = self.shape
        return channels * height * width

    def pixels(self, values: Sequence[bytes | str]) -> NDArray[np.uint8]:
        """Images, as bytes or in base64, as (N, channels, height, width). Raises SpecError where one is damaged."""
        found = np.empty((len(values), *self.shape), np.uint8)
        errors = []
        for i, value in enumerate(values):
            try:
                found[i] = self.frame(upright(decode_image(_bytes(value))))
            except ValueError as error:
                errors.append(problem(i, self.name, str(error), None))
        if errors:
            raise SpecError(errors)
        return found

    def frame(self, image: "Image.Image") -> NDArray[np.uint8]:
        """One image as (channels, height, width)."""
        from PIL import ImageOps
        from PIL.Image import Resampling

        size = (self.width_px, self.height)
        image = image if self.is_mask and image.mode == "P" else image.convert(_MODES[self.channels])
        if image.size != size:
            how = Resampling.NEAREST if self.is_mask else Resampling.BICUBIC
            fitted = {"stretch": lambda: image.resize(size, how), "crop": lambda: ImageOps.fit(image, size, how)}
            image = fitted.get(self.fit, lambda: ImageOps.pad(image, size, how))()
        array = np.asarray(image, np.uint8)
        return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)

    def scaled(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Pixels (N, channels, height, width) as the model is fed."""
        mean, std = (np.array(one, np.float32).reshape(-1, 1, 1) for one in (self.mean, self.std))
        found: NDArray[np.float32] = (pixels.astype(np.float32) / np.float32(255) - mean) / std
        return found

    def inputs(self, values: Sequence[Any]) -> NDArray[np.float32]:
        """Images as (N, width). Raises SpecError where one is missing or damaged."""
        return self.scaled(self.pixels(values)).reshape(len(values), -1)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise ValueError("an image is expected, in base64")
    try:
        return base64.b64decode(value.partition(",")[2] if value.startswith("data:") else value, validate=True)
    except binascii.Error as error:
        raise ValueError(f"this is not base64: {error}") from error
