"""The records of a file on its way in: all have as many fields as the first, no quote stays open, no field is endless.

Receives whole lines of text, and writes them on when they are checked: line ends become line feeds, blank lines go.
"""

import hashlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.dialect import Dialect
from app.errors import TooLarge, Unprocessable
from app.specs.base import Problem
from app.tabular.refusals import Limits, refusal, size, whole_refusal
from app.tabular.sniffing import AS_FOUND, Overrides, Sniffed, sniff
from app.tabular.structure import NEWLINE, Block, Bytes, Malformed, blank_records, read_block

HEAD_BYTES = 128 << 10  # what the delimiter, the quoting and the header are judged by
_RECORD_IN_FIELDS = 16  # how many of the largest fields a record may hold


class Sink(Protocol):
    """Where checked bytes go."""

    def write(self, data: bytes, /) -> int: ...


@dataclass(frozen=True)
class Taken:
    """What was taken in: how it is written, and the size and SHA-256 of what was kept."""

    dialect: Dialect
    size_bytes: int
    sha256: str
    encoding: str = "utf-8"
    notes: tuple[str, ...] = ()  # what a person should know of how the file was read


@dataclass
class _Open:
    """What goes on in the next block, where a quoted field spans two."""

    record_line: int = 0
    quote_line: int = 0
    num_fields: int = 0  # that the record has so far
    record_bytes: int = 0
    field_bytes: int = 0


