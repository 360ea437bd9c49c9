"""What the beginning of a delimited file shows: how it seems to be written, and its first rows."""

import io
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from app.dialect import MISSING_WORDS, Dialect, is_number
from app.specs.columns import ColumnType
from app.tabular.intake import Intake
from app.tabular.records import Taken
from app.tabular.refusals import Limits
from app.tabular.set_aside import Misfit, SetAside
from app.tabular.sniffing import Overrides, rows_of

NUM_ROWS = 10
_JUDGED_ROWS = 100
_FEW = 20  # as many distinct words are categories in any case
_CATEGORY_LETTERS = 100
_WHOLE = re.compile(r"[+-]?(0|[1-9]\d{0,18})")
_MONTH = re.compile(r"[12]\d{3}-(0[1-9]|1[0-2])", re.ASCII)
_YEAR = re.compile(r"\d{4}-")


@dataclass(frozen=True)
class Preview:
    """How a file seems to be written; the types of its columns; its first rows, and the first that do not fit."""

    taken: Taken
    types: list[ColumnType]
    rows: list[list[str]]
    misfits: list[Misfit]


def preview(head: bytes, overrides: Overrides, limits: Limits, *, prefer: str, is_whole: bool) -> Preview:
    """Judge a file by its beginning, which is all of it where `is_whole`. Raises AppError, as taking it in would."""
    kept, set_aside = io.BytesIO(), SetAside(max_kept=NUM_ROWS)
    intake = Intake(kept, limits, overrides, prefer=prefer, set_aside=set_aside)
    intake.feed(head)
    taken = intake.finish(is_whole=is_whole)
    dialect = taken.dialect
    found = rows_of(kept.getvalue().decode(), dialect.delimiter, dialect.quote, max_lines=1 << 30)
    rows = list(islice(found, int(dialect.has_header), _JUDGED_ROWS + dialect.has_header))
    types = [_type(column, dialect) for column in zip(*rows, strict=True)]
    return Preview(taken, types, rows[:NUM_ROWS], set_aside.kept)


def _type(cells: Sequence[str], dialect: Dialect) -> ColumnType:
    """What some rows suggest; the worker judges by all of them."""
    present = [cell.strip() for cell in cells if cell.strip() not in MISSING_WORDS]
    plain = [dialect.plain_number(cell) for cell in present]
    if present and all(_WHOLE.fullmatch(cell) for cell in plain):
        return "integer"
    if all(is_number(cell) for cell in plain):
        return "float"
    if all(cell.lower() in ("true", "false") for cell in present):
        return "boolean"
    if all(_is_time(cell) for cell in present):
        return "timestamp"
    is_short = all(len(cell) <= _CATEGORY_LETTERS for cell in present)
    return "category" if is_short and len(set(present)) <= _FEW else "text"


def _is_time(cell: str) -> bool:
    if _MONTH.fullmatch(cell):
        return True
    if _YEAR.match(cell):
        with suppress(ValueError):
            datetime.fromisoformat(cell)
            return True
    return False
