"""Tables inside an archive of images or texts: one column names the files, the others are known of them.

A table is gone through record by record, and what is known of a file is kept as text: as lists of words it would take
thirty times the table.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from app.dialect import MISSING_WORDS
from worker.data.formats.archives import Archive, Member, MemberError
from worker.data.formats.base import reason_of, unique_names
from worker.data.formats.kinds import Kinds

TABLE_ENDINGS = frozenset({".csv", ".tsv"})
_DELIMITERS = ",;\t|"
_LOOKED_AT = 1_000  # rows, for the column that holds the names
_SHARE = 0.5  # of which must be names of files
_MISSING = frozenset(MISSING_WORDS)
_TABLES_BYTES = 128 << 20  # of all tables that name files
_MAX_DELIMITERS = 1 << 20  # of a record: also those inside of quotes, where they part nothing
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)?(\.\d*)?([eE][+-]?\d+)?", re.ASCII)


class Labels:
    """What the tables of an archive say of its files."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._rows: dict[str, tuple[Sequence[str], str]] = {}  # of a file: columns, and their cells as JSON

    def fields(self, names: Sequence[str]) -> list[pa.Field]:
        """The columns under other names, of types that all their values have."""
        kinds = {column: Kinds() for column in self.names}
        for file in self._rows:
            for column, cell in self._cells(file).items():
                kinds[column].see(parse_cell(cell))
        return [kinds[column].field(name) for column, name in zip(self.names, names, strict=True)]

    def row(self, file: str, fields: Sequence[pa.Field]) -> list[Any]:
        """The values of a file for such columns; None where nothing is known."""
        found = self._cells(file)
        return [_value(found.get(name, ""), field.type) for name, field in zip(self.names, fields, strict=True)]

    def add(self, file: str, columns: Sequence[str], cells: Sequence[str]) -> bool:
        """Take up what a row says of a file, unless another row did."""
        if file in self._rows:
            return False
        self._rows[file] = columns, json.dumps(cells, ensure_ascii=False, separators=(",", ":"))
        return True

    def _cells(self, file: str) -> dict[str, str]:
        columns, cells = self._rows.get(file, ((), "[]"))
        return dict(zip(columns, json.loads(cells), strict=False))


def find_labels(archive: Archive, members: Sequence[Member]) -> Labels:
    """What the tables in an archive say of these members. Tables and rows that name none of them are set aside."""
    labels = Labels()
    lookup = _Lookup(members)
    left = _TABLES_BYTES
    for member in archive.members:
        if member.ending in TABLE_ENDINGS:
            try:
                table = _Table(member.name, archive.read(member), archive.limits.columns)
                shape = _shape(table, lookup)
                if shape is None:
                    raise MemberError("it is a table that names no file of the archive")
                if (left := left - table.num_bytes) < 0:
                    raise MemberError(f"tables of labels are read up to {_TABLES_BYTES:,} bytes")
                _join(labels, table, shape, lookup, archive)
            except (MemberError, csv.Error) as error:
                archive.found.put_aside(member.name, reason_of(error))
    return labels


class _Table:
    """A table of delimited text, whose records come one by one."""

    def __init__(self, name: str, data: bytes, max_columns: int) -> None:
        self.name, self.num_bytes = name, len(data)
        self._data, self._max_columns = data, max_columns
        first = self._text().readline()
        self._delimiter = max(_DELIMITERS, key=first.count)

    def records(self) -> Iterator[list[str]]:
        """Those that are not empty. Raises MemberError, and csv.Error."""
        num_delimiters = 0

        def lines() -> Iterator[str]:
            nonlocal num_delimiters
            for line in self._text():
                num_delimiters += line.count(self._delimiter)
                if num_delimiters > _MAX_DELIMITERS:
                    raise MemberError(f"a record has more than {self._max_columns:,} columns")
                yield line

        for record in csv.reader(lines(), delimiter=self._delimiter):
            num_delimiters = 0
            if len(record) > self._max_columns:
                raise MemberError(f"a record has more than {self._max_columns:,} columns")
            if record:
                yield record

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BytesIO(self._data), "utf-8-sig", "replace", newline="")


@dataclass(frozen=True)
class _Shape:
    """How a table names files: the column, and the names of all columns."""

    key: int
    names: list[str]
    has_header: bool


class _Lookup:
    """Finds a member by its name, by its last part, or by that without its ending, as far as they are unique."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._found = {member.name: member.name for member in members}
        paths = [PurePosixPath(member.name) for member in members]
        for short in ([path.name for path in paths], [path.stem for path in paths]):
            counts = Counter(short)
            for member, name in zip(members, short, strict=True):
                if counts[name] == 1:
                    self._found.setdefault(name, member.name)

    def find(self, cell: str) -> str | None:
        name = cell.strip().replace("\\", "/").removeprefix("./")
        return self._found.get(name) or self._found.get(PurePosixPath(name).name)


def _shape(table: _Table, lookup: _Lookup) -> _Shape | None:
    """None where no column names files. Goes through all of the table: one that cannot be read adds nothing."""
    first: list[str] = []
    hits: Counter[int] = Counter()
    num_records = width = 0
    for record in table.records():
        first = first or record
        width = max(width, len(record))
        if num_records <= _LOOKED_AT:
            num_records += 1
            hits.update(i for i, cell in enumerate(record) if cell and lookup.find(cell))
    key = _key(hits, num_records)
    if key is None:
        return None
    has_header = key >= len(first) or lookup.find(first[key]) is None
    header = (first if has_header else []) + [""] * width
    names = unique_names([name.strip() or f"column{i}" for i, name in enumerate(header[:width])])
    return _Shape(key, names, has_header)


def _join(labels: Labels, table: _Table, shape: _Shape, lookup: _Lookup, archive: Archive) -> None:
    key = shape.key
    columns = shape.names[:key] + shape.names[key + 1 :]
    known = set(labels.names)
    labels.names += [name for name in columns if name not in known]
    if len(labels.names) > archive.limits.columns:
        del labels.names[len(known) :]
        raise MemberError(f"with it, more than {archive.limits.columns:,} columns would be known of files")
    for number, record in enumerate(table.records(), start=1):
        if number == 1 and shape.has_header:
            continue
        file = lookup.find(record[key]) if key < len(record) else None
        if file is None:
            reason = "no file of the archive is called so"
        elif labels.add(file, columns, record[:key] + record[key + 1 :]):
            continue
        else:
            reason = "another record names the same file"
        archive.found.put_aside(f"{table.name}, record {number}", reason, ",".join(record))


def _key(hits: Counter[int], num_records: int) -> int | None:
    """The column that names the files, by how many of its cells do."""
    if not hits:
        return None
    (column, count) = max(hits.items(), key=lambda hit: (hit[1], -hit[0]))
    return column if count >= max(1, _SHARE * (num_records - 1)) else None


def parse_cell(cell: str) -> Any:
    """The value of a cell: None, a truth value, a number, or the text that it is."""
    if cell in _MISSING:
        return None
    if cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    if any(letter.isdigit() for letter in cell) and _NUMBER.fullmatch(cell):
        return float(cell) if any(letter in ".eE" for letter in cell) else int(cell)
    return cell


def _value(cell: str, kind: pa.DataType) -> Any:
    if cell in _MISSING:
        return None
    return cell if pa.types.is_string(kind) else parse_cell(cell)
