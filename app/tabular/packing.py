"""Gzip, unpacked a bounded piece at a time; what grows as no table does is refused."""

import zlib
from collections.abc import Iterator

from app.errors import TooLarge, Unsupported
from app.formats import Format, detect
from app.tabular.refusals import Limits, size, whole_refusal

MAGIC = b"\x1f\x8b"
_PIECE_BYTES = 1 << 20
_MAX_RATIO, _RATIO_FROM_BYTES = 250, 16 << 20  # text packs 3 to 30 times; a bomb a thousand times


class Gunzip:
    """One member or several, one after the other. Raises AppError when they are damaged or too large."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._member = zlib.decompressobj(wbits=31)
        self._num_in = self._num_out = 0

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """What the next piece of the packed file holds."""
        self._num_in += len(data)
        while data:
            if self._member.eof:
                data = data.lstrip(b"\0")  # padding, as tapes and some writers leave it
                if not data:
                    return
                self._member = zlib.decompressobj(wbits=31)
            piece = self._inflate(data)
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if piece:
                yield piece
        while not self._member.eof and (piece := self._inflate(b"")):
            yield piece

    def _inflate(self, data: bytes) -> bytes:
        try:
            piece = self._member.decompress(data, _PIECE_BYTES)
        except zlib.error as error:
            raise whole_refusal(f"The gzip file is damaged: {error}.") from error
        self._num_out += len(piece)
        if self._num_out > self._limits.file_bytes:
            raise TooLarge(f"The file is larger than {size(self._limits.file_bytes)} when unpacked.")
        if self._num_out > max(_RATIO_FROM_BYTES, _MAX_RATIO * self._num_in):
            raise TooLarge(f"The file unpacks to more than {_MAX_RATIO} times its size: no table does.")
        return piece

    def finish(self) -> None:
        """The packed file has ended."""
        if not self._member.eof:
            raise whole_refusal("The gzip file ends too early: a part of it is missing.")


def format_of(head: bytes, filename: str) -> Format:
    """The format of a file by its first bytes; delimited text is that also when it is packed with gzip.

    Raises Unsupported for a single image, which is no table whatever follows.
    """
    found = detect(head, filename)
    if found == "image":
        hint = "Put your images into a zip archive, with a folder for each class, and send that."
        raise Unsupported(f"{filename} is a single image, and a dataset has many.", hint=hint)
    if found != "gzip":
        return found
    try:
        inner = zlib.decompressobj(wbits=31).decompress(head, _PIECE_BYTES)
    except zlib.error:
        return "delimited"  # whoever reads it will say what is wrong with it
    return "delimited" if detect(inner, filename) == "delimited" else "gzip"
