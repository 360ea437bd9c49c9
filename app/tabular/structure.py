"""The structure of delimited text: where records and fields end, and the lines where they do not.

Follows RFC 4180, with what real files add to it: a quote inside an unquoted field is an ordinary character, and
spaces may surround a quoted field. Works on blocks of whole lines, so memory is bounded whatever the file's size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Positions = NDArray[np.int64]

NEWLINE, RETURN, SPACE = b"\n"[0], b"\r"[0], b" "[0]


class Malformed(ValueError):
    """The text breaks its own rules; `line` counts from 1."""

    def __init__(self, line: int, message: str, received: str | None = None) -> None:
        super().__init__(message)
        self.line, self.message, self.received = line, message, received


@dataclass(frozen=True)
class Block:
    """What a block of lines holds."""

    ends: Positions  # of fields: a delimiter or a line end that no quote hides
    records: Positions  # which of `ends` close a record
    returns: Positions  # the carriage returns of line ends
    inside: bool  # whether the block ends within a quoted field
    opened: int  # the position of the last quote that begins a field, -1 if none does


def read_block(text: Bytes, delimiter: int, quote: int | None, inside: bool) -> Block:
    """The structure of whole lines, the first of which may begin `inside` a quoted field. Raises Malformed."""
    assert text[-1] == NEWLINE
    found = np.flatnonzero((text == delimiter) | (text == NEWLINE))
    toggles = _toggles(text, delimiter, quote, inside)
    ends: Positions = found[~_within(toggles, found, inside)]
    records = np.flatnonzero(text[ends] == NEWLINE)
    returns = np.flatnonzero(text == RETURN)
    returns = returns[~_within(toggles, returns, inside)]
    stray = returns[text[returns + 1] != NEWLINE]
    if len(stray):
        raise Malformed(_line(text, stray[0]), "a carriage return stands in the middle of a line")
    ends_inside = bool((len(toggles) + inside) % 2)
    return Block(ends, records, returns, ends_inside, _last_opening(toggles, inside))


def _within(toggles: Positions, places: Positions, inside: bool) -> NDArray[np.bool_]:
    """Which places lie between an opening quote and its closing one."""
    if not len(toggles):
        return np.full(len(places), inside)
    within: NDArray[np.bool_] = (np.searchsorted(toggles, places) + inside) % 2 == 1
    return within


def _last_opening(toggles: Positions, inside: bool) -> int:
    follows = np.append(False, np.diff(toggles) == 1)[: len(toggles)]
    opens = np.arange(len(toggles)) % 2 == int(inside)
    beginnings = toggles[opens & ~follows]
    return int(beginnings[-1]) if len(beginnings) else -1


def blank_records(text: Bytes, block: Block) -> NDArray[np.bool_]:
    """Which records have not a single byte."""
    starts = np.append(0, block.ends[block.records] + 1)[:-1]
    lengths = block.ends[block.records] - starts
    blank: NDArray[np.bool_] = (lengths == 0) | ((lengths == 1) & (text[starts] == RETURN))
    return blank


def _toggles(text: Bytes, delimiter: int, quote: int | None, inside: bool) -> Positions:
    """The quotes that open or close a field, in order; a doubled quote counts as closing and opening."""
    quotes = np.flatnonzero(text == quote) if quote is not None else np.empty(0, np.int64)
    if not len(quotes) or _regular(text, quotes, delimiter, inside):
        return quotes
    return _toggles_one_by_one(text, quotes, delimiter, inside)


def _regular(text: Bytes, quotes: Positions, delimiter: int, inside: bool) -> bool:
    """Whether every quote stands where a field begins or ends, or beside another: then all of them toggle."""
    opens = np.arange(len(quotes)) % 2 == int(inside)
    before, after = text[quotes - 1], text[quotes + 1]  # text[-1] is a line end, as if before the first byte
    adjacent = np.diff(quotes) == 1
    follows, precedes = np.append(False, adjacent), np.append(adjacent, False)
    starts = (before == delimiter) | (before == NEWLINE) | follows
    stops = (after == delimiter) | (after == NEWLINE) | (after == RETURN) | precedes
    return bool(np.where(opens, starts, stops).all())


def _toggles_one_by_one(text: Bytes, quotes: Positions, delimiter: int, inside: bool) -> Positions:
    """The same for text in which some quotes are ordinary characters."""
    raw, limits = text.tobytes(), (delimiter, NEWLINE)
    toggles: list[int] = []
    escaped = -1
    for place in quotes.tolist():
        if place == escaped:
            toggles.append(place)
        elif not inside:
            if _first_of_field(raw, place, limits):
                toggles.append(place)
                inside = True
        elif raw[place + 1] == raw[place]:
            toggles.append(place)
            escaped = place + 1
        else:
            _check_closing(raw, text, place, limits)
            toggles.append(place)
            inside = False
    return np.array(toggles, np.int64)


def _first_of_field(raw: bytes, place: int, limits: tuple[int, int]) -> bool:
    before = place - 1
    while before >= 0 and raw[before] == SPACE:
        before -= 1
    return before < 0 or raw[before] in limits


def _check_closing(raw: bytes, text: Bytes, place: int, limits: tuple[int, int]) -> None:
    after = place + 1
    while raw[after] in (SPACE, RETURN):
        after += 1
    if raw[after] not in limits:
        shown = raw[max(0, place - 20) : place + 20].decode(errors="replace")
        raise Malformed(_line(text, place), "text follows a closing quote", shown)


def _line(text: Bytes, place: int) -> int:
    """The line of a position, from 1 at the start of the text."""
    return 1 + int(np.count_nonzero(text[:place] == NEWLINE))
