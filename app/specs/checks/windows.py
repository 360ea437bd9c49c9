"""Whether the rows of a dataset can be cut into the windows of a time series."""

from collections.abc import Iterator

from app.specs.base import Problem
from app.specs.checks.sizes import part_sizes
from app.specs.checks.words import Columns, no_column, rows_in_words
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import features
from app.specs.splits import (
    ColumnSplit,
    GroupedSplit,
    KFoldSplit,
    SharesSplit,
    TimeSplit,
    column_field,
    split_column,
)
from app.specs.window import Window

_ORDERED = frozenset({"timestamp", "integer", "float"})
_TELLS_APART = frozenset({"category", "integer"})
_WAYS = "split by time, by a column, or by whole series (grouped)"


def window_problems(data: DataSpec, columns: Columns, num_rows: int) -> Iterator[Problem]:
    """Everything about windows that does not fit the columns of a dataset of so many rows; nothing without windows."""
    window = data.window
    if window is None:
        return
    yield from _column_problems(data, window, columns)
    yield from _feature_problems(data, window, columns)
    refused = list(_split_problems(data, window))
    yield from refused
    if not refused:
        yield from _size_problems(data, window, columns, num_rows)


def _column_problems(data: DataSpec, window: Window, columns: Columns) -> Iterator[Problem]:
    named = {"time": window.time, "series": window.series}
    for field, name in named.items():
        message = None if name is None else _misfit(field, name, columns)
        if field == "series" and name is not None and name in data.targets:
            message = f"{name!r} is the target: it cannot also say which series a row belongs to"
        if message:
            yield Problem(loc=["data", "window", field], msg=message, received=name)


def _misfit(field: str, name: str, columns: Columns) -> str | None:
    """Why a column does not order rows, or does not tell series apart."""
    column = columns.get(name)
    if column is None:
        return no_column(name, columns)
    if field == "time" and column.type not in _ORDERED:
        return f"{name!r} holds {column.type} values, which have no order in time"
    if field == "series" and column.type not in _TELLS_APART:
        return f"{name!r} holds {column.type} values: series are told apart by categories or whole numbers"
    if column.num_missing:
        lacks = "has no place in the order" if field == "time" else "belongs to no series"
        return f"{rows_in_words(column.num_missing)} of no {name!r}: such a row {lacks}"
    return None


def _feature_problems(data: DataSpec, window: Window, columns: Columns) -> Iterator[Problem]:
    if data.input_shape is not None:
        message = f"a window has a shape of its own, {window.length} rows of as many numbers as they have: leave it out"
        yield Problem(loc=["data", "input_shape"], msg=message, received=list(data.input_shape))
    if data.repeats == "drop":
        message = "a row of a time series is part of many windows: none is left out because another is like it"
        yield Problem(loc=["data", "repeats"], msg=message, received=data.repeats)
    pictures = [column for column in features(data, columns.values()) if column.type == "image"]
    for column in pictures:
        message = f"{column.name!r} holds images: windows are of numbers, categories and times"
        yield Problem(loc=["data", "features"], msg=message, received=column.name)


def _split_problems(data: DataSpec, window: Window) -> Iterator[Problem]:
    """Which splits keep what is predicted apart from what was trained on, where neighbours are in the same windows."""
    split, message, field = data.split, None, "type"
    match split:
        case SharesSplit(shuffle=False):
            if window.time is not None:
                message = f"the rows are in the order of {window.time!r}, not of the table: split by time of it"
        case TimeSplit() | KFoldSplit(time=str()):
            field, name = column_field(split) or field, split_column(split)
            if window.time is None:
                message = f"the windows are in the order of the table: let {name!r} be the window's time too"
            elif name != window.time:
                message = f"the windows are in the order of {window.time!r}: split by the same column"
        case GroupedSplit() | KFoldSplit(group=str()):
            field, name = column_field(split) or field, split_column(split)
            if window.series is None:
                message = f"groups at random would tear the series: let {name!r} be the window's series"
            elif name != window.series:
                message = f"groups other than the series would tear these: group by {window.series!r}"
        case ColumnSplit():
            pass
        case _:
            alone = "" if window.time else "; a table in order can be split by shares without shuffle"
            message = f"dealt at random, a row would be trained on whose neighbours are tested: {_WAYS}{alone}"
    if message:
        yield Problem(loc=["data", "split", field], msg=message, received=getattr(split, field))


def _size_problems(data: DataSpec, window: Window, columns: Columns, num_rows: int) -> Iterator[Problem]:
    """Whether each part gets a window."""
    longest, of_one = _longest(window, columns, num_rows), f" of one {window.series!r}" if window.series else ""
    if window.span > longest:
        message = f"a window takes {rows_in_words(window.span)}{of_one} with those it predicts; there are {longest:,}"
        yield Problem(loc=["data", "window", "length"], msg=message, received=window.length)
        return
    sizes = part_sizes(data, columns, num_rows) or {}
    for part, count in sizes.items():
        if count or not getattr(data.split, part, None):
            continue
        seen = f"sees {window.length:,} rows and " if part == "train" else ""
        message = (
            f"no window fits into the {part} part: one {seen}predicts {rows_in_words(window.horizon)}, all of them in "
            "it; a shorter window or a larger share helps"
        )
        yield Problem(loc=["data", "window", "length" if part == "train" else "horizon"], msg=message, received=count)


def _longest(window: Window, columns: Columns, num_rows: int) -> int:
    """Rows of the longest series, as far as the columns tell."""
    column = columns.get(window.series) if window.series is not None else None
    counts = [top.count for top in (column.top_values if column is not None else None) or ()]
    return max(counts, default=num_rows)


def answer_problems(data: DataSpec, target: Column, *, is_number: bool) -> Iterator[Problem]:
    """Whether several values can be predicted: of classes, one."""
    window = data.window
    if window is not None and window.horizon > 1 and not is_number:
        message = f"only of numbers several are predicted (mse_loss, l1_loss); of the classes of {target.name!r}, one"
        yield Problem(loc=["data", "window", "horizon"], msg=message, received=window.horizon)
