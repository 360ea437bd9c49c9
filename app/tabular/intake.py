"""Taking a file in: bytes of unknown make arrive piece by piece, and a table leaves that nothing is wrong with.

Unpacks gzip, makes UTF-8 of whatever encoding, and checks every record; what does not fit is told with its place. What
is written has one form: UTF-8 without a byte-order mark, lines ended by a line feed, no blank ones. Memory is bounded
by the longest line allowed, whatever the file holds.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from app.errors import TooLarge, Unsupported
from app.tabular import encoding, packing
from app.tabular.behind import Behind
from app.tabular.encoding import Transcoder, Undecodable
from app.tabular.packing import Gunzip
from app.tabular.records import Records, Sink, Taken
from app.tabular.refusals import Limits, refusal, size
from app.tabular.set_aside import SetAside
from app.tabular.sniffing import AS_FOUND, DELIMITERS, Overrides
from app.tabular.structure import NEWLINE

_PIECE_BYTES = 1 << 20
_LINE_IN_FIELDS = 4  # how many of the largest fields a line may hold

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
_AS_TEXT = "Save it as CSV, UTF-8 (in Excel: “CSV UTF-8”), and send that."
_FELL_BACK = "The text is not UTF-8. It was read as Windows-1252; if letters look wrong, say its encoding."


class Intake:
    """One file on its way in. Feed it in pieces of any size, then finish; both raise AppError with the place."""

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
        """`prefer` is the delimiter where several would do; without `set_aside`, no record may be odd; the thread
        `behind` hashes and writes."""
        self._limits, self._overrides = limits, overrides
        records = Records(sink, limits, overrides, prefer=prefer, set_aside=set_aside, behind=behind)
        self._lines = _Lines(records, limits, overrides.delimiter or DELIMITERS)
        self._gunzip: Gunzip | None = None
        self._transcoder: Transcoder | None = None
        self._first = b""  # too little to tell whether it is packed
        self._head = b""  # too little to tell the encoding
        self._num_received = 0
        self._begun = False

    def feed(self, data: bytes) -> None:
        """The next piece of the file as it was sent."""
        self._num_received += len(data)
        if self._num_received > self._limits.file_bytes:
            raise TooLarge(f"The file is larger than {size(self._limits.file_bytes)}.")
        self._first += data
        if self._begun or len(self._first) >= len(packing.MAGIC):
            self._unpack()

    def finish(self, *, is_whole: bool = True) -> Taken:
        """The file has ended, or, where it is not whole, the part of it that is to be judged."""
        self._unpack()
        if self._gunzip is not None and is_whole:
            self._gunzip.finish()
        self._take(b"", final=is_whole, is_last=True)
        taken = self._lines.finish(is_whole=is_whole)
        assert self._transcoder is not None
        notes = (_FELL_BACK,) if self._transcoder.fell_back else ()
        return replace(taken, encoding=self._transcoder.encoding, notes=(*notes, *taken.notes))

    def _unpack(self) -> None:
        if not self._begun:
            self._begun = True
            self._gunzip = Gunzip(self._limits) if self._first.startswith(packing.MAGIC) else None
        data, self._first = self._first, b""
        for piece in _pieces(data) if self._gunzip is None else self._gunzip.unpack(data):
            self._take(piece)

    def _take(self, piece: bytes, *, final: bool = False, is_last: bool = False) -> None:
        """The next piece of the file as it was packed."""
        if self._transcoder is None:
            piece = self._head = self._head + piece
            if len(piece) < encoding.HEAD_BYTES and not is_last:
                return
            _refuse_other_kinds(piece)
            self._transcoder = Transcoder(piece, self._overrides.encoding, self._overrides.fallback)
            self._head = b""
        try:
            text = self._transcoder.feed(piece, final=final)
        except Undecodable as error:
            hint = 'If the text is in another encoding, say so, for example {"encoding": "cp1252"}.'
            message = f"byte {error.place + 1:,}: {error}"
            raise refusal(Unsupported, self._lines.line_after(error.before), message, hint=hint) from error
        if text:
            self._lines.feed(text)


def _refuse_other_kinds(head: bytes) -> None:
    for magic, kind in _KINDS.items():
        if head.startswith(magic):
            raise Unsupported(f"This is no table in text form but {kind}.", hint=_AS_TEXT)


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _PIECE_BYTES):
        yield data[start : start + _PIECE_BYTES]


def _count_lines(text: bytes) -> int:
    """How many line ends there are. Where they come often, bytes.count takes ten times as long."""
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == NEWLINE))


class _Lines:
    """Cuts text in UTF-8 into blocks of whole lines, and sees to it that it is text."""

    def __init__(self, records: Records, limits: Limits, delimiters: str) -> None:
        self._records, self._limits, self._delimiters = records, limits, delimiters
        self._rest: list[bytes] = []  # what has come of the last line
        self._num_lines = self._num_bytes = 0  # passed on
        self._begun = False
        self._returns_end_lines = False

    def feed(self, piece: bytes) -> None:
        if not self._begun:
            self._begun = True
            # The line ends of the first Macintoshes.
            self._returns_end_lines = b"\r" in piece[:-1] and b"\n" not in piece
        if self._returns_end_lines:
            piece = piece.replace(b"\r", b"\n")
        end = piece.rfind(b"\n") + 1
        if end:
            self._pass_on(piece[:end])
        if end < len(piece):
            self._rest.append(piece[end:])
            self._check_length()

    def finish(self, *, is_whole: bool) -> Taken:
        if self._rest and is_whole:
            self._pass_on(b"\n")
        return self._records.finish(is_whole=is_whole)

    def line_after(self, text: bytes) -> int:
        """The line on which the text goes on after `text`, which was not fed."""
        return self._num_lines + 1 + text.count(b"\r" if self._returns_end_lines else b"\n")

    def _pass_on(self, piece: bytes) -> None:
        lines = b"".join([*self._rest, piece])
        self._rest = []
        if (place := lines.find(b"\0")) >= 0:
            line = self._num_lines + 1 + _count_lines(lines[:place])
            message = f"byte {self._num_bytes + place + 1:,}: a NUL byte, so this is not text"
            raise refusal(Unsupported, line, message, hint=_AS_TEXT)
        self._records.feed(lines)
        self._num_lines += _count_lines(lines)
        self._num_bytes += len(lines)

    def _check_length(self) -> None:
        """Stop within an endless line, and sooner within an endless field."""
        length = sum(map(len, self._rest))
        if length <= self._limits.field_bytes:
            return
        self._rest = [b"".join(self._rest)]
        last = max(self._rest[0].rfind(mark.encode()) for mark in self._delimiters)
        line_bytes = _LINE_IN_FIELDS * self._limits.field_bytes
        if length - last - 1 > self._limits.field_bytes:
            raise self._too_long("field", self._limits.field_bytes)
        if length > line_bytes:
            raise self._too_long("line", line_bytes)

    def _too_long(self, what: str, limit: int) -> Exception:
        return refusal(TooLarge, self._num_lines + 1, f"a {what} is longer than {size(limit)}")
