"""How a delimited file seems to be written, judged by its first lines: delimiter, quoting, header.

DuckDB's own sniffer is not asked: it takes a file with one short record for a file of one column, so that the record
would never be reported.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.dialect import MISSING_WORDS
from app.tabular.encoding import Encoding
from app.tabular.structure import NEWLINE, Bytes, Malformed, blank_records, read_block

DELIMITERS = ",\t;|"
_SHOWN_ROWS = 500
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Overrides:
    """What the sender says of the file; None leaves it to be found out."""

    delimiter: str | None = None
    quote: str | None = None  # empty: quotes are ordinary characters
    has_header: bool | None = None
    encoding: Encoding | None = None


AS_FOUND = Overrides()


@dataclass(frozen=True)
class Sniffed:
    """The way a file is written, and the names of its columns."""

    delimiter: str
    quote: str
    has_header: bool
    columns: list[str]


def sniff(head: str, overrides: Overrides = AS_FOUND, *, prefer: str = ",") -> Sniffed:
    """Judge by whole lines. Raises Malformed when the header does not name every column, or one twice."""
    delimiter, quote = _separators(head, overrides, prefer)
    rows = list(_rows(head, delimiter, quote))
    if not rows:
        raise Malformed(1, "there is nothing but blank lines")
    has_header = overrides.has_header if overrides.has_header is not None else _looks_like_header(rows)
    names = _names(rows[0]) if has_header else [f"column{i}" for i in range(len(rows[0]))]
    return Sniffed(delimiter, quote, has_header, names)


def _separators(head: str, overrides: Overrides, prefer: str) -> tuple[str, str]:
    """The pair that reads the lines best. Quotes that mean nothing are thought of in tab-separated files alone:
    elsewhere they would hide a quote that was never closed."""
    delimiters = overrides.delimiter or prefer + DELIMITERS.replace(prefer, "")
    quotes = ('"', "") if overrides.quote is None else (overrides.quote,)
    text = np.frombuffer(head.encode(), np.uint8)
    fits = {(delimiter, quote): _fit(text, delimiter, quote) for quote in quotes for delimiter in delimiters}
    if overrides.quote is None:
        fits = {pair: fit for pair, fit in fits.items() if pair[1] or (pair[0] == "\t" and fit[0])}
    return max(fits, key=lambda pair: fits[pair])  # the first of equals


def _fit(text: Bytes, delimiter: str, quote: str) -> tuple[bool, bool, float]:
    """Whether the first record has several fields, whether all can be read, and the share with as many as the first."""
    try:
        block = read_block(text, ord(delimiter), ord(quote) if quote else None, inside=False)
    except Malformed as error:
        line_ends = np.flatnonzero(text == NEWLINE)
        sound = text[: line_ends[error.line - 2] + 1] if error.line > 1 else text[:0]
        several, _, share = _fit(sound, delimiter, quote) if len(sound) else (False, False, 0.0)
        return several, False, share
    num_fields = np.diff(block.records, prepend=-1)[~blank_records(text, block)]
    if not len(num_fields):
        return False, False, 0.0
    return bool(num_fields[0] > 1), True, float(np.mean(num_fields == num_fields[0]))


def _rows(head: str, delimiter: str, quote: str) -> Iterator[list[str]]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    lines = io.StringIO(head, newline="")
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote or None, quoting=quoting, skipinitialspace=True)
    try:
        for row in reader:
            if row:
                yield row
            if reader.line_num >= _SHOWN_ROWS:
                return
    except csv.Error as error:
        raise Malformed(reader.line_num, str(error)) from error


def _looks_like_header(rows: Sequence[Sequence[str]]) -> bool:
    """Words above numbers make a header, and numbers in the first line make none.

    Where all is text, a header is a line whose words do not come again below it.
    """
    first, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if any(_is_number(cell) for cell in first):
        return False
    columns = list(zip(*body, strict=True)) if body else []
    for name, cells in zip(first, columns, strict=False):
        present = [cell for cell in cells if cell.strip() not in MISSING_WORDS]
        if name and present and all(_is_number(cell) for cell in present):
            return True
    again = any(name in cells for name, cells in zip(first, columns, strict=False) if name)
    return not again and all(len(name) <= _LONGEST_NAME for name in first)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return cell.strip().lower() not in ("nan", "-nan")


def _names(header: Sequence[str]) -> list[str]:
    places: dict[str, int] = {}
    for i, cell in enumerate(header):
        name = cell.strip() or f"column{i}"
        if len(name) > _LONGEST_NAME:
            raise Malformed(1, f"the name of column {i + 1} has more than {_LONGEST_NAME} characters", name[:50])
        if (first := places.setdefault(name, i)) < i:
            raise Malformed(1, f"columns {first + 1} and {i + 1} have the same name", name)
    return list(places)
