"""What a file is, by its first bytes and, where they leave it open, by the ending of its name."""

from pathlib import PurePosixPath
from typing import Literal

Format = Literal["delimited", "json_lines", "parquet", "npy", "safetensors", "idx", "zip", "tar", "gzip", "image"]

HEAD_BYTES = 512  # as many are needed to tell

_MAGIC: tuple[tuple[int, bytes, Format], ...] = (
    (0, b"PAR1", "parquet"),
    (0, b"\x93NUMPY", "npy"),
    (0, b"PK\x03\x04", "zip"),  # archives, Excel's .xlsx and NumPy's .npz alike: their members tell
    (0, b"PK\x05\x06", "zip"),
    (257, b"ustar", "tar"),
    (0, b"\x1f\x8b", "gzip"),  # what is in it tells
    (0, b"\x89PNG\r\n", "image"),
    (0, b"\xff\xd8\xff", "image"),
    (0, b"GIF8", "image"),
    (0, b"BM", "image"),
    (8, b"WEBP", "image"),
    (0, b"II*\0", "image"),
    (0, b"MM\0*", "image"),
)
# Pictures that begin as anything may, or that nobody here decodes.
_PICTURE_ENDINGS = frozenset({".avif", ".heic", ".heif", ".ico", ".jp2", ".psd", ".tga", ".tif", ".tiff"})
_IDX_TYPES = frozenset({0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E})
_JSON_ENDINGS = frozenset({".jsonl", ".ndjson", ".json"})


def detect(head: bytes, filename: str) -> Format:
    """The format of a file that begins with `head`, of `HEAD_BYTES` or all that there is."""
    ending = PurePosixPath(filename.lower().removesuffix(".gz")).suffix
    for place, magic, found in _MAGIC:
        if head[place : place + len(magic)] == magic and (magic != b"BM" or ending == ".bmp"):
            return found
    if len(head) >= 4 and head[:2] == b"\0\0" and head[2] in _IDX_TYPES and 1 <= head[3] <= 4:
        return "idx"
    if len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100 << 20:
        return "safetensors"
    if ending in _PICTURE_ENDINGS and b"\0" in head:
        return "image"
    if ending in _JSON_ENDINGS and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return "json_lines"
    return "delimited"
