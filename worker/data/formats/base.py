"""What every reader takes and gives: limits, and what came of the reading."""

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.errors import JobFailure

Progress = Callable[[int], None]

MAX_SET_ASIDE = 100_000  # as many are kept; more are counted
_SHOWN_LETTERS = 200  # of what was set aside


@dataclass(frozen=True)
class Limits:
    """What a file may hold. Whoever sends a small file that unpacks to a huge one is stopped by these."""

    members: int = 1_000_000
    member_bytes: int = 64 << 20  # of an image, a text, a table of labels, a line of JSON
    unpacked_bytes: int = 64 << 30  # of all members together
    ratio: int = 200  # unpacked to packed; counts from `ratio_from_bytes` on
    ratio_from_bytes: int = 64 << 20
    columns: int = 20_000


class SetAside(NamedTuple):
    """A part of a file that was not used: where it is, why, and how it begins."""

    place: str
    reason: str
    content: str


@dataclass
class Read:
    """What came of a file: rows in the table, parts that were set aside, and sentences for the log."""

    num_rows: int = 0
    set_aside: list[SetAside] = field(default_factory=list)  # the first MAX_SET_ASIDE
    num_set_aside: int = 0
    notes: list[str] = field(default_factory=list)

    def put_aside(self, place: str, reason: str, content: Any = "") -> None:
        """Count a part that is not used, and keep it unless there are too many already."""
        self.num_set_aside += 1
        if len(self.set_aside) < MAX_SET_ASIDE:
            self.set_aside.append(SetAside(place, reason, _shown(content)))

    def absorb(self, other: "Read") -> None:
        """Take over what came of a part of the same file."""
        self.num_rows += other.num_rows
        self.set_aside += other.set_aside[: MAX_SET_ASIDE - len(self.set_aside)]
        self.num_set_aside += other.num_set_aside
        self.notes += other.notes

    def note(self, sentence: str) -> None:
        """Add a sentence to the log."""
        self.notes.append(sentence)


def _shown(content: Any) -> str:
    if isinstance(content, bytes):
        content = content[: 4 * _SHOWN_LETTERS].decode(errors="replace")
    return str(content)[:_SHOWN_LETTERS]


def unreadable(message: str, hint: str | None = None) -> JobFailure:
    """The failure of a file that cannot be used."""
    return JobFailure("unreadable", message, hint)


def is_of_disk(error: OSError) -> bool:
    """Whether the disk failed, and not the file's content: libraries report that so too, without a number.

    Places before the beginning of a file, which damaged ones name, are invalid arguments.
    """
    return error.errno not in (None, errno.EINVAL)


def reason_of(error: BaseException) -> str:
    """The first line of an error's words."""
    return (str(error).splitlines() or [""])[0][:300] or type(error).__name__


def unique_names(names: list[str]) -> list[str]:
    """The same names, those that come again with _2, _3, … behind."""
    taken: set[str] = set()
    found = []
    for name in names:
        chosen, number = name, 2
        while chosen in taken:
            chosen, number = f"{name}_{number}", number + 1
        taken.add(chosen)
        found.append(chosen)
    return found
