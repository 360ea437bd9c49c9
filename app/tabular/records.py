"""The records of a file on its way in: all have as many fields as the first, no quote stays open, no field is endless.

Receives whole lines of text, and writes them on in one form when they are checked: line ends become line feeds, quotes
are doubled, blank lines and comments go. A record that does not fit is set aside, or refused where none may be.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.dialect import Dialect
from app.errors import TooLarge, Unprocessable
from app.tabular.behind import Behind
from app.tabular.declared import Declared
from app.tabular.escapes import Escapes
from app.tabular.gaps import Gaps
from app.tabular.refusals import Limits, refusal, size, whole_refusal
from app.tabular.set_aside import MAX_CHARACTERS, Misfit, SetAside
from app.tabular.sniffing import AS_FOUND, Overrides, Sniffed, sniff
from app.tabular.structure import (
    AFTER_QUOTE,
    Block,
    Bytes,
    Malformed,
    Marks,
    blank_records,
    not_records,
    read_block,
    record_places,
)

HEAD_BYTES = 128 << 10  # what the delimiter, the quoting and the header are judged by
_NAMED_COLUMNS = 50
HEADER_AGAIN = "the header comes again"
_RECORD_IN_FIELDS = 16  # how many of the largest fields a record may hold
_BYTES_OF_A_CHARACTER = 4


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
    num_set_aside: int = 0
    quote: str = '"'  # of the file, as `escape` and `comment`; in what was kept, quotes are doubled
    escape: str = ""
    comment: str = ""

    def as_source(self) -> dict[str, Any]:
        """How the file was read, as a dataset's `source` tells it."""
        always = {
            "size_bytes": self.size_bytes,
            "delimiter": self.dialect.delimiter,
            "quote": self.quote,
            "has_header": self.dialect.has_header,
            "encoding": self.encoding,
            "decimal": self.dialect.decimal,
        }
        sometimes = {
            "escape": self.escape,
            "thousands": self.dialect.thousands,
            "comment": self.comment,
            "types": self.dialect.types,
            "notes": list(self.notes),
        }
        return always | {name: value for name, value in sometimes.items() if value}


@dataclass(frozen=True)
class _Odd:
    """Records of a block that do not fit: which, and why."""

    places: NDArray[np.int64]
    reasons: dict[int, str]  # of those that do not only differ in their number of fields
    num_fields: NDArray[np.int64]
    expected: int

    def reason(self, record: int) -> str:
        wanted = f"{self.expected} fields expected, as in the first record, but {self.num_fields[record]} found"
        return self.reasons.get(record, wanted)


