"""Rows that do not fit: counted, and kept with their line and the reason, so that a person can look at them."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

SET_ASIDE = "set_aside.csv"  # in the folder of a dataset
MAX_KEPT = 100_000  # rows; all are counted
MAX_CHARACTERS = 2_000  # of a row
HEADER = ("line", "reason", "text")


@dataclass(frozen=True)
class Misfit:
    """A record that does not fit: the line on which it begins, or the member it is; the reason; its text, cut."""

    line: int | str
    reason: str
    text: str


class SetAside:
    """Takes misfits in the order of the file.

    They are written as CSV to the file that `begin` opens at the first of them; without it, they are in `kept`.
    """

    def __init__(self, begin: Callable[[], BinaryIO] | None = None, *, max_kept: int = MAX_KEPT) -> None:
        self.num = 0
        self.kept: list[Misfit] = []
        self._begin, self._max_kept = begin, max_kept
        self._file: BinaryIO | None = None

    @property
    def room(self) -> int:
        """How many more are kept; those beyond are only counted."""
        return max(0, self._max_kept - self.num)

    def add(self, misfits: list[Misfit], num_more: int = 0) -> None:
        """Keep these, and count `num_more`."""
        self.num += len(misfits) + num_more
        if self._begin is None:
            self.kept += misfits
            return
        lines = io.StringIO(newline="")
        writer = csv.writer(lines, lineterminator="\n")
        if self._file is None:
            self._file = self._begin()
            writer.writerow(HEADER)
        writer.writerows((misfit.line, misfit.reason, misfit.text) for misfit in misfits)
        self._file.write(lines.getvalue().encode())
