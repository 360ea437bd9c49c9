"""A delimited file becomes a typed table: DuckDB reads, Parquet keeps.

How the file is written was settled when it was taken in; here it is read just so, and every record must arrive.
Integers are int64, other numbers float64, then booleans, timestamps in microseconds, and strings. A month, as 1949-01,
is a timestamp: its first moment.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.dialect import MISSING_WORDS, Dialect
from app.errors import JobFailure

Progress = Callable[[int], None]

_CANDIDATES = ("NULL", "BIGINT", "DOUBLE", "TIMESTAMP", "DATE", "VARCHAR")
_DOUBTFUL = ("VARCHAR", "TIMESTAMP")
_SAMPLE_ROWS = 20_480
_GROUP_BYTES = 64 << 20  # of a Parquet row group, unpacked
_LINE_BYTES = 2 << 20  # what DuckDB allows by itself
_EXACT = 2**53  # from here on, not every integer is a float64
_MIN_MEMORY_BYTES = 1 << 30
_WIDE = 10_000  # columns, over all threads


def write_parquet(batches: Iterator[pa.RecordBatch], schema: pa.Schema, target: BinaryIO, progress: Progress) -> int:
    """Write a table, a row group at a time, to an open file. Returns the number of rows."""
    num_rows = 0
    with pq.ParquetWriter(target, schema, **_encodings(schema)) as writer:
        for batch in batches:
            writer.write_batch(batch)
            num_rows += batch.num_rows
            progress(num_rows)
    return num_rows


def _encodings(schema: pa.Schema) -> dict[str, Any]:
    """How each column is packed. By itself Arrow looks every number up in a dictionary, at five times the cost."""
    words = [field.name for field in schema if pa.types.is_string(field.type)]
    packed = {}
    for field in schema:
        if pa.types.is_integer(field.type) or pa.types.is_timestamp(field.type):
            packed[field.name] = "DELTA_BINARY_PACKED"
        elif pa.types.is_floating(field.type):
            packed[field.name] = "BYTE_STREAM_SPLIT"
    return {"use_dictionary": words, "column_encoding": packed, "compression": "lz4"}


def convert(source: Path, dialect: Dialect, target: BinaryIO, progress: Progress, texts: Collection[str] = ()) -> int:
    """Read the delimited file `source` into the open Parquet file `target`. Returns the number of rows.

    The columns `texts` hold text whatever their words look like. Raises JobFailure when a record is lost on the way.
    """
    try:
        num_rows = _convert(source, dialect, _SAMPLE_ROWS, texts, target, progress)
    except _Unreadable:  # a value further down is of another kind than those of the sample
        target.seek(0)
        target.truncate()
        num_rows = _convert(source, dialect, -1, texts, target, progress)
    if num_rows != dialect.num_rows:
        message = f"The file has {dialect.num_rows:,} records, but {num_rows:,} were read."
        raise JobFailure("unreadable", message, "Quote characters inside fields must be doubled.")
    return num_rows


class _Unreadable(JobFailure):
    """DuckDB gave up on the file."""

    def __init__(self, error: Exception) -> None:
        super().__init__("unreadable", f"The file cannot be read: {str(error).splitlines()[0]}")


def _convert(
    source: Path,
    dialect: Dialect,
    num_sampled: int,
    texts: Collection[str],
    target: BinaryIO,
    progress: Progress,
) -> int:
    """Read with the types that so many rows suggest, -1 for all. Raises _Unreadable where a value is of another."""
    with closing(_connect(len(dialect.columns))) as connection:
        try:
            types = _types(connection, source, dialect, num_sampled, texts)
            schema = pa.schema([(name, _ARROW[kind]) for name, kind in zip(dialect.columns, types, strict=True)])
            # DuckDB rounds 2.5 to an integer without a word: what only a sample calls whole is read as a number first.
            read_as = [
                "DOUBLE" if kind == "BIGINT" and num_sampled >= 0 else _READ_AS.get(kind, kind) for kind in types
            ]
            batches = _read(connection, source, dialect, read_as)
            return write_parquet((_named(batch, schema) for batch in batches), schema, target, progress)
        except (duckdb.Error, pa.ArrowInvalid) as error:
            raise _Unreadable(error) from error
        except OSError as error:
            if error.errno is not None:  # of the disk, not of the file's content, which Arrow reports so too
                raise
            raise _Unreadable(error) from error


def _connect(num_columns: int) -> Any:
    """DuckDB keeps two thousand values of each column for each thread: a very wide table is read by one."""
    num_threads = max(1, min(os.cpu_count() or 1, _WIDE // num_columns))
    memory = max(_MIN_MEMORY_BYTES, psutil.virtual_memory().available // 2)
    return duckdb.connect(config={"memory_limit": f"{memory}B", "threads": num_threads})


def _read(connection: Any, source: Path, dialect: Dialect, types: list[str]) -> Iterator[pa.RecordBatch]:
    """The rows of the file, a row group at a time."""
    columns = {f"c{i}": kind for i, kind in enumerate(types)}
    relation = connection.sql(f"SELECT * FROM {_read_csv(source, dialect, columns=columns, auto_detect=False)}")
    yield from relation.to_arrow_reader(max(1024, _GROUP_BYTES // (8 * len(types))))


_ARROW = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
    "MONTH": pa.timestamp("us"),
    "VARCHAR": pa.string(),
}
_READ_AS = {"MONTH": "VARCHAR"}  # a kind of ours, which DuckDB knows nothing of


def _named(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The same columns under their own names, which DuckDB, blind to case, never sees."""
    columns = [_cast(column, field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Raises ArrowInvalid where a number is not whole, or too large to be told from its neighbours."""
    if pa.types.is_integer(kind) and pa.types.is_floating(column.type):
        ends = pc.min_max(column).as_py()
        if max(-(ends["min"] or 0), ends["max"] or 0) >= _EXACT:
            raise pa.ArrowInvalid("an integer is too large to have been read as a float")
    if pa.types.is_timestamp(kind) and pa.types.is_string(column.type):  # of months
        column = pc.binary_join_element_wise(column, "01", "-")
    return column.cast(kind)


def _types(connection: Any, source: Path, dialect: Dialect, num_rows: int, texts: Collection[str]) -> list[str]:
    """The DuckDB type of each column, of numbers judged by so many rows, -1 for all; of `texts`, it is settled.

    DuckDB takes "yes" for a truth value and "inf" for a date, so both are judged here, and by all rows: of words, only
    true and false are truth values, and a time begins with a digit and has a year of four.
    """
    call = _read_csv(source, dialect, auto_type_candidates=list(_CANDIDATES), sample_size=num_rows, all_varchar=False)
    ((found,),) = connection.execute(f"SELECT Columns FROM {call.replace('read_csv', 'sniff_csv', 1)}").fetchall()
    types = ["TIMESTAMP" if column["type"] == "DATE" else column["type"] for column in found]
    types = ["VARCHAR" if name in texts else kind for name, kind in zip(dialect.columns, types, strict=True)]
    doubtful = [i for i, kind in enumerate(types) if kind in _DOUBTFUL and dialect.columns[i] not in texts]
    if not doubtful:
        return types
    as_words = _read_csv(source, dialect, columns={f"c{i}": "VARCHAR" for i in range(len(types))}, auto_detect=False)
    # Most words show among the first that they are neither; only the others are gone through to the end.
    likely = _proved(connection, f"(SELECT * FROM {as_words} LIMIT {_SAMPLE_ROWS})", types, doubtful)
    proved = _proved(connection, as_words, types, sorted(likely)) if likely else {}
    for i in doubtful:
        types[i] = proved.get(i, "VARCHAR")
    return types


def _proved(connection: Any, rows: str, types: list[str], doubtful: Iterable[int]) -> dict[int, str]:
    """What columns are by these rows, where all their words are of one kind. A column without words is of none."""
    tried = [
        (i, kind) for i in doubtful for kind in (["TIMESTAMP"] if types[i] == "TIMESTAMP" else ["BOOLEAN", "MONTH"])
    ]
    asked = ", ".join(f"coalesce(bool_and({_PROOFS[kind].format(f'c{i}')}), false)" for i, kind in tried)
    (answers,) = connection.execute(f"SELECT {asked} FROM {rows}").fetchall()
    return {i: kind for (i, kind), is_so in zip(tried, answers, strict=True) if is_so}


# What all words of a column must be for it to be one of truth values, of months, or of times.
_PROOFS = {
    "BOOLEAN": "lower({0}) IN ('true', 'false')",
    "MONTH": "regexp_full_match({0}, '[12]\\d{{3}}-(0[1-9]|1[0-2])')",
    "TIMESTAMP": "{0}[1] BETWEEN '0' AND '9' AND coalesce(year(try_cast({0} AS TIMESTAMP)) < 10000, false)",
}


def _read_csv(source: Path, dialect: Dialect, **options: Any) -> str:
    """DuckDB's call that reads the file as its dialect says."""
    options = {
        "delim": dialect.delimiter,
        "quote": dialect.quote,
        "escape": dialect.quote,
        "header": dialect.has_header,
        "skip": 0,
        "comment": "",
        "decimal_separator": dialect.decimal,
        "thousands": dialect.thousands,
        "strict_mode": True,
        "null_padding": False,
        "nullstr": list(MISSING_WORDS),
        "allow_quoted_nulls": True,
        "max_line_size": max(_LINE_BYTES, dialect.longest_record + 1),
    } | options
    arguments = ", ".join(f"{name}={_literal(value)}" for name, value in options.items())
    return f"read_csv({_literal(str(source))}, {arguments})"


def _literal(value: Any) -> str:
    """A value in DuckDB's SQL."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case dict():
            return "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in value.items()) + "}"
    return "'" + str(value).replace("'", "''") + "'"
