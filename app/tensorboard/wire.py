"""Protocol buffers as bytes: fields with numbers. Only what the few messages of an event file need.

Source: https://protobuf.dev/programming-guides/encoding/
"""

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Value = int | bytes


class Malformed(ValueError):
    """These bytes are no message."""


def fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """The fields of a message, with their numbers. Fixed ones are bytes: what they mean is the reader's to know.

    Raises Malformed.
    """
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        kind = key & 7
        if kind == VARINT:
            value: Value
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == BYTES:
            size, at = _varint(data, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise Malformed(f"wire type {kind}")
        if at + size > end:
            raise Malformed("a field reaches beyond its message")
        yield key >> 3, data[at : at + size]
        at += size


def varints(data: bytes) -> Iterator[int]:
    """Packed numbers. Raises Malformed."""
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def signed(value: int) -> int:
    """A number of 64 bits, of which the highest says that it is negative."""
    return value - (1 << 64) if value >= 1 << 63 else value


def field(number: int, value: int | float | bytes | str) -> bytes:
    """A field: a whole number as a varint, a float in eight bytes, bytes and texts with their length."""
    if isinstance(value, int):
        return _encode_varint(number << 3 | VARINT) + _encode_varint(value % (1 << 64))
    if isinstance(value, float):
        return _encode_varint(number << 3 | FIXED64) + struct.pack("<d", value)
    data = value.encode() if isinstance(value, str) else value
    return _encode_varint(number << 3 | BYTES) + _encode_varint(len(data)) + data


def field32(number: int, data: bytes) -> bytes:
    """A field of four bytes."""
    return _encode_varint(number << 3 | FIXED32) + data


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Malformed("a number does not end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7


def _encode_varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
