"""What the beginning of a delimited file shows: how it seems to be written, and its first rows."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from app.dialect import Dialect
from app.specs.columns import ColumnType
from app.spellings import is_missing, is_month, is_number, is_truth, is_whole, time_of
from app.tabular.cells import read_records
from app.tabular.intake import Intake
from app.tabular.records import Taken
from app.tabular.refusals import Limits
from app.tabular.set_aside import Misfit, SetAside
from app.tabular.sniffing import Overrides

NUM_ROWS = 10
_JUDGED_ROWS = 100
_FEW = 20  # as many distinct words are categories in any case
_CATEGORY_LETTERS = 100
_LEAST, _MOST = -(2**63), 2**63 - 1  # that an integer of a table may be


@dataclass(frozen=True)
class Preview:
    """How a file seems to be written; the types of its columns; its first rows, and the first that do not fit."""

    taken: Taken
    types: list[str]  # as they are said, or else as guessed
    rows: list[list[str]]
    misfits: list[Misfit]


def preview(head: bytes, overrides: Overrides, limits: Limits, *, prefer: str, is_whole: bool) -> Preview:
    """Judge a file by its beginning, which is all of it where `is_whole`. Raises AppError, as taking it in would."""
    kept, set_aside = io.BytesIO(), SetAside(max_kept=NUM_ROWS)
    intake = Intake(kept, limits, overrides, prefer=prefer, set_aside=set_aside)
    intake.feed(head)
    taken = intake.finish(is_whole=is_whole)
    dialect = taken.dialect
    lines = io.StringIO(kept.getvalue().decode(), newline="")
    rows = list(islice(read_records(lines, dialect), int(dialect.has_header), _JUDGED_ROWS + dialect.has_header))
    guessed = [_type(column, dialect) for column in zip(*rows, strict=True)]
    types = [overrides.types.get(name, kind) for name, kind in zip(dialect.columns, guessed, strict=True)]
    return Preview(taken, types, rows[:NUM_ROWS], set_aside.kept)


def _type(cells: Sequence[str], dialect: Dialect) -> ColumnType:
    """What some rows suggest, by the rule of the worker, which judges by all of them."""
    present = [cell for cell in cells if not is_missing(cell)]
    if not present:
        return "text"
    plain = [dialect.plain_number(cell) for cell in present]
    if all(map(is_whole, plain)):
        return "integer" if all(_LEAST <= int(cell) <= _MOST for cell in plain) else "float"
    if all(map(is_number, plain)) and any(character.isdigit() for cell in plain for character in cell):
        return "float"
    if all(map(is_truth, present)):
        return "boolean"
    if all(map(is_month, present)) or not any(is_month(cell) or time_of(cell) is None for cell in present):
        return "timestamp"
    is_short = all(len(cell) <= _CATEGORY_LETTERS for cell in present)
    return "category" if is_short and len(set(present)) <= _FEW else "text"
