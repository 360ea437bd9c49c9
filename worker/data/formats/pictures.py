"""Images as cells of a table: encoded bytes are kept as they came, arrays are encoded without loss."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.pictures import decode_image

__all__ = ["IMAGE_ENDINGS", "OTHER_IMAGE_ENDINGS", "decode_image", "encode_png", "is_picture"]

IMAGE_ENDINGS = frozenset(
    {".bmp", ".gif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
)
# Pictures too, of formats that no decoder here is trusted with.
OTHER_IMAGE_ENDINGS = frozenset({".avif", ".dds", ".eps", ".heic", ".heif", ".ico", ".jp2", ".psd", ".svg", ".tga"})


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """An image (H, W) of gray or (H, W, 3) of red, green and blue, as PNG."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=4)
    return file.getvalue()


def is_picture(data: Any) -> bool:
    """Whether these bytes are an image that is read."""
    try:
        decode_image(data)
    except ValueError:
        return False
    return True
