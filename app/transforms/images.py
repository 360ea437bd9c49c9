"""Images of any size as arrays of one: decoded under limits, fitted into a frame, then from 0 to 1, or standardised."""

import base64
import binascii
import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from app.specs.base import SpecError
from app.transforms.steps import problem

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 64_000_000  # of one image: what a camera of today takes
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP", "PPM")
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
                found[i] = self.frame(decode_image(_bytes(value)))
            except ValueError as error:
                errors.append(problem(i, self.name, str(error), None))
        if errors:
            raise SpecError(errors)
        return found

    def frame(self, image: "Image.Image") -> NDArray[np.uint8]:
        """One image as (channels, height, width)."""
        from PIL import ImageOps

        image, size = image.convert(_MODES[self.channels]), (self.width_px, self.height)
        if image.size != size:
            fitted = {"stretch": lambda: image.resize(size), "crop": lambda: ImageOps.fit(image, size)}
            image = fitted.get(self.fit, lambda: ImageOps.pad(image, size))()
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


def decode_image(data: bytes) -> "Image.Image":
    """An image, whole, upright and with its transparency on white. Raises ValueError with the reason."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # the limit here is looked at before anything is decoded
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width} × {image.height} pixels are too many")
            image.load()
            image = ImageOps.exif_transpose(image)
    except UnidentifiedImageError as error:
        raise ValueError("this is no image of a known format") from error
    except (OSError, SyntaxError, ArithmeticError, LookupError, TypeError, MemoryError) as error:
        raise ValueError(f"the image is damaged: {error}") from error
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA"):
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):  # sixteen bits; Pillow would cut them off at 255
        image = Image.fromarray((np.asarray(image, np.int64).clip(0, 65_535) >> 8).astype(np.uint8))
    return image


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise ValueError("an image is expected, in base64")
    try:
        return base64.b64decode(value.partition(",")[2] if value.startswith("data:") else value, validate=True)
    except binascii.Error as error:
        raise ValueError(f"this is not base64: {error}") from error
