"""The rows of a time series on their way into windows: their order, the parts, and the windows of each part."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.errors import JobFailure
from app.preparing.table import Table
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import dropping
from app.splitting import Parts, Rows, deal
from app.windows import Mask, Order, deal_windows, in_order


@dataclass(frozen=True)
class DealtSeries:
    """Which windows train, validate and test.

    Of each row of the table its parts, whether all that is fed of it is there, and whether its target is; each (R,).
    """

    order: Order
    parts: Parts
    seen: Mask
    told: Mask
    starts: dict[str, Rows]  # of each part (N,): where its windows begin in the order

    @property
    def fitted(self) -> Parts:
        """The parts of the rows that anything may be learned of: those that can be fed."""
        found: Parts = np.where(self.seen, self.parts, 0).astype(np.uint8)
        return found


def deal_series(table: Table, data: DataSpec, fed: Sequence[Column]) -> DealtSeries:
    """Cut the rows into windows and deal these. Raises JobFailure when none trains.

    A row that lacks what may not be missing is not taken out: what lay on both sides of it would seem to follow one
    another. Windows that would hold it are left out instead.
    """
    assert data.window is not None
    order = in_order(table, data.window)
    parts = deal(data.split, table, data.first_target)
    seen = _whole(table, dropping(data, fed))
    told = _whole(table, [data.first_target] if table.known[data.first_target].num_missing else [])
    rows = order.rows
    starts = deal_windows(order.bounds, data.window, parts[rows], seen[rows], told[rows])
    if not len(starts["train"]):
        message = "No window is left to train on."
        hint = f"One takes {data.window.span:,} rows of one series without gaps, of which the last ones train."
        raise JobFailure("data", message, hint)
    return DealtSeries(order, parts, seen, told, starts)


def _whole(table: Table, names: Sequence[str]) -> Mask:
    found = table.whole(names)
    return np.ones(table.num_rows, np.bool_) if found is None else found
