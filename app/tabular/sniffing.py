"""How a delimited file seems to be written, judged by its first lines: delimiter, quoting, header, decimal mark.

DuckDB's own sniffer is not asked: it takes a file with one short record for a file of one column, so that the record
would never be reported.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

import numpy as np

from app.spellings import is_missing, is_numeric
from app.tabular.encoding import FALLBACK, Encoding
from app.tabular.escapes import Escapes
from app.tabular.structure import Bytes, Malformed, Marks, not_records, read_block

DELIMITERS = ",\t;|"
MAX_COLUMNS = 20_000  # as many are read in half a gigabyte
_SHOWN_ROWS = 500
_TAB_SUFFIXES = (".tsv", ".tab", ".tsv.gz", ".tab.gz")
_LONGEST_NAME = 200
_WITH_COMMA, _WITH_POINT = (re.compile(rf"[+-]?\d*{mark}\d+([eE][+-]?\d+)?") for mark in (",", r"\."))
_WHOLE = re.compile(r"[+-]?\d+([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Overrides:
    """What the sender says of the file; None leaves it to be found out."""

    delimiter: str | None = None
    quote: str | None = None  # empty: quotes are ordinary characters
    has_header: bool | None = None
    encoding: Encoding | None = None
    fallback: Encoding = FALLBACK  # what text is in that turns out not to be UTF-8, where nothing is said
    escape: str | None = None  # before a quote that is literal; empty: quotes are doubled
    decimal: str | None = None
    thousands: str = ""
    comment: str = ""
    types: dict[str, str] = field(default_factory=dict)  # of columns, where it is said


AS_FOUND = Overrides()


@dataclass(frozen=True)
class Sniffed:
    """The way a file is written, and the names of its columns."""

    delimiter: str
    quote: str
    has_header: bool
    columns: list[str]
    escape: str = ""
    decimal: str = "."
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Separators:
    delimiter: str
    quote: str
    escape: str


def sniff(head: str, overrides: Overrides = AS_FOUND, *, prefer: str = ",") -> Sniffed:
    """Judge by whole lines. Raises Malformed when there is no header, or one that names no column or too many."""
    found = _separators(head.encode(), overrides, prefer)
    rows = list(_rows(head.encode(), found, overrides.comment))
    if not rows:
        raise Malformed(1, "there is nothing but blank lines")
    if len(rows[0]) > MAX_COLUMNS:
        raise Malformed(1, f"{len(rows[0]):,} columns, and no more than {MAX_COLUMNS:,} are read")
    decimal = overrides.decimal or _decimal(rows, found.delimiter)
    has_header = overrides.has_header
    if has_header is None:
        has_header = _looks_like_header(rows, decimal, overrides.thousands)
    names, notes = _names(rows[0]) if has_header else ([f"column{i}" for i in range(len(rows[0]))], ())
    return Sniffed(found.delimiter, found.quote, has_header, names, found.escape, decimal, notes)


def preferred_delimiter(filename: str) -> str:
    """What separates fields where several characters would do."""
    return "\t" if filename.lower().endswith(_TAB_SUFFIXES) else ","


def _separators(head: bytes, overrides: Overrides, prefer: str) -> _Separators:
    """Those that read the lines best, and of equals the first. Quotes that mean nothing are thought of in tab-separated
    files alone: elsewhere they would hide a quote that was never closed."""
    delimiters = overrides.delimiter or prefer + DELIMITERS.replace(prefer, "")
    quotes = ('"', "", "'") if overrides.quote is None else (overrides.quote,)
    fits = {
        _Separators(delimiter, quote, escape): _fit(head, _Separators(delimiter, quote, escape), overrides.comment)
        for quote, delimiter in product(quotes, delimiters)
        for escape in _escapes(head, quote, overrides)
    }
    if overrides.quote is None:
        is_quoted = any(fit.is_quoted for one, fit in fits.items() if one.quote == '"')
        fits = {
            one: fit
            for one, fit in fits.items()
            if one.quote == '"'
            or (not one.quote and one.delimiter == "\t" and fit.has_several)
            or (one.quote == "'" and not is_quoted and fit.is_quoted and fit.is_sound and fit.share == 1)
        }
    best = max(fits, key=lambda one: fits[one].rank)
    return best if best.quote != '"' else _with_single_quotes(fits, best)


def _escapes(head: bytes, quote: str, overrides: Overrides) -> tuple[str, ...]:
    if overrides.escape is not None:
        return ("" if overrides.escape == quote else overrides.escape,)
    return ("", "\\") if quote and f"\\{quote}".encode() in head else ("",)


def _with_single_quotes(fits: "dict[_Separators, _Fit]", best: _Separators) -> _Separators:
    """Single quotes rather than none: both read the lines, but with the quotes off."""
    single = [one for one in fits if one.quote == "'" and fits[one].rank >= fits[best].rank]
    return max(single, key=lambda one: fits[one].rank, default=best)


@dataclass(frozen=True)
class _Fit:
    """How well lines are read."""

    has_several: bool  # whether the first record has several fields
    is_sound: bool  # whether nothing breaks the rules
    share: float  # of records with as many fields as the first
    is_quoted: bool  # whether a field is quoted, and no quote stays open

    @property
    def rank(self) -> tuple[bool, bool, float]:
        return self.has_several, self.is_sound, self.share


def _fit(head: bytes, found: _Separators, comment: str) -> _Fit:
    escapes, marks = _ways(found, comment)
    text = _text(escapes, head)
    block = read_block(text, marks)
    num_fields = np.diff(block.records, prepend=-1)
    is_record = ~not_records(text, block, marks)
    if not is_record.any():
        return _Fit(False, False, 0.0, False)
    first = num_fields[is_record][0]
    faulty = np.searchsorted(block.ends[block.records], list(block.faults))
    num_fields[faulty[faulty < len(num_fields)]] = 0
    is_quoted = block.num_toggles > 0 and block.opened < 0
    share = float(np.mean(num_fields[is_record] == first))
    return _Fit(bool(first > 1), not block.faults, share, is_quoted)


def _ways(found: _Separators, comment: str) -> tuple[Escapes, Marks]:
    escapes = Escapes(found.escape, found.delimiter, found.quote)
    return escapes, Marks.of(found.delimiter, found.quote, comment)


def _text(escapes: Escapes, head: bytes) -> Bytes:
    lines = escapes.hide(head)
    return np.frombuffer(lines if lines.endswith(b"\n") else lines + b"\n", np.uint8)


def _rows(head: bytes, found: _Separators, comment: str) -> Iterator[list[str]]:
    escapes, marks = _ways(found, comment)
    text = _text(escapes, head)
    block = read_block(text, marks)
    kept = escapes.kept_form(text, block, ~not_records(text, block, marks), marks)
    return rows_of(kept.decode(errors="replace"), found.delimiter, escapes.quote)


def rows_of(text: str, delimiter: str, quote: str, max_lines: int = _SHOWN_ROWS) -> Iterator[list[str]]:
    """The cells of the first lines of text in the form in which it is kept. Raises Malformed."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote or None, quoting=quoting, skipinitialspace=True)
    try:
        for row in reader:
            if row:
                yield row
            if reader.line_num >= max_lines:
                return
    except csv.Error as error:
        raise Malformed(reader.line_num, str(error)) from error


