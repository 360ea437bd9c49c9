"""Blank lines, which are no records: told of where one might have been meant for a missing value."""

import numpy as np
from numpy.typing import NDArray


class Gaps:
    """Counts the blank lines between records: above the first and below the last one, they mean nothing anywhere."""

    def __init__(self) -> None:
        self._num = self._num_pending = 0  # pending: after the last record so far
        self._has_begun = False

    def see(self, is_blank: NDArray[np.bool_], is_record: NDArray[np.bool_]) -> None:
        """The next lines (N,), by what they are."""
        records = np.flatnonzero(is_record)
        if len(records):
            first, last = int(records[0]), int(records[-1])
            before = self._num_pending + int(np.count_nonzero(is_blank[:first])) if self._has_begun else 0
            self._num += before + int(np.count_nonzero(is_blank[first:last]))
            self._num_pending, self._has_begun = 0, True
            is_blank = is_blank[last:]
        self._num_pending += int(np.count_nonzero(is_blank))

    def notes(self, num_columns: int) -> tuple[str, ...]:
        """What a person should know: in a table of one column, a blank line may stand for a missing value."""
        if num_columns > 1 or not self._num:
            return ()
        what = "1 blank line between the rows was" if self._num == 1 else f"{self._num:,} blank lines between rows were"
        return (f'{what} left out. Where one stands for a missing value, write it as "" or NA.',)
