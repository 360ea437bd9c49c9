"""Which columns a model is fed, and the shape that they make."""

from collections.abc import Iterable, Sequence
from math import prod

from app.specs.base import Problem, Shape, SpecError
from app.specs.columns import Column
from app.specs.data import ColumnSplit, DataSpec
from app.specs.layers.base import written


def feature_names(data: DataSpec, columns: Sequence[Column]) -> list[str]:
    """The columns that are fed, in their order: those named, else all but the target and the one that splits."""
    if data.features is not None:
        return list(data.features)
    left_out = {data.target} | ({data.split.column} if isinstance(data.split, ColumnSplit) else set())
    return [column.name for column in columns if column.name not in left_out]


def features(data: DataSpec, columns: Iterable[Column]) -> list[Column]:
    """The columns that are fed, as far as there are such columns."""
    known = {column.name: column for column in columns}
    return [known[name] for name in feature_names(data, list(known.values())) if name in known]


def width(data: DataSpec, column: Column) -> int:
    """How many numbers a column becomes."""
    if column.is_numeric or data.categories == "ordinal":
        return 1
    return len(column.values or [])


def input_shape(data: DataSpec, columns: Sequence[Column]) -> Shape:
    """The shape that a model is fed. Raises SpecError when the features do not make it."""
    fed = features(data, columns)
    found = [_text(column) for column in fed if not column.is_numeric and column.values is None]
    total = sum(width(data, column) for column in fed)
    if data.input_shape is not None and prod(data.input_shape) != total and not found:
        message = f"{written(data.input_shape)} holds {prod(data.input_shape):,} numbers, the features are {total:,}"
        found.append(Problem(loc=["data", "input_shape"], msg=message, received=list(data.input_shape)))
    if total == 0 and not found:
        found.append(Problem(loc=["data", "features"], msg="no column is left to learn from", received=None))
    if found:
        raise SpecError(found)
    return data.input_shape or (total,)


def _text(column: Column) -> Problem:
    message = f"the column {column.name!r} holds text, or more than a thousand categories: leave it out"
    return Problem(loc=["data", "features"], msg=message, received=column.name)