def _columns(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The cells of each column that are not missing, below the first row and of rows as long as that one."""
    cells = zip(*(row for row in rows[1:] if len(row) == len(rows[0])), strict=True)
    return [[cell.strip() for cell in column if not is_missing(cell)] for column in cells]


def _decimal(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """A comma, where there are columns of numbers with commas and none with points."""
    if delimiter == ",":
        return "."
    columns = _columns(rows)
    with_comma, with_point = (
        any(
            all(pattern.fullmatch(cell) or _WHOLE.fullmatch(cell) for cell in column)
            and any(pattern.fullmatch(cell) for cell in column)
            for column in columns
        )
        for pattern in (_WITH_COMMA, _WITH_POINT)
    )
    return "," if with_comma and not with_point else "."


def _looks_like_header(rows: Sequence[Sequence[str]], decimal: str, thousands: str) -> bool:
    """Words above numbers make a header, and numbers in the first line make none.

    Where all is text, a header is a line whose words do not come again below it.
    """

    def is_figure(cell: str) -> bool:
        return is_numeric((cell.replace(thousands, "") if thousands else cell).replace(decimal, "."))

    first, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if any(is_figure(cell) for cell in first):
        return False
    # A header that comes again stands above numbers all the same.
    for name, cells in zip(first, zip(*(row for row in body if row != first), strict=True), strict=False):
        present = [cell for cell in cells if not is_missing(cell)]
        if name and present and all(is_figure(cell) for cell in present):
            return True
    again = any(name in cells for name, cells in zip(first, zip(*body, strict=True), strict=False) if name)
    return not again and all(len(name) <= _LONGEST_NAME for name in first)


def _names(header: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """A name for each column, no two alike, and a note where names had to be changed for that."""
    given = [cell.strip() or f"column{i}" for i, cell in enumerate(header)]
    for i, name in enumerate(given):
        if len(name) > _LONGEST_NAME:
            raise Malformed(1, f"the name of column {i + 1} has more than {_LONGEST_NAME} characters", name[:50])
    taken, names, changed = set(given), [], []
    seen: set[str] = set()
    for name in given:
        number, unique = 2, name
        if name in seen:
            while (unique := f"{name}_{number}") in taken:
                number += 1
            changed.append(unique)
        seen.add(name)
        taken.add(unique)
        names.append(unique)
    if not changed:
        return names, ()
    shown = ", ".join(changed[:5]) + (" and others" if len(changed) > 5 else "")
    return names, (f"Names come twice in the header; the later columns are called {shown}.",)
