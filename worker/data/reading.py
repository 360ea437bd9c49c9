"""A delimited file becomes a typed table: DuckDB reads, Parquet keeps.

How the file is written was settled when it was taken in; here it is read just so, and every record must arrive.
Integers are int64, other numbers float64, then booleans, timestamps in microseconds, and strings.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.dialect import MISSING_WORDS, Dialect
from app.errors import JobFailure

Progress = Callable[[int], None]

_CANDIDATES = ("NULL", "BIGINT", "DOUBLE", "TIMESTAMP", "DATE", "VARCHAR")
_SAMPLE_ROWS = 20_480
_GROUP_BYTES = 64 << 20  # of a Parquet row group, unpacked
_FIELD_BYTES = 1 << 20
_MEMORY_LIMIT = "1GB"


def write_parquet(batches: Iterator[pa.RecordBatch], schema: pa.Schema, target: Any, progress: Progress) -> int:
    """Write a table, a row group at a time, to an open file. Returns the number of rows."""
    num_rows = 0
    with pq.ParquetWriter(target, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            num_rows += batch.num_rows
            progress(num_rows)
    return num_rows


def convert(source: Path, dialect: Dialect, target: Any, progress: Progress) -> int:
    """Read the delimited file `source` into the open Parquet file `target`. Returns the number of rows.

    Raises JobFailure when a record is lost on the way.
    """
    import duckdb

    with closing(duckdb.connect(config={"memory_limit": _MEMORY_LIMIT})) as connection:
        try:
            num_rows = _convert(connection, source, dialect, _types(connection, source, dialect), target, progress)
        except duckdb.ConversionException:  # a value further down is of another kind than those of the sample
            target.seek(0)
            target.truncate()
            types = _types(connection, source, dialect, num_rows=-1)
            num_rows = _convert(connection, source, dialect, types, target, progress)
        except duckdb.Error as error:
            raise JobFailure("unreadable", f"The file cannot be read: {str(error).splitlines()[0]}") from error
    if num_rows != dialect.num_rows:
        message = f"The file has {dialect.num_rows:,} records, but {num_rows:,} were read."
        raise JobFailure("unreadable", message, "Quote characters inside fields must be doubled.")
    return num_rows


def _convert(connection: Any, source: Path, dialect: Dialect, types: list[str], target: Any, progress: Progress) -> int:
    columns = {f"c{i}": kind for i, kind in enumerate(types)}
    relation = connection.sql(f"SELECT * FROM {_read_csv(source, dialect, columns=columns, auto_detect=False)}")
    fields = [pa.field(name, _ARROW[kind]) for name, kind in zip(dialect.columns, types, strict=True)]
    reader = relation.to_arrow_reader(max(1024, _GROUP_BYTES // (8 * len(fields))))
    schema = pa.schema(fields)
    return write_parquet((_named(batch, schema) for batch in reader), schema, target, progress)


_ARROW = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
    "VARCHAR": pa.string(),
}


def _named(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The same columns under their own names, which DuckDB, blind to case, never sees."""
    return pa.RecordBatch.from_arrays(
        [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)], schema=schema
    )


def _types(connection: Any, source: Path, dialect: Dialect, num_rows: int = _SAMPLE_ROWS) -> list[str]:
    """The DuckDB type of each column, judged by so many rows, -1 for all.

    Of words, only true and false are taken for truth values: "yes" and "no" stay what they are.
    """
    call = _read_csv(source, dialect, auto_type_candidates=list(_CANDIDATES), sample_size=num_rows, all_varchar=False)
    ((found,),) = connection.execute(f"SELECT Columns FROM {call.replace('read_csv', 'sniff_csv', 1)}").fetchall()
    types = ["TIMESTAMP" if column["type"] == "DATE" else column["type"] for column in found]
    words = {f"c{i}": "VARCHAR" for i in range(len(types))}
    texts = [i for i, kind in enumerate(types) if kind == "VARCHAR"]
    if texts:
        asked = ", ".join(f"coalesce(bool_and(lower(c{i}) IN ('true', 'false')), false)" for i in texts)
        lines = f"(SELECT * FROM {_read_csv(source, dialect, columns=words, auto_detect=False)}"
        limit = "" if num_rows < 0 else f" LIMIT {num_rows}"
        (answers,) = connection.execute(f"SELECT {asked} FROM {lines}{limit})").fetchall()
        for i, is_truth in zip(texts, answers, strict=True):
            types[i] = "BOOLEAN" if is_truth else "VARCHAR"
    return types


def _read_csv(source: Path, dialect: Dialect, **options: Any) -> str:
    """DuckDB's call that reads the file as its dialect says."""
    options = {
        "delim": dialect.delimiter,
        "quote": dialect.quote,
        "escape": dialect.quote,
        "header": dialect.has_header,
        "skip": 0,
        "comment": "",
        "strict_mode": True,
        "null_padding": False,
        "nullstr": list(MISSING_WORDS),
        "allow_quoted_nulls": True,
        "max_line_size": 16 * _FIELD_BYTES,
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
