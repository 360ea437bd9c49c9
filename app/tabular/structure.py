"""The structure of delimited text: where records and fields end, and the places that do not fit.

Follows RFC 4180, with what real files add to it: a quote inside an unquoted field is an ordinary character, and
spaces may surround a quoted field. Works on blocks of whole lines, so memory is bounded whatever the file's size.
A record that breaks the rules ends with the line on which it does, so what follows it is read as if it were sound.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Positions = NDArray[np.int64]

NEWLINE, RETURN, SPACE = b"\n"[0], b"\r"[0], b" "[0]
AFTER_QUOTE = "text follows a closing quote"
STRAY_RETURN = "a carriage return stands in the middle of a line"


class Malformed(ValueError):
    """The text breaks its own rules; `line` counts from 1."""

    def __init__(self, line: int, message: str, received: str | None = None) -> None:
        super().__init__(message)
        self.line, self.message, self.received = line, message, received


@dataclass(frozen=True)
class Marks:
    """The bytes that have a meaning beside line ends; None: no byte has it."""

    delimiter: int
    quote: int | None
    comment: int | None = None  # begins a line that is no record

    @classmethod
    def of(cls, delimiter: str, quote: str, comment: str = "") -> "Marks":
        """The same of characters, empty where there is none."""
        return cls(ord(delimiter), ord(quote) if quote else None, ord(comment) if comment else None)


@dataclass(frozen=True)
class Block:
    """What a block of lines holds."""

    ends: Positions  # of fields: a delimiter or a line end that no quote hides
    records: Positions  # which of `ends` close a record
    returns: Positions  # the carriage returns of line ends
    faults: dict[int, str]  # what does not fit, by its place
    num_toggles: int  # quotes that open or close a field
    opened: int  # the position of a quote that no other closes, -1 if there is none


def read_block(text: Bytes, marks: Marks) -> Block:
    """The structure of whole lines, the first of which begins a record."""
    assert text[-1] == NEWLINE
    toggles, faults = _toggles(text, marks)
    is_line_end, is_return = text == NEWLINE, text == RETURN
    is_end = (text == marks.delimiter) | is_line_end
    if len(toggles):
        is_open = _open(toggles, len(text))
        is_end &= is_open
        is_return &= is_open
    ends, returns = np.flatnonzero(is_end), np.flatnonzero(is_return)
    records = np.flatnonzero(is_line_end[ends])
    strays = text[returns + 1] != NEWLINE
    faults |= dict.fromkeys(returns[strays].tolist(), STRAY_RETURN)
    opened = _last_opening(toggles) if len(toggles) % 2 else -1
    return Block(ends, records, returns[~strays], faults, len(toggles), opened)


def record_places(block: Block) -> tuple[Positions, Positions]:
    """Where each whole record begins, and where it ends: at its line end."""
    stops = block.ends[block.records]
    return np.append(0, stops + 1)[:-1], stops


def not_records(text: Bytes, block: Block, marks: Marks) -> NDArray[np.bool_]:
    """Which records are none: they have not a single byte, or are comments."""
    none = blank_records(text, block)
    starts, _ = record_places(block)
    return none if marks.comment is None else none | (text[starts] == marks.comment)


def blank_records(text: Bytes, block: Block) -> NDArray[np.bool_]:
    """Which records are none, for they have not a single byte."""
    starts, stops = record_places(block)
    lengths = stops - starts
    blank: NDArray[np.bool_] = (lengths == 0) | ((lengths == 1) & (text[starts] == RETURN))
    return blank


def _open(toggles: Positions, num_bytes: int) -> NDArray[np.bool_]:
    """Which bytes do not lie between an opening quote and its closing one."""
    toggling = np.zeros(num_bytes, np.uint8)
    toggling[toggles] = 1
    is_open: NDArray[np.bool_] = np.cumsum(toggling, dtype=np.uint8) & 1 == 0  # 256 is even: the sum may overflow
    return is_open


def _last_opening(toggles: Positions) -> int:
    follows = np.append(False, np.diff(toggles) == 1)[: len(toggles)]
    opens = np.arange(len(toggles)) % 2 == 0
    return int(toggles[opens & ~follows][-1])


def _toggles(text: Bytes, marks: Marks) -> tuple[Positions, dict[int, str]]:
    """The quotes that open or close a field, in order; a doubled quote counts as closing and opening. And the places
    of those after which there is more."""
    quotes = np.flatnonzero(text == marks.quote) if marks.quote is not None else np.empty(0, np.int64)
    if not len(quotes):
        return quotes, {}
    comments = _line_starts(text, marks.comment)
    if not len(comments) and _regular(text, quotes, marks.delimiter):
        return quotes, {}
    return _one_by_one(text, np.union1d(quotes, comments).tolist(), marks)


def _line_starts(text: Bytes, mark: int | None) -> Positions:
    if mark is None:
        return np.empty(0, np.int64)
    places: Positions = np.flatnonzero(text == mark)
    begins: NDArray[np.bool_] = text[places - 1] == NEWLINE  # text[-1] is a line end, as if before the first byte
    return places[begins]


def _regular(text: Bytes, quotes: Positions, delimiter: int) -> bool:
    """Whether every quote stands where a field begins or ends, or beside another: then all of them toggle."""
    opens = np.arange(len(quotes)) % 2 == 0
    before, after = text[quotes - 1], text[quotes + 1]
    adjacent = np.diff(quotes) == 1
    follows, precedes = np.append(False, adjacent), np.append(adjacent, False)
    starts = (before == delimiter) | (before == NEWLINE) | follows
    stops = (after == delimiter) | (after == NEWLINE) | (after == RETURN) | precedes
    return bool(np.where(opens, starts, stops).all())


def _one_by_one(text: Bytes, places: list[int], marks: Marks) -> tuple[Positions, dict[int, str]]:
    """The same where some quotes are ordinary characters; `places` are quotes and beginnings of comments."""
    raw, limits = text.tobytes(), (marks.delimiter, NEWLINE)
    toggles: list[int] = []
    faults: dict[int, str] = {}
    inside, escaped, skipped_to = False, -1, 0
    for place in places:
        if place < skipped_to:
            continue
        if place == escaped:
            toggles.append(place)
        elif not inside:
            if raw[place] == marks.comment:
                skipped_to = raw.index(NEWLINE, place)
            elif _first_of_field(raw, place, limits):
                toggles.append(place)
                inside = True
        elif raw[place] != marks.quote:
            continue
        elif raw[place + 1] == marks.quote:
            toggles.append(place)
            escaped = place + 1
        else:
            toggles.append(place)
            inside = False
            if not _ends_field(raw, place, limits):
                faults[place] = AFTER_QUOTE
                skipped_to = raw.index(NEWLINE, place)
    return np.array(toggles, np.int64), faults


def _first_of_field(raw: bytes, place: int, limits: tuple[int, int]) -> bool:
    before = place - 1
    while before >= 0 and raw[before] == SPACE:
        before -= 1
    return before < 0 or raw[before] in limits


def _ends_field(raw: bytes, place: int, limits: tuple[int, int]) -> bool:
    after = place + 1
    while raw[after] in (SPACE, RETURN):
        after += 1
    return raw[after] in limits
