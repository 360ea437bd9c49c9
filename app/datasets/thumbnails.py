"""Small pictures of images, made when they are asked for."""

import io
import threading
import warnings
from typing import TYPE_CHECKING

from app.pictures import format_of, probe_image

if TYPE_CHECKING:
    from PIL.Image import Image

_AT_ONCE = threading.BoundedSemaphore(4)  # a decoded image may take up 256 MB
_PHOTOGRAPH_QUALITY = 85


def thumbnail(data: bytes, size: int) -> tuple[bytes, str]:
    """An encoded image no larger than `size` pixels either way, and its media type. Smaller ones keep their size.

    Photographs (JPEG) stay JPEG, all else becomes PNG, without loss. Raises ValueError when it cannot be decoded.
    """
    with _AT_ONCE:
        image = probe_image(data)
        is_photograph = format_of(image) == "JPEG"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                image.draft(image.mode, (2 * size, 2 * size))  # a JPEG is decoded at about the size that is needed
                shown = _shown(image)
                shown.thumbnail((size, size))
            except Exception as error:  # a damaged file makes Pillow raise anything
                raise ValueError(f"the image cannot be decoded: {error}") from error
        file = io.BytesIO()
        if is_photograph:
            shown.convert("RGB").save(file, "JPEG", quality=_PHOTOGRAPH_QUALITY)
            return file.getvalue(), "image/jpeg"
        shown.save(file, "PNG")
        return file.getvalue(), "image/png"


def _shown(image: "Image") -> "Image":
    """The image in a mode that browsers show."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode == "F":
        return image.point(lambda value: value * 255).convert("L")
    return image if image.mode in ("L", "LA", "RGB", "RGBA") else image.convert("RGBA" if _is_clear(image) else "RGB")


def _is_clear(image: "Image") -> bool:
    return image.mode in ("PA", "La", "RGBa") or "transparency" in image.info
