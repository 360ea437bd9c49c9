"""How cells spell numbers, truth values, times and what is missing: one rule for the preview of a file, for the worker
that makes a table of it, and for the server that is sent the same cells to predict.

The patterns are written so that Python and DuckDB read them alike. Spaces around a number or a time mean nothing.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

# What a table writes where a value is missing. A quoted empty field is missing too.
MISSING_WORDS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "NULL", "null", "None", "?")
# The same as cells have them: a space follows the delimiter in many files.
MISSING_CELLS = (*MISSING_WORDS, *(f" {word}" for word in MISSING_WORDS))

# Zeros in front make a code, which is no number; after a minus they do not.
WHOLE = r" *(-[0-9]+|[+]?(0|[1-9][0-9]*)) *"
NUMBER = (
    r" *(-([0-9]+[.]?[0-9]*|[.][0-9]+)|[+]?((0|[1-9][0-9]*)([.][0-9]*)?|[.][0-9]+))([eE][+-]?[0-9]+)? *"
    r"| *[+-]?[iI][nN][fF]([iI][nN][iI][tT][yY])? *"
)
TRUTH = r" *([tT][rR][uU][eE]|[fF][aA][lL][sS][eE]) *"
MONTH = r" *[12][0-9]{3}-(0[1-9]|1[0-2]) *"
_DATE = r"[1-9][0-9]{3}(-[0-9]{1,2}-[0-9]{1,2}|/[0-9]{1,2}/[0-9]{1,2})"
_CLOCK = r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?"
_ZONE = r"(Z| UTC|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)"
_DAY_FIRST = r"[0-9]{1,2}[.][0-9]{1,2}[.][1-9][0-9]{3}"  # with points the day always comes first
PLAIN_TIME = rf"{_DATE}([T ]{_CLOCK})?"  # without a zone and spaces
TIME = rf" *({_DATE}|{_DAY_FIRST})([T ]{_CLOCK}{_ZONE}?)? *"

_MISSING = frozenset(MISSING_CELLS)
_WHOLE, _NUMBER, _TRUTH, _MONTH, _TIME = map(re.compile, (WHOLE, NUMBER, TRUTH, MONTH, TIME))
_FIGURES = re.compile(r"\d+", re.ASCII)
_POINTED = re.compile(r" *(\d+)\.(\d+)\.(\d{4})", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)? *$", re.ASCII)
_MICROSECOND_FIGURES = 6


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell in _MISSING


def is_whole(cell: str) -> bool:
    """Whether a cell is an integer, with a point for a decimal mark and nothing between thousands."""
    return _WHOLE.fullmatch(cell) is not None


def is_number(cell: str) -> bool:
    """Whether a cell is a number, an infinity too; the same of its marks."""
    return _NUMBER.fullmatch(cell) is not None


def is_numeric(cell: str) -> bool:
    """Whether a cell could be read as a number at all, with zeros in front too: then it names no column."""
    try:
        float(cell)
    except ValueError:
        return False
    return cell.strip().lower() not in ("nan", "-nan") and "_" not in cell


def is_truth(cell: str) -> bool:
    """Whether a cell is a truth value: of words, only true and false are."""
    return _TRUTH.fullmatch(cell) is not None


def is_month(cell: str) -> bool:
    """Whether a cell is a month, as 1949-01."""
    return _MONTH.fullmatch(cell) is not None


def time_of(cell: str) -> datetime | None:
    """The time that a cell spells, of UTC where it says no zone; a month is its first moment. None of other words.

    A day is 2026-03-31, 2026/3/31 or 31.3.2026; a time of day may follow, to the microsecond, with Z, UTC or an offset.
    """
    if _MONTH.fullmatch(cell):
        year, month = map(int, cell.split("-"))
        return datetime(year, month, 1, tzinfo=UTC)
    if not _TIME.fullmatch(cell):
        return None
    cell = _POINTED.sub(r"\3-\2-\1", cell, count=1)
    offset = _OFFSET.search(cell) if ":" in cell else None
    clock = cell[: offset.start()] if offset else cell
    figures = _FIGURES.findall(clock)
    fraction = figures.pop() if "." in clock else "0"
    microsecond = int(fraction[:_MICROSECOND_FIGURES].ljust(_MICROSECOND_FIGURES, "0"))
    year, month, day, hour, minute, second, *_ = [*map(int, figures), 0, 0, 0]
    try:
        return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=_zone(offset))
    except ValueError:  # no day of the calendar
        return None


def _zone(offset: re.Match[str] | None) -> timezone:
    if offset is None:
        return UTC
    minutes = 60 * int(offset[2]) + int(offset[3] or 0)
    return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
