"""Spreadsheets: a sheet becomes a table. The header is the first row in which every used column has text.

A workbook lies in memory while it is read, so what it unpacks to is held to a bound of its own, and a trial shows first
whether it can be read in so much.
"""

import sys
from collections.abc import Collection, Iterator, Sequence
from datetime import date, time, timedelta
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from typing import Any, BinaryIO

import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum

from app.dialect import MISSING_WORDS
from app.errors import JobFailure
from worker.data.formats.archives import Archive, MemberError
from worker.data.formats.base import Progress, Read, is_of_disk, reason_of, unique_names, unreadable
from worker.data.formats.kinds import Kinds, as_whole
from worker.data.formats.rows import RowWriter
from worker.data.formats.trial import OUT_OF_MEMORY

MAX_BYTES = 256 << 20  # of all that is in a workbook's file, unpacked
TRIAL_BYTES = 512 << 20  # of memory, for a process that reads it
_LOOK_EVERY_S = 0.5
_HEADER_ROWS = 100  # as far as a header is looked for
_MISSING = frozenset(MISSING_WORDS)
_HINT = "Save the sheet as CSV, and send that."

Cells = list[Any]


def is_workbook(archive: Archive) -> bool:
    """Whether a zip archive is a file of Excel's."""
    return any(member.name in ("xl/workbook.xml", "xl/workbook.bin") for member in archive.members)


def read(
    path: Path,
    archive: Archive,
    sheet: str | None,
    target: BinaryIO,
    progress: Progress,
    texts: Collection[str] = (),
) -> Read:
    """Read the sheet of that name, or else the first with data, into a table; the columns `texts` hold text.

    Raises JobFailure.
    """
    _measure(archive)
    _try_out(path, sheet, progress)
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            return _read(_sheet(book, sheet), archive, target, progress, texts)
    except (CalamineError, OSError) as error:
        if isinstance(error, OSError) and is_of_disk(error):
            raise
        raise unreadable(f"The workbook cannot be read: {reason_of(error)}", _HINT) from error


def _read(sheet: CalamineSheet, archive: Archive, target: BinaryIO, progress: Progress, texts: Collection[str]) -> Read:
    found = Read()
    used, header, num_above = _layout(sheet)
    names = unique_names([_name(header[i], i) if header else f"column{i}" for i in used])
    kinds = [Kinds(is_text=name in texts) for name in names]
    num_rows = 0
    for row in _rows(sheet, used, num_above):
        num_rows += 1
        for one, cell in zip(kinds, row, strict=True):
            one.see(cell)
    if not num_rows:
        raise unreadable(f"The sheet {sheet.name!r} has a header and no rows.")
    if num_above > 1 and header:
        found.note(f"{num_above - 1} rows above the header of the sheet {sheet.name!r} were left out.")
    if not header:
        found.note(f"No row of the sheet {sheet.name!r} names all columns, so they are called column0 and so on.")
    schema = pa.schema([one.field(name) for one, name in zip(kinds, names, strict=True)])
    with RowWriter(target, schema) as writer:
        for row in _rows(sheet, used, num_above):
            writer.add(row, sum(len(cell) if isinstance(cell, str) else 8 for cell in row))
            found.num_rows += 1
            if found.num_rows % 4096 == 0:
                progress(archive.size * found.num_rows // num_rows)
    return found


def _sheet(book: CalamineWorkbook, name: str | None) -> CalamineSheet:
    names = [one.name for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
    listed = ", ".join(map(repr, names))
    if name is not None:
        if name not in names:
            raise unreadable(f"The workbook has no sheet {name!r}; there are {listed}.")
        return book.get_sheet_by_name(name)
    for one in names:
        sheet = book.get_sheet_by_name(one)
        if any(_present(cell) for row in sheet.iter_rows() for cell in row):
            return sheet
        del sheet  # before the next one is in memory
    raise unreadable(f"No sheet of the workbook holds data; there are {listed}.")


def _layout(sheet: CalamineSheet) -> tuple[list[int], Cells | None, int]:
    """The used columns, the header's row, and how many rows the table begins below."""
    used: set[int] = set()
    first: list[Cells] = []
    for row in sheet.iter_rows():
        used.update(i for i, cell in enumerate(row) if _present(cell))
        if len(first) < _HEADER_ROWS:
            first.append(row)
    columns = sorted(used)
    for number, row in enumerate(first, start=1):
        named = [isinstance(cell := row[i], str) and bool(cell.strip()) for i in columns]
        # An index, as programs write it, has no name.
        if all(named) or (len(columns) > 2 and all(named[1:]) and not _present(row[columns[0]])):
            return columns, row, number
    return columns, None, 0


def _rows(sheet: CalamineSheet, used: Sequence[int], num_above: int) -> Iterator[Cells]:
    """The rows below the header that are not empty."""
    for number, row in enumerate(sheet.iter_rows()):
        if number >= num_above:
            cells = [_value(row[i]) for i in used]
            if any(cell is not None for cell in cells):
                yield cells


def _present(cell: Any) -> bool:
    return cell is not None and cell != ""


def _name(cell: Any, place: int) -> str:
    return str(cell).strip() if _present(cell) else f"column{place}"


def _value(cell: Any) -> Any:
    """The value of a cell: numbers as they are, dates as such, times of day and durations in words."""
    if isinstance(cell, str):
        return None if cell.strip() in _MISSING else cell
    if isinstance(cell, (time, timedelta)):
        return str(cell)
    return cell if isinstance(cell, (bool, date)) else as_whole(cell)


def _try_out(path: Path, sheet: str | None, progress: Progress) -> None:
    """Have another process read it. Raises JobFailure where it takes too much memory, and Cancelled."""
    program = [sys.executable, "-P", str(Path(__file__).with_name("trial.py")), str(TRIAL_BYTES), str(path)]
    with Popen([*program, *([sheet] if sheet else [])], stdout=DEVNULL, stderr=DEVNULL) as trial:
        try:
            while (code := _ended(trial)) is None:
                progress(0)
        except BaseException:
            trial.kill()
            raise
    if code < 0 or code == OUT_OF_MEMORY:
        raise JobFailure("limit", f"The workbook takes more than {TRIAL_BYTES:,} bytes of memory to be read.", _HINT)


def _ended(process: Popen[bytes]) -> int | None:
    try:
        return process.wait(_LOOK_EVERY_S)
    except TimeoutExpired:
        return None


def _measure(archive: Archive) -> None:
    """The reader of workbooks has no bound: what would be too much for it is found before. Raises JobFailure."""
    sink = _Counting()
    for member in archive.members:
        try:
            archive.copy(member, sink)  # type: ignore[arg-type]  # it is only written to
        except MemberError as error:
            raise unreadable(f"The workbook cannot be read: {member.name}: {error}.", _HINT) from error


class _Counting:
    def __init__(self) -> None:
        self._num_bytes = 0

    def write(self, data: bytes) -> int:
        self._num_bytes += len(data)
        if self._num_bytes > MAX_BYTES:
            raise JobFailure("limit", f"The workbook unpacks to more than {MAX_BYTES:,} bytes.", _HINT)
        return len(data)
