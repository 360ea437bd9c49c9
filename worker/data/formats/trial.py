"""A workbook read by a process of its own, in bounded memory: run as a program, with that bound, the file and a sheet.

How much a workbook takes does not show before it is read: a sheet has a place for every cell up to its farthest, and a
word that is written once may stand in a million of them. A process that has no more memory ends, and nothing else does.
"""

import resource
import sys
from contextlib import suppress
from typing import Any

OUT_OF_MEMORY = 3  # how it ends where Python noticed; where the reader did, by a signal


def main(num_bytes: int, path: str, *names: str) -> None:
    """Read the sheet of that name, or else up to the first with data.

    Says nothing of what cannot be read: the reader will.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (num_bytes, num_bytes))
    from python_calamine import CalamineError, CalamineWorkbook

    with suppress(CalamineError, OSError), CalamineWorkbook.from_path(path) as book:
        for name in names or book.sheet_names:
            with suppress(CalamineError):
                if _holds_data(book.get_sheet_by_name(name)) and not names:
                    return


def _holds_data(sheet: Any) -> bool:
    """Goes to the sheet's end, whatever it finds."""
    return sum(any(cell not in (None, "") for cell in row) for row in sheet.iter_rows()) > 0


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), *sys.argv[2:])
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)
