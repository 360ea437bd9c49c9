"""JSON lines, an array of objects, or one object: each object is a row.

The file is gone through twice, first for the types.
Objects inside objects become columns with a dot in their names. What is no object is set aside with its line.
"""

import codecs
import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa

from worker.data.formats.base import Limits, Progress, Read, reason_of, unreadable
from worker.data.formats.fields import open_writer
from worker.data.formats.kinds import Kinds, column

_BLOCK_BYTES = 8 << 20
_BLOCK_CELLS = 1 << 20
_CHUNK_BYTES = 1 << 20
_MAX_DEPTH = 32
_BLANK = " \t\r\n"
_HINT = 'Each line is to hold one object, as {"name": 1}; or the whole file an array of objects.'

Row = dict[str, Any]


class _Piece(NamedTuple):
    """A piece of the file: a row, or the reason why it is none."""

    place: str
    row: Row | None
    reason: str
    content: str | bytes
    end: int  # in the file, in bytes


def read(path: Path, target: BinaryIO, progress: Progress, limits: Limits, texts: Collection[str] = ()) -> Read:
    """Read JSON lines, or a JSON array of objects, into a table; the columns `texts` hold text.

    Raises JobFailure where there is no row.
    """
    found = Read()
    kinds: dict[str, Kinds] = {}
    for piece in _pieces(path, limits):
        if piece.row is None:
            found.put_aside(piece.place, piece.reason, piece.content)
            continue
        found.num_rows += 1
        for name, value in piece.row.items():
            kinds.setdefault(name, Kinds(is_text=name in texts)).see(value)
        if len(kinds) > limits.columns:
            raise unreadable(f"The objects have more than {limits.columns:,} different names.", _HINT)
        if found.num_rows % 4096 == 0:
            progress(piece.end // 2)
    if not kinds:
        first = f" The first piece, {found.set_aside[0].place}: {found.set_aside[0].reason}." if found.set_aside else ""
        raise unreadable(f"No line of the file is an object with a value.{first}", _HINT)
    schema = pa.schema([one.field(name) for name, one in kinds.items()])
    size = path.stat().st_size
    with open_writer(target, schema) as writer:
        for rows, end in _blocks(path, limits, len(kinds)):
            writer.write_table(pa.Table.from_arrays([_column(rows, one) for one in schema], schema=schema))
            progress((size + end) // 2)
    return found


def _column(rows: list[Row], field: pa.Field) -> pa.Array:
    return column([row.get(field.name) for row in rows], field)


def _blocks(path: Path, limits: Limits, num_columns: int) -> Iterator[tuple[list[Row], int]]:
    """The rows again, some at a time, and where in the file they end."""
    rows: list[Row] = []
    start = end = 0
    for piece in _pieces(path, limits):
        if piece.row is not None:
            rows.append(piece.row)
        end = piece.end
        if end - start >= _BLOCK_BYTES or len(rows) * num_columns >= _BLOCK_CELLS:
            yield rows, end
            rows, start = [], end
    if rows:
        yield rows, end


def _pieces(path: Path, limits: Limits) -> Iterator[_Piece]:
    with path.open("rb") as file:
        head = file.read(512).removeprefix(b"\xef\xbb\xbf").lstrip()
        file.seek(0)
        is_array = head[:1] == b"[" and head[1:].lstrip()[:1] in (b"{", b"]", b"")
        if is_array:
            yield from _elements(file, limits)
        elif (only := _only_object(file, limits)) is not None:
            yield only
        else:
            file.seek(0)
            yield from _lines(file, limits)


def _only_object(file: BinaryIO, limits: Limits) -> _Piece | None:
    """The object that a whole file is, written over several lines; None of a file whose lines stand for themselves."""
    begun = file.readline(limits.member_bytes)
    size = os.fstat(file.fileno()).st_size
    if size > limits.member_bytes or _loaded(begun) is not None:
        return None
    value = _loaded(begun + file.read())
    return _row("the object", value, "", size) if isinstance(value, dict) else None


def _loaded(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def _lines(file: BinaryIO, limits: Limits) -> Iterator[_Piece]:
    number, end = 0, 0
    while line := file.readline(limits.member_bytes):
        number += 1
        end += len(line)
        place = f"line {number}"
        if len(line) >= limits.member_bytes and not line.endswith(b"\n"):
            yield _Piece(place, None, f"it is longer than {limits.member_bytes:,} bytes", line[:1000], end)
            while rest := file.readline(_CHUNK_BYTES):
                end += len(rest)
                if rest.endswith(b"\n"):
                    break
            continue
        stripped = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
        if stripped:
            yield _parsed(place, stripped, end)


def _parsed(place: str, line: bytes, end: int) -> _Piece:
    try:
        value = json.loads(line.decode())
    except json.JSONDecodeError as error:
        return _Piece(place, None, f"it is not JSON: {error.msg} at character {error.pos + 1}", line, end)
    except (ValueError, RecursionError) as error:
        return _Piece(place, None, f"it cannot be read: {reason_of(error)}", line, end)
    return _row(place, value, line, end)


def _row(place: str, value: Any, content: str | bytes, end: int) -> _Piece:
    if not isinstance(value, dict):
        return _Piece(place, None, f"it is {_KINDS.get(type(value), 'a value')}, not an object", content, end)
    row: Row = {}
    try:
        _flatten(value, "", row, _MAX_DEPTH)
    except (ValueError, RecursionError) as error:
        return _Piece(place, None, reason_of(error), content, end)
    return _Piece(place, row, "", "", end)


_KINDS = {
    list: "an array",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "a truth value",
    type(None): "null",
}


def _flatten(value: Row, before: str, row: Row, depth: int) -> None:
    if not depth:
        raise ValueError(f"it is nested more than {_MAX_DEPTH} deep")
    for key, inner in value.items():
        name = before + key
        if isinstance(inner, dict):
            _flatten(inner, f"{name}.", row, depth - 1)
        elif name in row:
            raise ValueError(f"two of its values would be called {name!r}")
        elif isinstance(inner, list) and _is_deeper(inner, depth):
            raise ValueError(f"it is nested more than {_MAX_DEPTH} deep")
        else:
            row[name if name.isascii() else name.encode("utf-8", "replace").decode()] = inner


def _is_deeper(value: Any, depth: int) -> bool:
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, (list, dict)) and (not depth or _is_deeper(one, depth - 1)):
            return True
    return False


def _elements(file: BinaryIO, limits: Limits) -> Iterator[_Piece]:
    """The elements of one JSON array, which may be larger than memory. Raises JobFailure where it breaks off."""
    text = _Text(file, limits)
    text.skip("[")
    number = 0
    while text.next_letter() not in ("]", ""):
        number += 1
        value, content = text.take(number)
        yield _row(f"element {number}", value, content, text.end)
        if text.next_letter() == ",":
            text.skip(",")
    if text.next_letter() != "]":
        raise unreadable(f"The array of the file is not closed after element {number}: the file is cut off.")


class _Text:
    """The letters of a file from some place on; more are read when they are needed."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._file, self._limits = file, limits
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._decode = json.JSONDecoder().raw_decode
        self._buffer, self._at, self._is_all = "", 0, False
        self.end = 0

    def next_letter(self) -> str:
        """The next letter that is not blank; empty at the end."""
        while True:
            while self._at < len(self._buffer) and self._buffer[self._at] in _BLANK:
                self._at += 1
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more(_CHUNK_BYTES):
                return ""

    def skip(self, letter: str) -> None:
        """Go past a letter that is next."""
        assert self.next_letter() == letter
        self._at += 1

    def take(self, number: int) -> tuple[Any, str]:
        """The value that is next, and how it is written. Raises JobFailure where none is."""
        self.next_letter()
        wanted = _CHUNK_BYTES
        while True:
            try:
                value, end = self._decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                # It may only be cut by the end of what was read.
                if len(self._buffer) - self._at < self._limits.member_bytes and self._more(wanted):
                    wanted *= 2
                    continue
                raise unreadable(f"Element {number} of the array is not JSON: {error.msg}.", _HINT) from error
            except (ValueError, RecursionError) as error:
                raise unreadable(f"Element {number} of the array cannot be read: {reason_of(error)}.", _HINT) from error
            if end == len(self._buffer) and self._more(_CHUNK_BYTES):
                continue  # a number may go on
            content = self._buffer[self._at : min(end, self._at + 200)]
            self._at = end
            if self.next_letter() not in (",", "]"):
                raise unreadable(f"Element {number} of the array is followed by neither a comma nor its end.", _HINT)
            return value, content

    def _more(self, num_bytes: int) -> bool:
        if self._is_all:
            return False
        data = self._file.read(num_bytes)
        self._is_all = not data
        self.end += len(data)
        self._buffer = self._buffer[self._at :] + self._decoder.decode(data, final=self._is_all)
        self._at = 0
        return True
