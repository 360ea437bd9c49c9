"""Columns as they are compared: numbers, or classes with their names."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from app.association import Numbers
from app.specs.columns import Column

if TYPE_CHECKING:
    import pyarrow as pa

ReadAs = Literal["number", "classes"]
FEW_CLASSES = 20  # whole numbers of more values are quantities, unless one says otherwise

_NUMBERS = frozenset({"integer", "float", "timestamp"})
_CLASSES = frozenset({"category", "boolean"})


@dataclass(frozen=True)
class Side:
    """A column in n rows."""

    values: Numbers  # (n,): numbers, or places among the names; NaN where missing or infinite
    names: list[str] | None  # of the classes, the most frequent first; None of numbers

    @property
    def present(self) -> NDArray[np.bool_]:
        """Where (n,) there is a value."""
        return np.isfinite(self.values)


def reads_as(column: Column, *, is_target: bool = False) -> ReadAs | None:
    """How a column is compared; None where it cannot be: texts, images, arrays.

    A whole number of few values is read as classes where it is what others are compared with.
    """
    if column.type in _CLASSES:
        return "classes"
    if column.type not in _NUMBERS:
        return None
    is_class = is_target and column.type == "integer" and column.num_distinct <= FEW_CLASSES
    return "classes" if is_class else "number"


def side_of(cells: "pa.ChunkedArray", read_as: ReadAs) -> Side:
    """The cells (n,) of a column; times become seconds since 1970."""
    import pyarrow as pa

    from app.preparing.table import plain_numbers

    column = cells.combine_chunks()
    if read_as == "number":
        numbers = plain_numbers(column)
        return Side(np.where(np.isfinite(numbers), numbers, np.nan), None)
    coded = column.cast(pa.string()).dictionary_encode()
    codes = coded.indices.cast(pa.float64()).to_numpy(zero_copy_only=False)
    counts = np.bincount(codes[np.isfinite(codes)].astype(np.int64), minlength=len(coded.dictionary))
    names: list[str] = coded.dictionary.to_pylist()
    order = sorted(range(len(names)), key=lambda i: (-counts[i], names[i]))
    places = np.empty(len(names) + 1)
    places[order], places[-1] = np.arange(len(names)), np.nan
    return Side(places[np.where(np.isfinite(codes), codes, len(names)).astype(np.int64)], [names[i] for i in order])