class Records:
    """Checks blocks of whole lines in turn. Every method raises AppError with the line that does not fit."""

    def __init__(self, sink: Sink, limits: Limits, overrides: Overrides = AS_FOUND, *, prefer: str = ",") -> None:
        self._sink, self._limits, self._overrides, self._prefer = sink, limits, overrides, prefer
        self._head: list[bytes] | None = []
        self._sniffed = Sniffed(prefer, "", False, [])
        self._sha256 = hashlib.sha256()
        self._num_lines = self._num_records = self._num_written = self._longest = 0
        self._open: _Open | None = None

    def feed(self, lines: bytes) -> None:
        """The next lines."""
        if self._head is None:
            self._check(lines)
            return
        self._head.append(lines)
        if sum(map(len, self._head)) >= HEAD_BYTES:
            self._settle(self._head)

    def finish(self) -> Taken:
        """The last line has come."""
        if self._head is not None:
            self._settle(self._head)
        if self._open:
            raise refusal(Unprocessable, self._open.quote_line, "the quote that opens here is never closed")
        num_rows = self._num_records - self._sniffed.has_header
        if num_rows == 0:
            raise whole_refusal("The file has a header but no rows.", self._sniffed.columns)
        dialect = Dialect(**vars(self._sniffed), num_rows=num_rows, longest_record=self._longest)
        self._sha256.update(dialect.model_dump_json(exclude={"longest_record"}).encode())
        return Taken(dialect, self._num_written, self._sha256.hexdigest())

    def _settle(self, head: list[bytes]) -> None:
        """Find out how the file is written, and check what has come so far."""
        lines = b"".join(head)
        self._head = None
        if not lines.strip():
            raise Unprocessable("The file is empty.", errors=[Problem(loc=["file"], msg="empty", received=None)])
        try:
            self._sniffed = sniff(_first_lines(lines).decode(), self._overrides, prefer=self._prefer)
        except Malformed as error:
            raise refusal(Unprocessable, error.line, error.message, error.received) from error
        self._check(lines)

    def _check(self, lines: bytes) -> None:
        text = np.frombuffer(lines, np.uint8)
        block = self._read(text)
        blank = blank_records(text, block)
        if self._open:
            blank[:1] = False
        self._check_fields(text, block)
        self._check_lengths(text, block)
        self._check_records(text, block, blank)
        self._write(text, block, blank)
        self._open = self._left_open(text, block) if block.inside else None
        self._num_lines += _count_lines(text)
        self._num_records += int(np.count_nonzero(~blank))

    def _read(self, text: Bytes) -> Block:
        quote = ord(self._sniffed.quote) if self._sniffed.quote else None
        try:
            return read_block(text, ord(self._sniffed.delimiter), quote, inside=self._open is not None)
        except Malformed as error:
            hint = 'If quotes are ordinary characters in this file, say so: {"quote": ""}.' if quote else None
            raise refusal(
                Unprocessable, self._num_lines + error.line, error.message, error.received, hint=hint
            ) from error

    def _check_fields(self, text: Bytes, block: Block) -> None:
        """No field is too long, nor is the one that goes on in the next block."""
        begun = self._open.field_bytes if self._open else 0
        lengths = np.diff(block.ends, prepend=-1, append=len(text)) - 1
        lengths[0] += begun
        too_long = np.flatnonzero(lengths > self._limits.field_bytes)
        if not len(too_long):
            return
        first = int(too_long[0])
        line = self._open.quote_line if self._open and not first else self._line(text, _after(block.ends, first - 1))
        hint = "A quote that is never closed has the same effect."
        raise refusal(TooLarge, line, f"a field is longer than {size(self._limits.field_bytes)}", hint=hint)

    def _check_lengths(self, text: Bytes, block: Block) -> None:
        """No record is too long, nor is the one that goes on in the next block."""
        places = block.ends[block.records]
        lengths = np.diff(places, prepend=-1, append=len(text))
        lengths[0] += self._open.record_bytes if self._open else 0
        limit = _RECORD_IN_FIELDS * self._limits.field_bytes
        self._longest = max(self._longest, int(lengths.max()))
        if self._longest > limit:
            raise refusal(
                TooLarge,
                self._record_line(text, block, int(lengths.argmax())),
                f"a record is longer than {size(limit)}",
            )

    def _record_line(self, text: Bytes, block: Block, record: int) -> int:
        """The line on which the `record`-th record of the block begins."""
        if self._open and not record:
            return self._open.record_line
        return self._line(text, _after(block.ends[block.records], record - 1))

    def _check_records(self, text: Bytes, block: Block, blank: NDArray[np.bool_]) -> None:
        expected = len(self._sniffed.columns)
        num_fields = np.diff(block.records, prepend=-1)
        num_fields[:1] += self._open.num_fields if self._open else 0
        odd = np.flatnonzero((num_fields != expected) & ~blank)
        if not len(odd):
            return
        record = int(odd[0])
        start = _after(block.ends[block.records], record - 1)
        shown = text[start : block.ends[block.records[record]]][:200].tobytes().decode(errors="replace")
        message = f"{expected} fields expected, as in the first record, but {num_fields[record]} found"
        raise refusal(Unprocessable, self._record_line(text, block, record), message, shown)

    def _write(self, text: Bytes, block: Block, blank: NDArray[np.bool_]) -> None:
        drop = np.concatenate([block.returns, block.ends[block.records[blank]]])
        data = np.delete(text, drop).tobytes() if len(drop) else text.tobytes()
        self._sha256.update(data)
        self._num_written += len(data)
        self._sink.write(data)

    def _left_open(self, text: Bytes, block: Block) -> _Open:
        """What the block leaves open: in its last record, or in one that has come from before and goes on."""
        before = self._open if self._open and not len(block.records) else None
        record_start = _after(block.ends[block.records], len(block.records) - 1)
        field_start = _after(block.ends, len(block.ends) - 1)
        num_ends = len(block.ends) - _after(block.records, len(block.records) - 1)
        goes_on = self._open if self._open and not len(block.ends) else None
        return _Open(
            record_line=before.record_line if before else self._line(text, record_start),
            quote_line=self._line(text, block.opened) if block.opened >= 0 or not self._open else self._open.quote_line,
            num_fields=num_ends + (before.num_fields if before else 0),
            record_bytes=len(text) - record_start + (before.record_bytes if before else 0),
            field_bytes=len(text) - field_start + (goes_on.field_bytes if goes_on else 0),
        )

    def _line(self, text: Bytes, place: int) -> int:
        """The line in the file of a place in this block."""
        return self._num_lines + 1 + _count_lines(text[:place])


def _first_lines(lines: bytes) -> bytes:
    """Whole lines, as many as the head may hold, but at least one."""
    end = lines.rfind(b"\n", 0, HEAD_BYTES)
    return lines[: (end if end >= 0 else lines.find(b"\n")) + 1]


def _after(places: NDArray[np.int64], i: int) -> int:
    """The place after the `i`-th of `places`, the very first place for -1."""
    return int(places[i]) + 1 if i >= 0 else 0


def _count_lines(text: Bytes) -> int:
    return int(np.count_nonzero(text == NEWLINE))
