"""Whether a file has the columns of the table that it is added to."""

from collections.abc import Sequence

HINT = "What is added has columns of the dataset, in any order; one that it lacks is missing in its rows."
_NAMED = 8  # columns


def unlike(found: Sequence[str], wanted: Sequence[str]) -> str | None:
    """How columns are not among those that are wanted, in words that follow the file's name; None where they are.

    Where a name is written otherwise, what is lacking says so too.
    """
    lacks, besides = lacking(found, wanted), lacking(wanted, found)
    if not besides:
        return None
    return (f"lacks {listed(lacks)} and " if lacks else "") + f"has {listed(besides)} besides"


def lacking(found: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Those of the wanted that were not found."""
    return [one for one in wanted if one not in set(found)]


def listed(names: Sequence[str]) -> str:
    """The first of some names."""
    more = len(names) - _NAMED
    return ", ".join(map(repr, names[:_NAMED])) + (f" and {more:,} more" if more > 0 else "")
