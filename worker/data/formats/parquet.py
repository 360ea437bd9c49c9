"""Parquet files of others: their many types become those few that a table here has, some rows at a time."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.marks import mark_of
from app.pictures import decode_image
from worker.data.formats.base import Limits, Progress, Read, is_of_disk, reason_of, unique_names, unreadable
from worker.data.formats.fields import GROUP_BYTES, GROUP_ROWS, array_field, image_field, open_writer

_MICROSECONDS = pa.timestamp("us")
_NUMBERS_OF_ARRAYS = {pa.float32(): pa.float32(), pa.float16(): pa.float32(), pa.uint8(): pa.uint8()}


def read(path: Path, target: BinaryIO, progress: Progress, limits: Limits) -> Read:
    """Read a Parquet file into a table of the types that are used here. Raises JobFailure, with the column's name."""
    try:
        # Not read ahead: a row group may be larger than memory.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            return _read(file, path.stat().st_size, target, progress, limits)
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: of names that are not UTF-8
        if isinstance(error, OSError) and is_of_disk(error):
            raise
        raise unreadable(f"The Parquet file cannot be read: {reason_of(error)}") from error


def _read(file: pq.ParquetFile, size: int, target: BinaryIO, progress: Progress, limits: Limits) -> Read:
    found = Read()
    empty = _flat(file.schema_arrow.empty_table())
    if not 0 < empty.num_columns <= limits.columns:
        raise unreadable(f"The file has {empty.num_columns:,} columns; there may be up to {limits.columns:,}.")
    if not file.metadata.num_rows:
        raise unreadable("The Parquet file has no rows.")
    plans = _plans(file, empty.schema)
    schema = pa.schema([plan.field for plan in plans])
    with open_writer(target, schema) as writer:
        for table in _tables(file):
            columns = [plan.convert(table.column(i), found) for i, plan in enumerate(plans)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            found.num_rows += table.num_rows
            progress(size * found.num_rows // file.metadata.num_rows)
    return found


def _tables(file: pq.ParquetFile, names: list[str] | None = None) -> Iterator[pa.Table]:
    """The rows, as many at a time as make no more than a row group's bytes, structs flattened."""
    for batch in file.iter_batches(_rows_at_once(file), columns=names):
        yield _flat(pa.Table.from_batches([batch]))


def _rows_at_once(file: pq.ParquetFile) -> int:
    groups = (file.metadata.row_group(i) for i in range(file.metadata.num_row_groups))
    bytes_of_row: int = sum(group.total_byte_size for group in groups) // file.metadata.num_rows
    bytes_of_row = max(bytes_of_row, 8 * len(file.schema_arrow.names))
    return max(1, min(GROUP_ROWS, GROUP_BYTES // bytes_of_row))


def _flat(table: pa.Table) -> pa.Table:
    """Structs as columns with dots in their names; what Hugging Face keeps images in as one column."""
    while any(pa.types.is_struct(field.type) for field in table.schema):
        pictures = [
            field.name
            for field in table.schema
            if pa.types.is_struct(field.type) and {one.name for one in field.type} == {"bytes", "path"}
        ]
        table = table.flatten()
        renamed = {f"{name}.bytes": name for name in pictures}
        table = table.rename_columns([renamed.get(name, name) for name in table.column_names])
    return table.rename_columns(unique_names(table.column_names))


class _Plan:
    """What becomes of one column."""

    def __init__(self, field: pa.Field, source: pa.Field) -> None:
        self.field, self._source = field, source
        self._num_rows = 0

    def convert(self, column: pa.ChunkedArray, found: Read) -> pa.Array:
        """Some rows as the type that is used here. Raises JobFailure with the column's name."""
        try:
            array = _decoded(column.combine_chunks())
            if mark_of(self.field) == "image":
                array = self._checked(array, found)
            converted = _convert(array, self.field.type)
        except (pa.ArrowException, ValueError) as error:
            name, kind = self.field.name, self._source.type
            message = f"The column {name!r} of type {kind} cannot be read as {self.field.type}: {reason_of(error)}."
            raise unreadable(message, "Leave it out of the file, or write it as numbers or text.") from error
        self._num_rows += len(array)
        return converted

    def _checked(self, array: pa.Array, found: Read) -> pa.Array:
        """Broken images are missing values, and listed."""
        cells = array.to_pylist()
        for i, data in enumerate(cells):
            if data is None:
                continue
            try:
                decode_image(data)
            except ValueError as error:
                found.put_aside(f"row {self._num_rows + i + 1}, column {self.field.name}", str(error))
                cells[i] = None
        return pa.array(cells, pa.binary())


def _plans(file: pq.ParquetFile, schema: pa.Schema) -> list[_Plan]:
    """A look at the rows settles what the types leave open: how long lists are, and what bytes hold."""
    lists = [i for i, field in enumerate(schema) if _is_list_of_numbers(field.type)]
    binary = [i for i, field in enumerate(schema) if _is_binary(_value_type(field.type))]
    lengths = _lengths(file, lists)
    pictures = {i for i in binary if mark_of(schema.field(i)) == "image" or _holds_pictures(file, i)}
    plans = []
    for i, field in enumerate(schema):
        if i in pictures:
            made = image_field(field.name)
        elif i in lengths:
            made = array_field(field.name, _number(field.type.value_type), [lengths[i]])
        else:
            made = _field(field)
        plans.append(_Plan(made, field))
    return plans


def _lengths(file: pq.ParquetFile, columns: list[int]) -> dict[int, int]:
    """Of columns of lists: the length of those whose lists are all equally long and have no gaps."""
    found: dict[int, int] = {}
    left = set(columns)
    if not left:
        return found
    for table in _tables(file):
        for i in list(left):
            array = table.column(i).combine_chunks()
            ends = pc.min_max(pc.list_value_length(array)).as_py()
            if ends["min"] is None:
                continue
            same = ends["min"] == ends["max"] == found.get(i, ends["min"])
            if not same or not ends["min"] or pc.list_flatten(array).null_count:
                left.discard(i)
                found.pop(i, None)
            else:
                found[i] = ends["min"]
        if not left:
            break
    return found


def _holds_pictures(file: pq.ParquetFile, column: int) -> bool:
    """Whether the first value of a column of bytes is an image."""
    for table in _tables(file):
        present = _decoded(table.column(column).combine_chunks()).drop_null()
        if len(present):
            try:
                decode_image(present[0].as_py())
            except ValueError:
                return False
            return True
    return False


def _field(source: pa.Field) -> pa.Field:
    """The column that a column of this type becomes."""
    name, kind = source.name, _value_type(source.type)
    if pa.types.is_boolean(kind):
        return pa.field(name, pa.bool_())
    if pa.types.is_integer(kind):
        return pa.field(name, pa.int64())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pa.field(name, pa.float64())
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return pa.field(name, _MICROSECONDS)
    if pa.types.is_fixed_size_list(kind):
        shape, numbers = _fixed_shape(kind)
        if _is_number(numbers) and 0 not in shape:
            marked = source.metadata if mark_of(source) == "array" else None
            made = array_field(name, _number(numbers), shape)
            return made.with_metadata(marked) if marked and len(shape) == 1 else made
    return pa.field(name, pa.string(), metadata=source.metadata if mark_of(source) == "category" else None)


def _fixed_shape(kind: pa.DataType) -> tuple[list[int], pa.DataType]:
    shape = []
    while pa.types.is_fixed_size_list(kind):
        shape.append(kind.list_size)
        kind = kind.value_type
    return shape, kind


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_binary(kind: pa.DataType) -> bool:
    return any(is_one(kind) for is_one in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary))


def _is_number(kind: pa.DataType) -> bool:
    return any(is_one(kind) for is_one in (pa.types.is_integer, pa.types.is_floating))


def _is_list_of_numbers(kind: pa.DataType) -> bool:
    return (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and _is_number(kind.value_type)


def _number(kind: pa.DataType) -> pa.DataType:
    """The type of the numbers of an array."""
    return _NUMBERS_OF_ARRAYS.get(kind, pa.int64() if pa.types.is_integer(kind) else pa.float64())


def _decoded(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _convert(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_fixed_size_list(kind):
        return _arrays(array, kind)
    if array.type == kind:
        return array
    if pa.types.is_timestamp(kind):
        return array.cast(pa.timestamp("us", getattr(array.type, "tz", None)), safe=False).cast(kind)
    if pa.types.is_floating(kind):
        return array.cast(kind, safe=False)
    if pa.types.is_string(kind) and pa.types.is_nested(array.type):
        return pa.array([None if one is None else _as_json(one) for one in array.to_pylist()], kind)
    try:
        return array.cast(kind)
    except pa.ArrowNotImplementedError:
        return pa.array([None if one is None else str(one) for one in array.to_pylist()], kind)


def _arrays(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Lists of one length, fixed or only so in fact, as arrays; a missing one stays missing."""
    present = array.drop_null()
    flat = present
    while pa.types.is_nested(flat.type):
        flat = pc.list_flatten(flat)
    if flat.null_count:
        if not pa.types.is_floating(kind.value_type):
            raise ValueError("a list of whole numbers has a gap")
        flat = pc.fill_null(flat, float("nan"))
    made = pa.FixedSizeListArray.from_arrays(flat.cast(kind.value_type), kind.list_size).cast(kind)
    if not array.null_count:
        return made
    places = np.cumsum(array.is_valid().to_numpy(zero_copy_only=False)) - 1
    return made.take(pa.array(places, mask=array.is_null().to_numpy(zero_copy_only=False)))


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
