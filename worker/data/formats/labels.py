"""Tables inside an archive of images or texts: one column names the files, the others are known of them."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
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
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)?(\.\d*)?([eE][+-]?\d+)?", re.ASCII)


class Labels:
    """What the tables of an archive say of its files."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._rows: dict[str, dict[str, str]] = {}  # of a file, by column

    def fields(self, names: Sequence[str]) -> list[pa.Field]:
        """The columns under other names, of types that all their values have."""
        return [self._kinds(column).field(name) for column, name in zip(self.names, names, strict=True)]

    def row(self, file: str, fields: Sequence[pa.Field]) -> list[Any]:
        """The values of a file for such columns; None where nothing is known."""
        found = self._rows.get(file, {})
        return [_value(found.get(name, ""), field.type) for name, field in zip(self.names, fields, strict=True)]

    def add(self, file: str, row: dict[str, str]) -> bool:
        """Take up what a row says of a file, unless another row did."""
        if file in self._rows:
            return False
        self._rows[file] = row
        return True

    def _kinds(self, column: str) -> Kinds:
        kinds = Kinds()
        for row in self._rows.values():
            kinds.see(parse_cell(row.get(column, "")))
        return kinds


def find_labels(archive: Archive, members: Sequence[Member]) -> Labels:
    """What the tables in an archive say of these members. Tables and rows that name none of them are set aside."""
    labels = Labels()
    lookup = _Lookup(members)
    for table in archive.members:
        if table.ending in TABLE_ENDINGS:
            try:
                _join(labels, table.name, _records(archive.read(table)), lookup, archive)
            except (MemberError, csv.Error) as error:
                archive.found.put_aside(table.name, reason_of(error))
    return labels


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


def _join(labels: Labels, table: str, records: list[list[str]], lookup: _Lookup, archive: Archive) -> None:
    key = _key(records, lookup)
    if key is None:
        archive.found.put_aside(table, "it is a table that names no file of the archive")
        return
    width = max(map(len, records))
    has_header = key >= len(records[0]) or lookup.find(records[0][key]) is None
    header = (records[0] if has_header else []) + [""] * width
    names = unique_names([name.strip() or f"column{i}" for i, name in enumerate(header[:width])])
    labels.names += [name for i, name in enumerate(names) if i != key and name not in labels.names]
    for number, record in enumerate(records[has_header:], start=1 + has_header):
        file = lookup.find(record[key]) if key < len(record) else None
        if file is None:
            archive.found.put_aside(
                f"{table}, record {number}", "no file of the archive is called so", ",".join(record)
            )
        elif not labels.add(file, dict(zip(names, record, strict=False))):
            archive.found.put_aside(f"{table}, record {number}", "another record names the same file", ",".join(record))


def _key(records: list[list[str]], lookup: _Lookup) -> int | None:
    """The column that names the files."""
    looked_at = records[: _LOOKED_AT + 1]
    hits: Counter[int] = Counter()
    for record in looked_at:
        hits.update(i for i, cell in enumerate(record) if cell and lookup.find(cell))
    if not hits:
        return None
    (column, count) = max(hits.items(), key=lambda hit: (hit[1], -hit[0]))
    return column if count >= max(1, _SHARE * (len(looked_at) - 1)) else None


def _records(data: bytes) -> list[list[str]]:
    text = data.decode("utf-8-sig", "replace")
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    return [record for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if record]


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
