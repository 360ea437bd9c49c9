"""Whether a dataset can be split as a run wants it."""

from collections.abc import Iterator

from app.specs.base import Problem
from app.specs.checks.sizes import PARTS, row_sizes
from app.specs.checks.words import Columns, listed, no_column, rows_in_words
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.splits import (
    ColumnSplit,
    KFoldSplit,
    SharesSplit,
    column_field,
    goes_by_time,
    keeps_groups,
    split_column,
)


def split_problems(data: DataSpec, columns: Columns, num_rows: int) -> Iterator[Problem]:
    """Everything in a split that does not fit the columns of a dataset of so many rows."""
    split = data.split
    name = split_column(split)
    if name is not None:
        yield from _named_column_problems(data, name, columns)
    if isinstance(split, ColumnSplit):
        yield from _value_problems(split, columns)
        return
    yield from _share_problems(data, columns, num_rows)
    target = columns.get(data.first_target)
    if isinstance(split, SharesSplit | KFoldSplit) and split.stratify and target is not None:
        several = f"there are {len(data.targets)} targets: the mix of one column's values is kept"
        told = Problem(loc=["data", "split", "stratify"], msg=several, received=True)
        yield from [told] if len(data.targets) > 1 else _stratify_problems(split, target)


def _named_column_problems(data: DataSpec, name: str, columns: Columns) -> Iterator[Problem]:
    """Whether a split can be made by a column."""
    split = data.split
    place: list[str | int] = ["data", "split", column_field(split) or "column"]
    column, message = columns.get(name), None
    if column is None:
        message = no_column(name, columns)
    elif name in data.targets and not goes_by_time(split):
        message = f"{name!r} is the target: each part would know only some of the answers"
    elif goes_by_time(split) and column.type not in ("timestamp", "integer", "float"):
        message = f"{name!r} holds {column.type} values, which have no order in time"
    elif not isinstance(split, ColumnSplit) and column.num_missing:
        message = f"{rows_in_words(column.num_missing)} of no {name!r}: no part is theirs"
    elif keeps_groups(split) and column.num_distinct < _num_parts(split):
        what = "folds" if isinstance(split, KFoldSplit) else "parts"
        message = f"{name!r} has {column.num_distinct} values: too few groups for the {what}"
    if message:
        yield Problem(loc=place, msg=message, received=name)


def _num_parts(split: object) -> int:
    """How many parts are asked for, each fold one."""
    folds = split.num_folds if isinstance(split, KFoldSplit) else 0
    return folds + sum(1 for part in PARTS if getattr(split, part, None))


def _share_problems(data: DataSpec, columns: Columns, num_rows: int) -> Iterator[Problem]:
    if isinstance(data.split, KFoldSplit) and data.split.num_folds + goes_by_time(data.split) > num_rows:
        message = f"{data.split.num_folds} folds of {rows_in_words(num_rows)}: some would be empty"
        yield Problem(loc=["data", "split", "num_folds"], msg=message, received=data.split.num_folds)
        return
    for part, count in (row_sizes(data, columns, num_rows) or {}).items():
        share = getattr(data.split, part, None)
        if share and not count:
            message = f"{share:.0%} of {num_rows:,} rows is not one row"
            yield Problem(loc=["data", "split", part], msg=message, received=share)


def _stratify_problems(split: SharesSplit | KFoldSplit, target: Column) -> Iterator[Problem]:
    message = None
    if target.values is None:
        message = f"{target.name!r} has too many different values to keep their mix"
    parts = _num_parts(split)
    counted = [target.rarest] if target.rarest else target.top_values or []  # those are fifty at most
    if counted and (rarest := counted[-1]).count < parts:
        message = f"{rarest.value!r} stands in {rows_in_words(rarest.count)}: too few for {parts} parts"
    if message:
        yield Problem(loc=["data", "split", "stratify"], msg=message, received=True)


def _value_problems(split: ColumnSplit, columns: Columns) -> Iterator[Problem]:
    column = columns.get(split.column)
    for part in PARTS:
        for i, value in enumerate(getattr(split, part)):
            if column is not None and column.values is not None and value not in column.values:
                message = f"the column {split.column!r} has no value {value!r}; it has {listed(column.values)}"
                yield Problem(loc=["data", "split", part, i], msg=message, received=value)
