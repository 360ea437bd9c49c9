"""The beginning of a file that came in pieces: what it seems to be."""

from pathlib import Path
from typing import cast

from app import formats
from app.db.tables import Upload
from app.specs.columns import ColumnType
from app.tabular.packing import MAGIC, format_of
from app.tabular.preview import Preview, preview
from app.tabular.refusals import Limits
from app.tabular.sniffing import Overrides, preferred_delimiter
from app.tabular.zipped import head_of, sole_table
from app.uploads.schemas import PreviewColumn, PreviewOut, SetAsideRow

HEAD_BYTES = 128 << 10
_LONGEST_HEAD_BYTES = 8 << 20
_FEWEST_LINES = 2  # a header and a row


def read_preview(path: Path, upload: Upload, overrides: Overrides, limits: Limits) -> PreviewOut:
    """What the first bytes of the file at `path` show. Raises AppError, as taking it in would."""
    head = _head(path)
    filename, is_whole = upload.filename, len(head) >= upload.size_bytes
    found = format_of(head[: formats.HEAD_BYTES], filename)
    if found == "zip" and (member := sole_table(path)):
        filename, head = member.filename, head_of(path, member, HEAD_BYTES)
        is_whole = len(head) >= member.file_size
        found = format_of(head[: formats.HEAD_BYTES], filename)
    if found != "delimited":
        return PreviewOut(format=found, is_whole=is_whole)
    seen = preview(head, overrides, limits, prefer=preferred_delimiter(filename), is_whole=is_whole)
    taken, dialect = seen.taken, seen.taken.dialect
    return PreviewOut(
        format=found,
        encoding=taken.encoding,
        delimiter=dialect.delimiter,
        quote=taken.quote,
        escape=taken.escape,
        header=dialect.has_header,
        decimal=dialect.decimal,
        thousands=dialect.thousands,
        comment=taken.comment,
        columns=_columns(seen),
        rows=seen.rows,
        num_set_aside=taken.num_set_aside,
        set_aside=[SetAsideRow(line=one.line, reason=one.reason, text=one.text) for one in seen.misfits],
        notes=list(taken.notes),
        is_whole=is_whole,
    )


def _columns(seen: Preview) -> list[PreviewColumn]:
    named = zip(seen.taken.dialect.columns, seen.types, strict=True)
    return [PreviewColumn(name=name, type=cast("ColumnType", kind)) for name, kind in named]


def _head(path: Path) -> bytes:
    """As much as is needed for a few lines: those of a very wide table are long."""
    num_bytes = HEAD_BYTES
    with path.open("rb") as file:
        head = file.read(num_bytes)
        while len(head) == num_bytes < _LONGEST_HEAD_BYTES and head.count(b"\n") < _FEWEST_LINES and head[:2] != MAGIC:
            head += file.read(num_bytes)
            num_bytes *= 2
    return head
