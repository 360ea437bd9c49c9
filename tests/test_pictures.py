"""Which images are decoded, and that the others are refused in words."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from app.pictures import FORMATS, decode_image, format_of, probe_image

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)


def encoded(format: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, format)
    return file.getvalue()


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_decoded(format: str) -> None:
    image = decode_image(encoded(format))
    assert (image.size, format_of(image)) == ((10, 12), format)
    if format in ("BMP", "PNG", "PPM", "TIFF"):
        assert (np.asarray(image) == PIXELS).all()


@pytest.mark.parametrize("format", ["ICO", "TGA", "JPEG2000", "PCX"])
def test_no_other_decoder_is_let_near(format: str) -> None:
    with pytest.raises(ValueError, match="not an image of a format that is read"):
        decode_image(encoded(format))


def test_an_image_of_too_many_pixels_is_refused_by_its_header() -> None:
    header = struct.pack(">IIBBBBB", 8001, 8000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    for reads in (decode_image, probe_image):
        with pytest.raises(ValueError, match=r"8,001 by 8,000 pixels, more than 64,000,000"):
            reads(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + bytes(4))


@pytest.mark.parametrize("format", FORMATS)
def test_whatever_is_damaged_is_a_value_error(format: str) -> None:
    chance, data = random.Random(format), encoded(format)
    refused = 0
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(chance.choice([1, 3, 9])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            decode_image(bytes(damaged[: chance.choice([len(data), len(data), len(data) // 2])]))
        except ValueError as error:
            refused += bool(str(error))
    assert refused > 10
