"""How many rows each part gets, or how many windows, as far as the columns tell."""

from typing import Any

from app.specs.checks.words import Columns
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.splits import ColumnSplit, GroupedSplit, KFoldSplit, SharesSplit, TimeSplit
from app.specs.window import Window

PARTS = ("train", "validation", "test")
Sizes = dict[str, int]


def part_sizes(data: DataSpec, columns: Columns, num_rows: int) -> Sizes | None:
    """What each part gets of what a model is fed, rows or windows; None where it cannot be told from the columns."""
    sizes = row_sizes(data, columns, num_rows)
    return sizes if data.window is None or sizes is None else _window_sizes(data, data.window, sizes)


def row_sizes(data: DataSpec, columns: Columns, num_rows: int) -> Sizes | None:
    """Rows in each part, before any is dropped; None where they cannot be told from the columns.

    Of shares, validation and test are rounded, the training has the rest; of folds, the first are the larger ones; of
    those by time, what comes later is of no part.
    (`app.splitting` deals the same.)
    """
    match data.split:
        case TimeSplit() if _comes_again(columns.get(data.split.column), num_rows):
            return None  # rows of one moment stay together
        case SharesSplit() | TimeSplit():
            validation, test = (round(num_rows * share) for share in (data.split.validation, data.split.test))
            return {"train": num_rows - validation - test, "validation": validation, "test": test}
        case KFoldSplit(group=str()):
            return None
        case KFoldSplit(time=str() as name) if _comes_again(columns.get(name), num_rows):
            return None
        case KFoldSplit(time=str(), num_folds=num_folds, fold=fold):
            test = round(num_rows * data.split.test)
            size = (num_rows - test) // (num_folds + 1)
            return {"train": num_rows - test - (num_folds - fold) * size, "validation": size, "test": test}
        case KFoldSplit():
            test = round(num_rows * data.split.test)
            size, num_larger = divmod(num_rows - test, data.split.num_folds)
            validation = size + (data.split.fold < num_larger)
            return {"train": num_rows - test - validation, "validation": validation, "test": test}
        case GroupedSplit():
            return None
    return _sizes_by_column(data.split, columns)


def _comes_again(column: Column | None, num_rows: int) -> bool:
    return column is not None and column.num_distinct < num_rows


def _sizes_by_column(split: ColumnSplit, columns: Columns) -> Sizes | None:
    column = columns.get(split.column)
    counts = {top.value: top.count for top in (column.top_values if column else None) or ()}
    spelled = {part: [_spelled(value) for value in getattr(split, part)] for part in PARTS}
    if any(value not in counts for values in spelled.values() for value in values):
        return None
    return {part: sum(counts[value] for value in set(values)) for part, values in spelled.items()}


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _window_sizes(data: DataSpec, window: Window, sizes: Sizes) -> Sizes | None:
    """Windows in each part where one series is cut into three pieces; None where there may be more of either.

    (`app.windows` finds the windows themselves.)
    """
    in_pieces = isinstance(data.split, TimeSplit) or (isinstance(data.split, SharesSplit) and not data.split.shuffle)
    if window.series is not None or not in_pieces:
        return None
    found, begin = {}, 0
    for part in PARTS:
        found[part] = _num_windows(window, begin, begin + sizes[part])
        begin += sizes[part]
    return found


def _num_windows(window: Window, begin: int, end: int) -> int:
    """Windows that predict rows from `begin` up to `end`, which is not one of them."""
    before = window.length - 1 + window.ahead  # rows of a window before the first that is predicted
    first = -(-max(0, begin - before) // window.stride)
    last = (end - window.horizon - before) // window.stride
    return max(0, last - first + 1)
