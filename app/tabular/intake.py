"""Taking a file in: bytes of unknown make arrive piece by piece, and a table leaves that nothing is wrong with.

Unpacks gzip, checks the encoding and every record, and stops at the first byte that does not fit, with its place.
What is written has one form: UTF-8 without a byte-order mark, lines ended by a line feed, no blank ones. Memory is
bounded by the longest line allowed, whatever the file holds.
"""

import zlib
from collections.abc import Iterator

from app.errors import TooLarge, Unprocessable, Unsupported
from app.specs.base import Problem
from app.tabular.records import Limits, Records, Sink, Taken, refusal, size
from app.tabular.sniffing import AS_FOUND, DELIMITERS, Overrides

_PIECE_BYTES = 1 << 20
_MAGIC_BYTES = 16
_LINE_IN_FIELDS = 4  # how many of the largest fields a line may hold
_MAX_RATIO, _RATIO_FROM_BYTES = 250, 16 << 20  # text packs 3 to 30 times; a bomb a thousand times

_KINDS = {
    b"PK\x03\x04": "a ZIP archive or an Office document",
    b"PAR1": "a Parquet file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"ARROW1": "an Arrow file",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"\x7fELF": "a program",
}
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}
_AS_TEXT = "Save it as CSV, UTF-8 (in Excel: “CSV UTF-8”), and send that."


class Intake:
    """One file on its way in. Feed it in pieces of any size, then finish; both raise AppError with the place."""

    def __init__(self, sink: Sink, limits: Limits, overrides: Overrides = AS_FOUND, *, prefer: str = ",") -> None:
        self._limits = limits
        self._lines = _Lines(Records(sink, limits, overrides, prefer=prefer), limits)
        self._gunzip: _Gunzip | None = None
        self._first = b""
        self._num_received = 0

    def feed(self, data: bytes) -> None:
        """The next piece of the file as it was sent."""
        self._num_received += len(data)
        if self._num_received > self._limits.file_bytes:
            raise TooLarge(f"The file is larger than {size(self._limits.file_bytes)}.")
        if len(self._first) < _MAGIC_BYTES:
            self._first += data
            if len(self._first) < _MAGIC_BYTES:
                return
            data = self._begin()
        self._pass_on(data)

    def finish(self) -> Taken:
        """The file has ended."""
        if len(self._first) < _MAGIC_BYTES:
            self._pass_on(self._begin())
        if self._gunzip is not None:
            self._gunzip.finish()
        return self._lines.finish()

    def _begin(self) -> bytes:
        if self._first.startswith(b"\x1f\x8b"):
            self._gunzip = _Gunzip(self._limits)
        return self._first

    def _pass_on(self, data: bytes) -> None:
        pieces = _pieces(data) if self._gunzip is None else self._gunzip.unpack(data)
        for piece in pieces:
            self._lines.feed(piece)


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _PIECE_BYTES):
        yield data[start : start + _PIECE_BYTES]


class _Gunzip:
    """Unpacks gzip, one or several members, a bounded piece at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._member = zlib.decompressobj(wbits=31)
        self._num_in = self._num_out = 0

    def unpack(self, data: bytes) -> Iterator[bytes]:
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
            raise _problem(f"The gzip file is damaged: {error}.") from error
        self._num_out += len(piece)
        if self._num_out > self._limits.file_bytes:
            raise TooLarge(f"The file is larger than {size(self._limits.file_bytes)} when unpacked.")
        if self._num_out > max(_RATIO_FROM_BYTES, _MAX_RATIO * self._num_in):
            raise TooLarge(f"The file unpacks to more than {_MAX_RATIO} times its size: no table does.")
        return piece

    def finish(self) -> None:
        if not self._member.eof:
            raise _problem("The gzip file ends too early: a part of it is missing.")


class _Lines:
    """Cuts text into blocks of whole lines, and sees to it that it is text."""

    def __init__(self, records: Records, limits: Limits) -> None:
        self._records, self._limits = records, limits
        self._rest: list[bytes] = []  # what has come of the last line
        self._num_lines = self._num_bytes = 0  # passed on
        self._begun = False
        self._returns_end_lines = False

    def feed(self, piece: bytes) -> None:
        if not self._begun:
            piece = self._begin(piece)
        if self._returns_end_lines:
            piece = piece.replace(b"\r", b"\n")
        end = piece.rfind(b"\n") + 1
        if end:
            self._pass_on(piece[:end])
        if end < len(piece):
            self._rest.append(piece[end:])
            self._check_length()

    def finish(self) -> Taken:
        if self._rest:
            self._pass_on(b"\n")
        return self._records.finish()

    def _begin(self, piece: bytes) -> bytes:
        self._begun = True
        for mark, encoding in _MARKS.items():
            if piece.startswith(mark):
                raise Unsupported(f"The file is written in {encoding}, not in UTF-8.", hint=_AS_TEXT)
        for magic, kind in _KINDS.items():
            if piece.startswith(magic):
                raise Unsupported(f"This is no table in text form but {kind}.", hint=_AS_TEXT)
        # The line ends of the first Macintoshes.
        self._returns_end_lines = b"\r" in piece[:-1] and b"\n" not in piece
        return piece.removeprefix(b"\xef\xbb\xbf")

    def _pass_on(self, piece: bytes) -> None:
        lines = b"".join([*self._rest, piece])
        self._rest = []
        self._check_text(lines)
        self._records.feed(lines)
        self._num_lines += lines.count(b"\n")
        self._num_bytes += len(lines)

    def _check_text(self, lines: bytes) -> None:
        if (place := lines.find(b"\0")) >= 0:
            raise self._not_text(lines, place, "a NUL byte, so this is not text")
        try:
            lines.decode()
        except UnicodeDecodeError as error:
            raise self._not_text(lines, error.start, f"0x{lines[error.start]:02x} is not UTF-8") from error

    def _not_text(self, lines: bytes, place: int, what: str) -> Exception:
        line = self._num_lines + 1 + lines.count(b"\n", 0, place)
        return refusal(Unsupported, line, f"byte {self._num_bytes + place + 1:,}: {what}", hint=_AS_TEXT)

    def _check_length(self) -> None:
        """Stop within an endless line, and sooner within an endless field."""
        length = sum(map(len, self._rest))
        if length <= self._limits.field_bytes:
            return
        self._rest = [b"".join(self._rest)]
        last = max(self._rest[0].rfind(mark.encode()) for mark in DELIMITERS)
        line_bytes = _LINE_IN_FIELDS * self._limits.field_bytes
        if length - last - 1 > self._limits.field_bytes:
            raise self._too_long("field", self._limits.field_bytes)
        if length > line_bytes:
            raise self._too_long("line", line_bytes)

    def _too_long(self, what: str, limit: int) -> Exception:
        return refusal(TooLarge, self._num_lines + 1, f"a {what} is longer than {size(limit)}")


def _problem(message: str) -> Unprocessable:
    return Unprocessable(message, errors=[Problem(loc=["file"], msg=message, received=None)])
