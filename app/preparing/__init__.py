"""From the rows of a dataset to fitted steps: which rows train, and what is learned of them.

Needs pyarrow and numpy, not torch: the worker prepares a training with it, the server shows beforehand what it does.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from app.errors import JobFailure
from app.preparing.fitting import Fitter, fitters
from app.preparing.table import Table
from app.prints import firsts
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import dropping
from app.specs.splits import ColumnSplit
from app.splitting import BITS, Parts, deal
from app.transforms import AnyStep


def deal_rows(table: Table, data: DataSpec, fed: Sequence[Column]) -> Parts:
    """The parts (N,) of each row, none where it lacks what may not be missing, or is not to be used again.

    Raises JobFailure when none trains.

    A row without a target is never used: nothing can be learned or judged by it, and what filled it would be invented.
    """
    lacking = dropping(data, fed)
    lacking += [name for name in data.targets if table.known[name].num_missing]
    used = table.whole(lacking)
    if data.repeats == "drop":
        if isinstance(data.split, ColumnSplit):  # a row of no part takes no other's place
            used = deal(data.split, table, data.first_target, used) > 0
        used = firsts(table, list(dict.fromkeys([*(column.name for column in fed), *data.targets])), used)
    dealt = deal(data.split, table, data.first_target, used)
    if not (dealt & BITS["train"]).any():
        raise JobFailure("data", "No row is left to train on.", "Look at the split, and at what happens to gaps.")
    return dealt


def fit_steps(table: Table, data: DataSpec, fed: Sequence[Column], dealt: Parts) -> list[AnyStep]:
    """The fitted steps of each column. Raises JobFailure where nothing can be learned from one."""
    return fit_with(fitters(data, fed), table, dealt)


def fit_with(learning: Sequence[Fitter], table: Table, dealt: Parts) -> list[AnyStep]:
    """What was learned. The training rows come by until nobody wants them once more. Raises JobFailure."""
    while wanting := [one for one in learning if one.wants_more]:
        names = [one.name for one in wanting]
        for place, batch in table.batches(names, 8 * len(names)):
            rows = batch.filter(pa.array(dealt[place] & BITS["train"] > 0))
            for one in wanting:
                one.see(finite(one.name, rows.column(one.name)))
        for one in wanting:
            one.turn()
    return [step for one in learning for step in one.steps()]


def finite(name: str, column: pa.Array) -> pa.Array:
    """The column itself. Raises JobFailure where it holds infinite values."""
    if pa.types.is_floating(column.type) and np.isinf(column.to_numpy(zero_copy_only=False)).any():
        raise JobFailure("data", f"The column {name} holds infinite values.", "Leave it out of the features.")
    return column
