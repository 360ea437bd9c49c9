"""The framing of event files: records with their length, each of the two with a checksum.

A record is the length of its data (8 bytes, little-endian), the length's checksum, the data, the data's checksum.
Checksums are CRC-32C, rotated and shifted, for a checksum of what holds checksums would be weak.
Source: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

import google_crc32c

MAX_RECORD_BYTES = 256 << 20  # a length beyond it is a length that was damaged
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")


class Damaged(Exception):
    """The file ends, or makes no sense, from `offset` on. What came before is sound."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset, self.message = offset, message


def read_records(file: BinaryIO) -> Iterator[bytes]:
    """The records of a file, one after the other. Raises Damaged at the first that is not whole and sound."""
    offset = 0
    while header := _read(file, _HEADER.size):
        if len(header) < _HEADER.size:
            raise Damaged(offset, "the file ends within a record")
        length, checksum = _HEADER.unpack(header)
        if _masked_crc(header[:8]) != checksum or length > MAX_RECORD_BYTES:
            raise Damaged(offset, "this is no record: the checksum of its length does not hold")
        body = _read(file, length + _FOOTER.size)
        if len(body) < length + _FOOTER.size:
            raise Damaged(offset, "the file ends within a record")
        data = body[:length]
        if _masked_crc(data) != _FOOTER.unpack_from(body, length)[0]:
            raise Damaged(offset, "the checksum of this record does not hold")
        yield data
        offset += len(header) + len(body)


def frame(data: bytes) -> bytes:
    """A record as a file holds it."""
    length = struct.pack("<Q", len(data))
    return b"".join([length, _FOOTER.pack(_masked_crc(length)), data, _FOOTER.pack(_masked_crc(data))])


def _read(file: BinaryIO, size: int) -> bytes:
    """So many bytes, or fewer at the end: what is unpacked comes in pieces."""
    parts = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _masked_crc(data: bytes) -> int:
    crc: int = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
