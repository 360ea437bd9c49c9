"""The encoding of text: what it seems to be by its first bytes, and the text as UTF-8, a piece at a time.

A byte-order mark says it. UTF-16 and UTF-32 without one show by their zero bytes. All else is taken for UTF-8 until a
byte is not: where nothing but ASCII came before, the text is in an 8-bit encoding, and Windows-1252 is the likeliest;
where UTF-8 came before, the text is damaged.
"""

import codecs
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

Encoding = Literal[
    "utf-8",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-32-le",
    "utf-32-be",
    "cp1252",
    "latin-1",
    "iso-8859-15",
    "cp1250",
    "iso-8859-2",
    "cp1251",
    "koi8-r",
    "cp1253",
    "cp1254",
    "mac_roman",
    "shift_jis",
    "euc_jp",
    "gb18030",
    "big5",
    "euc_kr",
]

HEAD_BYTES = 4096  # what a text without a mark is judged by
FALLBACK: Encoding = "cp1252"
_UTF_8: Encoding = "utf-8"
# The longer marks first: that of UTF-32 begins as that of UTF-16 does.
_MARKS: tuple[tuple[bytes, Encoding], ...] = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\xef\xbb\xbf", "utf-8"),
)
_LEAST_ZEROS = 0.1  # of the upper bytes of UTF-16: a table has digits and delimiters, whatever its language
_LEAST_LINE_ENDS = 0.8  # of the bytes 0x0A: of UTF-16, nearly all are the lower half of a line end


class Undecodable(ValueError):
    """A byte that does not belong to the encoding: `place` counts from 0 in the file, `before` is the text up to it."""

    def __init__(self, place: int, byte: int, encoding: str, before: bytes) -> None:
        super().__init__(f"0x{byte:02x} is not {name_of(encoding)}")
        self.place, self.before = place, before


def name_of(encoding: str) -> str:
    """An encoding as people write it."""
    if encoding.startswith("cp125"):
        return f"Windows-{encoding.removeprefix('cp')}"
    return {"latin-1": "ISO-8859-1", "mac_roman": "Mac OS Roman", "shift_jis": "Shift JIS"}.get(
        encoding, encoding.upper()
    )


def guess(head: bytes) -> Encoding:
    """What the text seems to be written in, by its first bytes; UTF-8 where nothing speaks against it."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    return _by_zeros(np.frombuffer(head[: len(head) // 4 * 4], np.uint8).reshape(-1, 4)) or _UTF_8


def _by_zeros(words: Bytes) -> Encoding | None:
    """Judge by words (N, 4) of bytes. UTF-32 has two zeros in each; UTF-16 has them on one side alone."""
    zeros = words == 0
    if not zeros.any():
        return None
    if zeros[:, 2:].all():
        return "utf-32-le"
    if zeros[:, :2].all():
        return "utf-32-be"
    pairs = words.reshape(-1, 2)
    first, second = (pairs == 0).T
    if first.mean() >= _LEAST_ZEROS and not second.any() and _ends_lines(pairs[:, 0], pairs[:, 1]):
        return "utf-16-be"
    if second.mean() >= _LEAST_ZEROS and not first.any() and _ends_lines(pairs[:, 1], pairs[:, 0]):
        return "utf-16-le"
    return None


def _ends_lines(upper: Bytes, lower: Bytes) -> bool:
    line_end = 0x0A
    num_ends = np.count_nonzero((lower == line_end) & (upper == 0))
    num_bytes = np.count_nonzero(lower == line_end) + np.count_nonzero(upper == line_end)
    return bool(num_ends >= _LEAST_LINE_ENDS * num_bytes) if num_bytes else bool((upper == 0).mean() > 0.5)


class Transcoder:
    """Text in `encoding`, or in what its first bytes say, as UTF-8 without a mark. Raises Undecodable."""

    def __init__(self, head: bytes, encoding: Encoding | None = None, fallback: Encoding = FALLBACK) -> None:
        """`fallback` is what text without a mark is in that turns out not to be UTF-8."""
        self._fallback = fallback
        self.encoding: Encoding = encoding or guess(head)
        self._may_fall_back = encoding is None and self.encoding == _UTF_8 and not head.startswith(b"\xef\xbb\xbf")
        self._decoder = self._decoder_of(self.encoding)
        self._rest = b""  # the beginning of a character
        self._num_in = 0
        self._begun = False

    @property
    def fell_back(self) -> bool:
        """Whether the text turned out not to be UTF-8."""
        return self._may_fall_back and self.encoding != _UTF_8

    def feed(self, data: bytes, *, final: bool = False) -> bytes:
        """The next piece of the text; with `final`, the last one."""
        self._num_in += len(data)
        text = self._checked(self._rest + data, final) if self.encoding == _UTF_8 else self._decoded(data, final)
        if not self._begun and text:
            self._begun = True
            text = text.removeprefix(codecs.BOM_UTF8)
        return text

    def _decoder_of(self, encoding: Encoding) -> codecs.IncrementalDecoder:
        return codecs.getincrementaldecoder(encoding)("traindeck.c1" if encoding == FALLBACK else "strict")

    def _checked(self, data: bytes, final: bool) -> bytes:
        """The bytes as they are, if they are UTF-8."""
        self._rest = b""
        try:
            data.decode()
        except UnicodeDecodeError as error:
            before = data[: error.start]
            if error.reason == "unexpected end of data" and not final:
                self._rest = data[error.start :]
                return self._seen(before)
            if not self._may_fall_back or not before.isascii():
                raise self._undecodable(error, before) from error
            self.encoding = self._fallback
            self._decoder = self._decoder_of(self._fallback)
            return before + self._decoder.decode(data[error.start :], final).encode()
        return self._seen(data)

    def _seen(self, text: bytes) -> bytes:
        self._may_fall_back = self._may_fall_back and text.isascii()
        return text

    def _decoded(self, data: bytes, final: bool) -> bytes:
        try:
            return self._decoder.decode(data, final).encode()
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(self.encoding, "replace").encode()
            raise self._undecodable(error, before) from error
        except UnicodeError as error:  # UTF-16 or UTF-32 was said, and no mark tells the order of its bytes
            raise Undecodable(self._num_in - len(data), data[0], self.encoding, b"") from error

    def _undecodable(self, error: UnicodeDecodeError, before: bytes) -> Undecodable:
        place = self._num_in - len(error.object) + error.start
        return Undecodable(place, error.object[error.start], self.encoding, before)


def _as_control(error: UnicodeError) -> tuple[str, int]:
    """The five bytes that Windows-1252 leaves open are control characters, as browsers read them."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("traindeck.c1", _as_control)
