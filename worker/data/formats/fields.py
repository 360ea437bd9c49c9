"""Columns beyond plain ones, as `app.marks` has them, and the files that they are written to."""

from collections.abc import Sequence
from math import prod
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from app.marks import MARK, SHAPE

GROUP_BYTES = 16 << 20  # of a row group: showing one image of the table reads no more than that
GROUP_ROWS = 65_536


def image_field(name: str) -> pa.Field:
    """A column of encoded images."""
    return pa.field(name, pa.binary(), metadata={MARK: b"image"})


def category_field(name: str) -> pa.Field:
    """A column of words that are classes, however few rows each has."""
    return pa.field(name, pa.string(), metadata={MARK: b"category"})


def array_field(name: str, kind: pa.DataType, shape: Sequence[int]) -> pa.Field:
    """A column of arrays of one shape, row-major."""
    written = ",".join(map(str, shape)).encode()
    return pa.field(name, pa.list_(kind, prod(shape)), metadata={MARK: b"array", SHAPE: written})


def open_writer(target: BinaryIO, schema: pa.Schema) -> pq.ParquetWriter:
    """A Parquet file of these columns. Images and arrays are no words of a dictionary."""
    plain = [one.name for one in schema if not (pa.types.is_binary(one.type) or pa.types.is_fixed_size_list(one.type))]
    return pq.ParquetWriter(target, schema, use_dictionary=plain or False)
