"""Encoded images: which are read, and how without harm. Pillow does the work, and is loaded when it is first needed."""

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP", "PPM")  # as Pillow calls them: no other decoder is let near
MAX_PIXELS = 64_000_000


def decode_image(data: bytes) -> "Image":
    """The image of an encoded file, decoded whole; of one that moves, the first frame.

    Raises ValueError, with the reason, when the bytes are none of `FORMATS`, are damaged, or hold too many pixels.
    """
    return _guarded(data, load=True)


def probe_image(data: bytes) -> "Image":
    """The same by its header alone: size, mode and format hold, pixels are not decoded. Raises ValueError."""
    return _guarded(data, load=False)


def upright(image: "Image") -> "Image":
    """The image as it is looked at: turned as its camera says, transparency on white, sixteen bits brought to eight."""
    from PIL import Image as images
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA"):
        image = image.convert("RGBA")
        image = images.alpha_composite(images.new("RGBA", image.size, "white"), image)
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):  # Pillow would cut them off at 255
        deep = np.asarray(image, np.int64).clip(0, 65_535) >> 8
        image = images.fromarray(deep.astype(np.uint8))
    return image


def format_of(image: "Image") -> str:
    """The format that an image was encoded in. What phones write as several JPEGs in one is a JPEG."""
    return {"MPO": "JPEG"}.get(image.format or "", image.format or "")


def _guarded(data: bytes, *, load: bool) -> "Image":
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged tags, of many pixels: what matters is checked here
        try:
            image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
        except UnidentifiedImageError:
            raise ValueError("it is not an image of a format that is read, or its header is damaged") from None
        except Exception as error:  # a damaged header makes Pillow raise anything: struct.error, SyntaxError, ...
            raise ValueError(f"its header is damaged ({_words(error)})") from error
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"it has {image.width:,} by {image.height:,} pixels, more than {MAX_PIXELS:,}")
        if image.width < 1 or image.height < 1:
            raise ValueError(f"it has {image.width} by {image.height} pixels")
        if load:
            try:
                image.load()
            except Exception as error:  # as above
                raise ValueError(f"it is damaged ({_words(error)})") from error
    return image


def _words(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__
