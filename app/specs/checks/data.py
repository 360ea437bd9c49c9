"""Whether a dataset has the columns that a run reads, and whether they can be read so."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.specs.base import Problem
from app.specs.columns import Column
from app.specs.data import ColumnSplit, DataSpec, SharesSplit
from app.specs.features import features

PARTS = ("train", "validation", "test")
Columns = Mapping[str, Column]


def data_problems(data: DataSpec, columns: Columns, num_rows: int) -> Iterator[Problem]:
    """Everything in `data` that does not fit the columns of a dataset of so many rows."""
    yield from _target_problems(data, columns)
    yield from _feature_problems(data, columns)
    yield from _missing_problems(data, columns)
    yield from _infinite_problems(data, columns)
    if isinstance(data.split, ColumnSplit):
        yield from _column_split_problems(data, data.split, columns)
    else:
        yield from _shares_problems(data, data.split, columns, num_rows)


def part_sizes(data: DataSpec, columns: Columns, num_rows: int) -> dict[str, int] | None:
    """Rows in each part, before any is dropped; None where they cannot be told from the columns.

    Of shares, validation and test are rounded, the training has the rest. (`worker.data` deals the same.)
    """
    if isinstance(data.split, SharesSplit):
        validation, test = (round(num_rows * share) for share in (data.split.validation, data.split.test))
        return {"train": num_rows - validation - test, "validation": validation, "test": test}
    column = columns.get(data.split.column)
    counts = {top.value: top.count for top in (column.top_values if column else None) or ()}
    spelled = {part: [_spelled(value) for value in getattr(data.split, part)] for part in PARTS}
    if any(value not in counts for values in spelled.values() for value in values):
        return None
    return {part: sum(counts[value] for value in set(values)) for part, values in spelled.items()}


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _target_problems(data: DataSpec, columns: Columns) -> Iterator[Problem]:
    place: list[str | int] = ["data", "target"]
    target = columns.get(data.target)
    if target is None:
        yield Problem(loc=place, msg=_no_column(data.target, columns), received=data.target)
    elif target.num_missing and data.missing.type != "drop":
        message = (
            f"{target.num_missing:,} rows have no {target.name}: a missing target cannot be filled; "
            'with missing "drop" these rows are left out'
        )
        yield Problem(loc=place, msg=message, received=target.name)


def _feature_problems(data: DataSpec, columns: Columns) -> Iterator[Problem]:
    named = data.features or ()
    for i, name in enumerate(named):
        message = None
        if name not in columns:
            message = _no_column(name, columns)
        elif name == data.target:
            message = f"{name!r} is the target: a model that is shown the answer learns nothing"
        elif name in named[:i]:
            message = f"{name!r} is named twice"
        if message:
            yield Problem(loc=["data", "features", i], msg=message, received=name)


def _missing_problems(data: DataSpec, columns: Columns) -> Iterator[Problem]:
    for column in features(data, columns.values()):
        message = None
        if column.num_missing and data.missing.type == "error":
            message = f"{column.num_missing:,} values are missing in {column.name!r}; say how they are filled"
        if column.num_missing and not column.is_numeric and data.missing.type in ("mean", "median"):
            message = f"{column.name!r} holds categories, which have no {data.missing.type}; most_frequent fits"
        if message:
            yield Problem(loc=["data", "missing"], msg=message, received=data.missing.type)


def _infinite_problems(data: DataSpec, columns: Columns) -> Iterator[Problem]:
    target = [columns[data.target]] if data.target in columns else []
    for field, some in (("features", features(data, columns.values())), ("target", target)):
        for column in some:
            if column.num_infinite:
                message = (
                    f"{column.num_infinite:,} values of {column.name!r} are infinite: nothing can be learned of them"
                )
                yield Problem(loc=["data", field], msg=message, received=column.name)


def _shares_problems(data: DataSpec, split: SharesSplit, columns: Columns, num_rows: int) -> Iterator[Problem]:
    for part, count in (part_sizes(data, columns, num_rows) or {}).items():
        share = getattr(split, part)
        if share and not count:
            message = f"{share:.0%} of {num_rows:,} rows is not one row"
            yield Problem(loc=["data", "split", part], msg=message, received=share)
    target = columns.get(data.target)
    if split.stratify and target is not None:
        yield from _stratify_problems(split, target)


def _stratify_problems(split: SharesSplit, target: Column) -> Iterator[Problem]:
    message = None
    if target.values is None:
        message = f"{target.name!r} has too many different values to keep their mix"
    parts = sum(1 for part in PARTS if getattr(split, part))
    rare = [top for top in target.top_values or () if top.count < parts]
    if rare:
        message = f"{rare[-1].value!r} stands in {_rows(rare[-1].count)}: too few for {parts} parts"
    if message:
        yield Problem(loc=["data", "split", "stratify"], msg=message, received=True)


def _column_split_problems(data: DataSpec, split: ColumnSplit, columns: Columns) -> Iterator[Problem]:
    place: list[str | int] = ["data", "split", "column"]
    column = columns.get(split.column)
    if column is None:
        yield Problem(loc=place, msg=_no_column(split.column, columns), received=split.column)
        return
    if split.column == data.target:
        message = f"{split.column!r} is the target: each part would know only some of the answers"
        yield Problem(loc=place, msg=message, received=split.column)
    for part in PARTS:
        for i, value in enumerate(getattr(split, part)):
            if column.values is not None and value not in column.values:
                message = f"the column {split.column!r} has no value {value!r}; it has {listed(column.values)}"
                yield Problem(loc=["data", "split", part, i], msg=message, received=value)


def _no_column(name: str, columns: Columns) -> str:
    return f"there is no column {name!r}; there are {listed(columns)}"


def _rows(count: int) -> str:
    return "one row" if count == 1 else f"{count:,} rows"


def listed(names: Sequence[Any] | Mapping[str, Any]) -> str:
    """The first twelve, and how many more there are."""
    shown = [str(name) for name in names]
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