class Records:
    """Checks blocks of whole lines in turn. Every method raises AppError with the line that does not fit.

    Without `set_aside`, a record that does not fit is refused. With `behind`, its thread hashes and writes what fits
    while the next block is checked; all is written once `finish` returns.
    """

    def __init__(
        self,
        sink: Sink,
        limits: Limits,
        overrides: Overrides = AS_FOUND,
        *,
        prefer: str = ",",
        set_aside: SetAside | None = None,
        behind: Behind | None = None,
    ) -> None:
        self._sink, self._limits, self._overrides, self._prefer = sink, limits, overrides, prefer
        self._set_aside, self._behind = set_aside, behind
        self._sniffed: Sniffed | None = None
        self._marks = Marks.of(prefer, "")
        self._escapes = Escapes("", prefer, "")
        self._pending: list[bytes] = []  # not yet read, or the beginning of a record that goes on
        self._num_pending, self._enough = 0, HEAD_BYTES
        self._header = b""
        self._declared = Declared({}, [], ".", "")
        self._gaps = Gaps()
        self._sha256 = hashlib.sha256()
        self._num_lines = self._num_records = self._num_written = self._longest = 0

    def feed(self, lines: bytes) -> None:
        """The next lines."""
        self._pending.append(lines)
        self._num_pending += len(lines)
        if self._num_pending >= self._enough:
            self._read()

    def finish(self, *, is_whole: bool = True) -> Taken:
        """The last line has come. Where it is only a part of the file, a record that goes on is left out."""
        if self._num_pending or self._sniffed is None:
            self._read(is_last=is_whole)
        sniffed = self._sniffed
        assert sniffed is not None
        num_rows = self._num_records - sniffed.has_header
        if num_rows == 0:
            raise whole_refusal("The file has a header but no rows.", sniffed.columns)
        dialect = Dialect(
            delimiter=sniffed.delimiter,
            quote=self._escapes.quote,
            has_header=sniffed.has_header,
            columns=sniffed.columns,
            num_rows=num_rows,
            longest_record=self._longest,
            decimal=sniffed.decimal,
            thousands=self._overrides.thousands,
            types=self._overrides.types,
        )
        if self._behind:
            self._behind.wait()
        # What has been added to a dialect over time is left out as long as it says nothing: a hash stays what it was.
        said = dialect.model_dump_json(exclude={"longest_record"}, exclude_defaults=True)
        self._sha256.update(said.encode())
        return Taken(
            dialect,
            self._num_written,
            self._sha256.hexdigest(),
            notes=(*sniffed.notes, *self._gaps.notes(len(sniffed.columns))),
            num_set_aside=self._set_aside.num if self._set_aside else 0,
            quote=sniffed.quote,
            escape=sniffed.escape,
            comment=self._overrides.comment,
        )

    def _settle(self, lines: bytes) -> Sniffed:
        """Find out how the file is written."""
        if not lines.strip():
            raise whole_refusal("The file is empty.")
        try:
            found = sniff(_first_lines(lines).decode(), self._overrides, prefer=self._prefer)
        except Malformed as error:
            raise refusal(Unprocessable, error.line, error.message, error.received) from error
        self._marks = Marks.of(found.delimiter, found.quote, self._overrides.comment)
        self._escapes = Escapes(found.escape, found.delimiter, found.quote)
        types = self._overrides.types
        unknown = [name for name in types if name not in found.columns]
        if unknown:
            message = f"The file has no column {unknown[0]!r}, of which a type is said."
            raise whole_refusal(message, found.columns[:_NAMED_COLUMNS])
        self._declared = Declared(types, found.columns, found.decimal, self._overrides.thousands)
        return found

    def _read(self, *, is_last: bool = False) -> None:
        """Check all whole records of what has come. What goes on waits until as much again has come, so that a record
        of many blocks is not gone through at each of them."""
        lines = b"".join(self._pending)
        if self._sniffed is None:
            self._sniffed = self._settle(lines)
        lines = self._escapes.hide(lines)
        if is_last and not lines.endswith(b"\n"):
            lines += b"\n"
        num_read = self._check(np.frombuffer(lines, np.uint8), is_last) if lines.endswith(b"\n") else 0
        rest = lines[num_read:]
        self._pending, self._num_pending, self._enough = [rest] if rest else [], len(rest), max(1, 2 * len(rest))

    def _check(self, text: Bytes, is_last: bool) -> int:
        """Check a block, and write what fits. Returns the length of its whole records."""
        block = read_block(text, self._marks)
        self._check_lengths(text, block)
        if is_last and block.opened >= 0:
            message = "the quote that opens here is never closed"
            raise refusal(Unprocessable, self._line(text, block.opened), message, hint=self._quote_hint())
        if not len(block.records):
            return 0
        is_record = ~not_records(text, block, self._marks)
        is_first = not self._num_records
        self._gaps.see(blank_records(text, block), is_record)
        if is_first:
            self._find_header(text, block, is_record)
        odd = self._odd(text, block, is_record)
        if len(odd.places):
            self._put_aside(text, block, odd, int(np.count_nonzero(is_record)) if is_first else None)
            is_record[odd.places] = False
        self._write(self._escapes.kept_form(self._whole(text, block), block, is_record, self._marks))
        self._num_records += int(np.count_nonzero(is_record))
        num_read = len(self._whole(text, block))
        self._num_lines += self._escapes.count_line_ends(text[:num_read])
        return num_read

    def _whole(self, text: Bytes, block: Block) -> Bytes:
        return text[: int(block.ends[block.records[-1]]) + 1]

    def _check_fields(self, text: Bytes, block: Block) -> None:
        """No field is too long, nor is the one that goes on in the next block."""
        lengths = np.diff(block.ends, prepend=-1, append=len(text)) - 1
        too_long = np.flatnonzero(lengths > self._limits.field_bytes)
        if not len(too_long):
            return
        line = self._line(text, _after(block.ends, int(too_long[0]) - 1))
        hint = "A quote that is never closed has the same effect."
        raise refusal(TooLarge, line, f"a field is longer than {size(self._limits.field_bytes)}", hint=hint)

    def _check_lengths(self, text: Bytes, block: Block) -> None:
        """No field and no record is too long, nor is the one that goes on in the next block."""
        places = block.ends[block.records]
        lengths = np.diff(places, prepend=-1, append=len(text))
        limit = _RECORD_IN_FIELDS * self._limits.field_bytes
        longest = int(lengths.max())
        if longest > self._limits.field_bytes:  # else no field in it is
            self._check_fields(text, block)
        self._longest = max(self._longest, longest)
        if self._longest > limit:
            line = self._line(text, _after(places, int(lengths.argmax()) - 1))
            raise refusal(TooLarge, line, f"a record is longer than {size(limit)}")

    def _find_header(self, text: Bytes, block: Block, is_record: NDArray[np.bool_]) -> None:
        """The first record, which must be sound: the others are held against it."""
        assert self._sniffed is not None
        if not is_record.any():
            return
        first = int(np.argmax(is_record))
        starts, stops = record_places(block)
        for place, message in block.faults.items():
            if starts[first] <= place <= stops[first]:
                raise self._refusal(text, block, first, message)
        if self._sniffed.has_header:
            self._header = text[starts[first] : stops[first]].tobytes()

    def _odd(self, text: Bytes, block: Block, is_record: NDArray[np.bool_]) -> _Odd:
        """The records that do not fit."""
        assert self._sniffed is not None
        expected = len(self._sniffed.columns)
        num_fields = np.diff(block.records, prepend=-1)
        is_odd = (num_fields != expected) & is_record
        reasons: dict[int, str] = {}
        for record in self._headers_again(text, block):
            reasons[record] = HEADER_AGAIN
        if block.faults:
            records = np.searchsorted(block.ends[block.records], list(block.faults)).tolist()
            for record, message in zip(records, block.faults.values(), strict=True):
                if record < len(is_record) and is_record[record]:
                    reasons.setdefault(record, message)
        if self._declared.places:
            self._see_types(text, block, is_record & ~is_odd, reasons)
        is_odd[list(reasons)] = True
        return _Odd(np.flatnonzero(is_odd), reasons, num_fields, expected)

    def _see_types(self, text: Bytes, block: Block, is_whole: NDArray[np.bool_], reasons: dict[int, str]) -> None:
        """Add the reasons why cells are not what their columns are said to hold, of records with all their fields."""
        assert self._sniffed is not None
        records, raw = np.flatnonzero(is_whole), text.tobytes()
        if self._sniffed.has_header and not self._num_records:
            records = records[1:]
        starts = np.append(0, block.ends + 1)
        for place in self._declared.places:
            fields = block.records[records] - len(self._sniffed.columns) + 1 + place
            for record, start, stop in zip(
                records.tolist(), starts[fields].tolist(), block.ends[fields].tolist(), strict=True
            ):
                reason = self._declared.misfit(place, self._cell(raw[start:stop]))
                if reason:
                    reasons.setdefault(record, reason)

    def _cell(self, field: bytes) -> str:
        """What a field of the file holds."""
        cell, quote = self._escapes.show(field).decode(errors="replace").removesuffix("\r"), self._escapes.quote
        bare = cell.strip(" ")
        if quote and self._marks.quote is not None and len(bare) > 1 and bare[0] == bare[-1] == quote:
            return bare[1:-1].replace(2 * quote, quote)
        return cell

    def _headers_again(self, text: Bytes, block: Block) -> list[int]:
        """The records that are the header, to the letter, but for the header itself."""
        if not self._header:
            return []
        starts, stops = record_places(block)
        same = np.flatnonzero(stops - starts == len(self._header))
        for i, byte in enumerate(self._header):
            if not len(same):
                break
            same = same[text[starts[same] + i] == byte]
        found: list[int] = same.tolist()
        return found if self._num_records else found[1:]

    def _put_aside(self, text: Bytes, block: Block, odd: _Odd, num_first: int | None) -> None:
        """Keep what does not fit. Refuse it where nothing is set aside, or where it is most of the first rows:
        the delimiter or the quoting is wrong then."""
        assert self._sniffed is not None
        is_most = num_first is not None and 2 * len(odd.places) > num_first - self._sniffed.has_header
        if self._set_aside is None or is_most:
            first = int(odd.places[0])
            raise self._refusal(text, block, first, odd.reason(first))
        room = self._set_aside.room
        starts, stops = record_places(block)
        lines = np.searchsorted(self._escapes.line_ends(text), starts)
        kept = [
            Misfit(
                self._num_lines + 1 + int(lines[record]),
                odd.reason(record),
                self._shown(text, starts[record], stops[record]),
            )
            for record in odd.places[:room].tolist()
        ]
        self._set_aside.add(kept, len(odd.places) - len(kept))

    def _shown(self, text: Bytes, start: int, stop: int, num_characters: int = MAX_CHARACTERS) -> str:
        raw = text[start : min(stop, start + _BYTES_OF_A_CHARACTER * num_characters)].tobytes()
        return self._escapes.show(raw).decode(errors="replace")[:num_characters].removesuffix("\r")

    def _refusal(self, text: Bytes, block: Block, record: int, message: str) -> Exception:
        starts, stops = record_places(block)
        shown = self._shown(text, starts[record], stops[record], 200)
        place = next((one for one in block.faults if starts[record] <= one <= stops[record]), starts[record])
        hint = self._quote_hint() if message == AFTER_QUOTE else None
        return refusal(Unprocessable, self._line(text, int(place)), message, shown, hint=hint)

    def _quote_hint(self) -> str | None:
        is_said = self._marks.quote is None
        return None if is_said else 'If quotes are ordinary characters in this file, say so: {"quote": ""}.'

    def _write(self, data: bytes) -> None:
        self._num_written += len(data)
        if self._behind:
            self._behind.do(self._keep, data)
        else:
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        self._sha256.update(data)
        self._sink.write(data)

    def _line(self, text: Bytes, place: int) -> int:
        """The line in the file of a place in this block."""
        return self._num_lines + 1 + self._escapes.count_line_ends(text[:place])


def _first_lines(lines: bytes) -> bytes:
    """Whole lines, as many as the head may hold, but at least one."""
    end = lines.rfind(b"\n", 0, HEAD_BYTES)
    return lines[: (end if end >= 0 else lines.find(b"\n")) + 1]


def _after(places: NDArray[np.int64], i: int) -> int:
    """The place after the `i`-th of `places`, the very first place for -1."""
    return int(places[i]) + 1 if i >= 0 else 0
