"""How figures are printed: one table, medians with their spread."""

import statistics
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    Console(width=110).print(table)


def spread(seconds: Sequence[float], unit: str = "ms") -> str:
    """The median of some times, with the least and the greatest."""
    factor = {"ms": 1e3, "s": 1.0, "us": 1e6}[unit]
    low, mid, high = (f(seconds) * factor for f in (min, statistics.median, max))
    return f"{mid:.3g} {unit} ({low:.3g} to {high:.3g})"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """How many times as long theirs took, each round beside ours of that round: median, least and greatest."""
    found = [b / a for a, b in zip(ours, theirs, strict=True)]
    return f"{statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})"
