"""What the doctor looks at: the split of the whole table, and of target and features an even choice of rows.

Only the rows that are compared with one another are all looked at, by a fingerprint of 64 bits each, up to a limit.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.doctor.target import UNREAD, Target, read_target, stretches
from app.errors import JobFailure
from app.prints import Numbers, Prints, cell_prints, mix, mix_bits, within
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import feature_names, features, is_coded
from app.specs.losses import REGRESSION_LOSSES
from app.splitting import BITS, Parts, Rows, evenly

if TYPE_CHECKING:
    from app.preparing.table import Table

MAX_ROWS = 100_000
MAX_CELLS = 4_000_000  # of the rows that are looked at closely
MIN_ROWS = 1_000  # however many columns there are
MAX_COMPARED = 2_000_000  # rows
MAX_PRINTED_CELLS = 64_000_000  # of the rows that are compared
MAX_PRINTED_BYTES = 2 << 30  # of their images and arrays
FEW_CLASSES = 50  # a whole number with more values than this is a quantity


@dataclass(frozen=True)
class Repeats:
    """Of m rows, which are the same."""

    groups: NDArray[np.int64]  # (m,): the same number for the same rows
    first: Rows  # (G,): the first row of each group
    again: Rows  # (r,): rows that have stood before, ascending


@dataclass(frozen=True)
class Sample:
    """A table as the rules see it."""

    data: DataSpec
    loss: str | None
    num_parameters: int | None
    table: "Table"
    known: dict[str, Column]
    features: list[str]  # of a time series without the target, though what it has been may be fed
    rows: Rows  # (n,): the rows that are looked at closely, ascending, evenly chosen
    matrix: Numbers  # (F, n): of each readable feature the numbers, or codes of its words; NaN where missing
    places: dict[str, int]  # of each readable feature its row in the matrix
    target: Target
    parts: Parts | None  # (N,), as the run deals them; None where the split cannot be made
    sizes: dict[str, int]  # of each part: how many rows it has, or of a time series, how many windows
    compared: Rows  # (m,): the rows that are compared with one another
    prints: Prints  # (m,): the same for the same features
    is_weighed: bool = False  # whether classes do not all count the same in the loss

    @property
    def num_rows(self) -> int:
        """N, of the table."""
        return self.table.num_rows

    @property
    def predicted(self) -> str:
        """The column to be predicted, or the first of several."""
        return self.data.first_target

    @property
    def numeric(self) -> list[str]:
        """The features that are fed as numbers."""
        numbers = [name for name in self.places if self.known[name].is_numeric]
        return [name for name in numbers if not is_coded(self.data, self.known[name])]

    @property
    def is_picture(self) -> bool:
        """Whether the features are the pixels of a picture: then no column means anything by itself."""
        return len(self.data.input_shape or ()) > 1

    @cached_property
    def is_class(self) -> bool:
        """Whether one of several classes is predicted; without a loss, what the target looks like."""
        return asks_for_class(self.known[self.predicted], self.loss)

    @cached_property
    def classes(self) -> list[Any]:
        """The classes by their codes."""
        return self.known[self.predicted].values or []

    def whole_target(self) -> Iterator[tuple[slice, Numbers]]:
        """The target of all rows, some at a time."""
        return stretches(self.table, self.known[self.predicted], _classes(self.known[self.predicted], self.loss))

    def of(self, name: str) -> Numbers:
        """A feature (n,) in the rows that are looked at closely."""
        found: Numbers = self.matrix[self.places[name]]
        return found

    def at(self, name: str, rows: Rows) -> Numbers:
        """Any column, as numbers, in some rows (k,), which ascend."""
        found = np.empty(len(rows))
        for _, place, values in self.table.pieces([name]):
            here, chosen = within(rows, place)
            found[here] = values[chosen]
        return found

    @cached_property
    def has_alike(self) -> bool:
        """Whether any two of the compared rows have the same features; without any, there is nothing to be the same."""
        if not self.features:
            return False
        in_order = np.sort(self.prints)
        return bool((in_order[1:] == in_order[:-1]).any())

    @cached_property
    def repeats(self) -> Repeats:
        """Which of the compared rows are the same, target included."""
        if not self.has_alike:
            every = np.arange(len(self.prints))
            return Repeats(every, every, every[:0])
        prints = self.prints.copy()
        mix(prints, self.target.compared)
        # Sorted, not hashed, as it would be without these: at a million rows that is ten times as fast.
        _, first, groups = np.unique(prints, return_index=True, return_inverse=True)
        is_again = np.ones(len(prints), np.bool_)
        is_again[first] = False
        return Repeats(groups, first, np.flatnonzero(is_again))

    @property
    def extent(self) -> dict[str, int]:
        """For the evidence: how many rows it rests on, where not all."""
        return {"num_examined": len(self.rows), "num_rows": self.num_rows} if len(self.rows) < self.num_rows else {}

    @property
    def compared_extent(self) -> dict[str, int]:
        """The same of rows that are compared."""
        few = len(self.compared) < self.num_rows
        return {"num_examined": len(self.compared), "num_rows": self.num_rows} if few else {}


def asks_for_class(target: Column, loss: str | None) -> bool:
    """Whether a target is one of several classes."""
    if loss is not None:
        return loss not in REGRESSION_LOSSES
    if target.type in ("float", "timestamp"):
        return target.num_distinct == 2
    return not (target.type == "integer" and target.num_distinct > FEW_CLASSES)


def take(
    table: "Table",
    columns: Sequence[Column],
    data: DataSpec,
    loss: str | None,
    num_parameters: int | None,
    cell_bytes: Mapping[str, int] | None = None,
    *,
    is_weighed: bool = False,
) -> Sample:
    """Read what the rules need of a table: each feature once, a bounded piece at a time.

    `cell_bytes` says how large the cells of a column are, where that matters.
    """
    known = {column.name: column for column in columns}
    goal = known[data.first_target]
    names = [name for name in feature_names(data, columns) if name not in data.targets]
    readable = _readable(names, known)
    num_rows, num_columns = table.num_rows, max(1, len(readable))
    rows = evenly(num_rows, min(MAX_ROWS, max(MIN_ROWS, MAX_CELLS // num_columns)))
    # Of a time series rows are not compared.
    unread = [] if data.window is not None else [name for name in names if known[name].type in UNREAD]
    row_bytes = max(1, sum((cell_bytes or {}).get(name, 0) for name in unread))
    most = min(MAX_COMPARED, MAX_PRINTED_CELLS // num_columns, MAX_PRINTED_BYTES // row_bytes)
    compared = evenly(num_rows, max(2 * MIN_ROWS, most))
    matrix = np.empty((len(readable), len(rows)))
    prints: Prints = np.zeros(len(compared), np.uint64)
    places = {name: i for i, name in enumerate(readable)}
    for name, place, found in table.pieces(readable):
        here, chosen = within(rows, place)
        matrix[places[name], here] = found[chosen]
        here, chosen = within(compared, place)
        mix(prints[here], found[chosen])
    for here, bits in cell_prints(table, unread, compared):
        mix_bits(prints[here], bits)
    matrix[np.isinf(matrix)] = np.nan
    parts, sizes = _dealt(table, data, columns)
    return Sample(
        data=data,
        loss=loss,
        num_parameters=num_parameters,
        table=table,
        known=known,
        features=names,
        rows=rows,
        matrix=matrix,
        places=places,
        target=read_target(table, goal, _classes(goal, loss), parts, rows, compared),
        parts=parts,
        sizes=sizes,
        compared=compared,
        prints=prints,
        is_weighed=is_weighed,
    )


def _readable(names: Sequence[str], known: dict[str, Column]) -> list[str]:
    """Those that numbers can be made of."""
    return [name for name in names if known[name].type not in UNREAD]


def _classes(column: Column, loss: str | None) -> list[Any] | None:
    """What a target is one of; None where it is a number, or has too many values to be listed."""
    return column.values if asks_for_class(column, loss) else None


def _dealt(table: "Table", data: DataSpec, columns: Sequence[Column]) -> tuple[Parts | None, dict[str, int]]:
    """Of each row the parts that it will be in, and what these hold: dealt by the very functions of the run."""
    from app.preparing import deal_rows
    from app.preparing.series import deal_series

    fed = features(data, columns)
    try:
        if data.window is None:
            parts = deal_rows(table, data, fed)
            return parts, {part: int(np.count_nonzero(parts & bit)) for part, bit in BITS.items()}
        series = deal_series(table, data, fed)
        return series.parts, {part: len(starts) for part, starts in series.starts.items()}
    except (JobFailure, ValueError, NotImplementedError):  # the check of the run says why
        return None, {}
