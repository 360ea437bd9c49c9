"""Whether a file has the columns of the table that it is added to."""

from collections.abc import Sequence

_NAMED = 8  # columns of each kind


def unlike(found: Sequence[str], wanted: Sequence[str]) -> str | None:
    """How columns are not those that are wanted, in words that follow the file's name; None where they are.

    Their order means nothing.
    """
    lacks, besides = ([one for one in a if one not in set(b)] for a, b in ((wanted, found), (found, wanted)))
    words = [f"lacks {_listed(lacks)}"] if lacks else []
    words += [f"has {_listed(besides)} besides"] if besides else []
    return " and ".join(words) or None


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(map(repr, names[:_NAMED])) + (f" and {more:,} more" if more > 0 else "")
