"""Rows of a stored table, for people to look at. An image is told about here, and shown by `image_routes`."""

import math
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from app.columns import spell_one
from app.marks import mark_of, shape_of
from app.pictures import format_of, probe_image

if TYPE_CHECKING:
    import pyarrow as pa

    from app.stored.table import StoredTable


MAX_SHOWN = 64  # numbers of an array
_ROWS_AT_ONCE = 1024
_IMAGES_AT_ONCE = 8
_WRITTEN_TIMES = 64  # as many rows are written together as are read to be shown
_ARRAY_BYTES = 4 << 20


def read_rows(place: Path, offset: int, limit: int) -> list[dict[str, Any]]:
    """Rows `offset` to `offset + limit` of the table in `place` as plain values. Reads no row group that it need not.

    An image is `{"bytes", "format", "width", "height"}`; an array its first 64 numbers, in lists of its shape.
    """
    from app.stored.table import open_table  # pyarrow takes a tenth of a second, and the server starts without

    table = open_table(place)
    batches = table.batches(table.schema.names, _rows_at_once(table), offset, offset + limit)
    return [row for batch in batches for row in _plain(batch)]


def write_whole(place: Path, file: BinaryIO) -> None:
    """Write the table in `place`, of however many files it is made, into one Parquet file."""
    import pyarrow.parquet as pq

    from app.stored.table import open_table

    table = open_table(place)
    with pq.ParquetWriter(file, table.schema) as writer:
        for batch in table.batches(table.schema.names, _rows_at_once(table) * _WRITTEN_TIMES):
            writer.write_batch(batch)


def read_cell(place: Path, column: str, row: int) -> bytes | None:
    """The bytes of a cell of the table in `place`, None where it is missing. Reads no more than its row group.

    Raises LookupError when there is no such row, or no such column of images.
    """
    from app.stored.table import open_table

    table = open_table(place)
    if column not in table.schema.names or mark_of(table.schema.field(column)) != "image":
        raise LookupError(f"{column} is no column of images")
    cell: bytes | None = table.cell(column, row)
    return cell


def plain_rows(table: "pa.Table", schema: "pa.Schema") -> list[dict[str, Any]]:
    """The first columns of a table, which are those of `schema` under whatever names, as plain values."""
    import pyarrow as pa

    arrays = [table.column(i).combine_chunks().cast(field.type) for i, field in enumerate(schema)]
    return _plain(pa.RecordBatch.from_arrays(arrays, schema=schema))


def _rows_at_once(table: "StoredTable") -> int:
    """Few rows of images, of which some may be far larger than most, and of arrays no more than make a few MB."""
    marks = {field.name: mark_of(field) for field in table.schema}
    arrays = sum(table.num_bytes(name) for name, mark in marks.items() if mark == "array") // max(1, table.num_rows)
    most = _IMAGES_AT_ONCE if "image" in marks.values() else _ROWS_AT_ONCE
    return max(1, min(most, _ARRAY_BYTES // max(1, arrays)))


def _plain(batch: "pa.RecordBatch") -> list[dict[str, Any]]:
    shown = [_shown(field, batch.column(i)) for i, field in enumerate(batch.schema)]
    return [dict(zip(batch.schema.names, row, strict=True)) for row in zip(*shown, strict=True)]


def _shown(field: "pa.Field", column: "pa.Array") -> list[Any]:
    """The cells of a column as plain values."""
    match mark_of(field):
        case "image":
            return [None if data is None else _image(data) for data in column.to_pylist()]
        case "array":
            shape = shape_of(field)
            return [_nested(cell, shape) for cell in _first_numbers(column)]
    return [_value(value) for value in column.to_pylist()]


def _image(data: bytes) -> dict[str, Any]:
    image = probe_image(data)
    return {"bytes": len(data), "format": format_of(image), "width": image.width, "height": image.height}


def _first_numbers(column: "pa.Array") -> list[list[Any] | None]:
    cells = (column[i] for i in range(len(column)))
    return [cell.values.slice(0, MAX_SHOWN).to_pylist() if cell.is_valid else None for cell in cells]


def _nested(numbers: list[Any] | None, shape: list[int]) -> list[Any] | None:
    if numbers is None or len(shape) == 1:
        return None if numbers is None else [_value(number) for number in numbers]
    size = math.prod(shape[1:])
    return [_nested(numbers[start : start + size], shape[1:]) for start in range(0, len(numbers), size)]


def _value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else spell_one(value)
    return value.isoformat() if isinstance(value, datetime) else value
