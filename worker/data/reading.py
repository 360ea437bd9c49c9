"""A delimited file becomes a typed table: DuckDB reads, Parquet keeps.

How the file is written was settled when it was taken in; here it is read just so, and every record must arrive.
Integers are int64, other numbers float64, then booleans, timestamps in microseconds, and strings. A month, as 1949-01,
is a timestamp: its first moment.
"""

import errno
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

from app import spellings
from app.dialect import Dialect
from app.errors import JobFailure
from app.marks import MARK
from app.storage import spilling
from app.stored.searching import is_of_full_disk

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
    with spilling(source.parent) as folder, closing(_connect(len(dialect.columns), folder)) as connection:
        try:
            types = _types(connection, source, dialect, num_sampled, texts)
            schema = pa.schema([_field(name, kind, dialect) for name, kind in zip(dialect.columns, types, strict=True)])
            # DuckDB rounds 2.5 to an integer without a word: what only a sample calls whole is read as a number first.
            read_as = ["DOUBLE" if kind == "BIGINT" and num_sampled >= 0 else kind for kind in types]
            batches = _read(connection, source, dialect, read_as)
            return write_parquet((_named(batch, schema) for batch in batches), schema, target, progress)
        except (duckdb.Error, pa.ArrowInvalid) as error:
            if is_of_full_disk(error):
                raise OSError(errno.ENOSPC, "DuckDB has no room left on the disk", str(folder)) from error
            raise _Unreadable(error) from error
        except OSError as error:
            if error.errno is not None:  # of the disk, not of the file's content, which Arrow reports so too
                raise
            raise _Unreadable(error) from error


def _connect(num_columns: int, folder: Path) -> Any:
    """DuckDB keeps two thousand values of each column for each thread: a very wide table is read by one."""
    num_threads = max(1, min(os.cpu_count() or 1, _WIDE // num_columns))
    memory = max(_MIN_MEMORY_BYTES, psutil.virtual_memory().available // 2)
    settings: dict[str, Any] = {"memory_limit": f"{memory}B", "threads": num_threads, "temp_directory": str(folder)}
    connection = duckdb.connect(config=settings)
    connection.execute("SET TimeZone = 'UTC'")  # of times that say no zone
    return connection


def _read(connection: Any, source: Path, dialect: Dialect, types: list[str]) -> Iterator[pa.RecordBatch]:
    """The rows of the file, a row group at a time."""
    columns = {f"c{i}": "VARCHAR" if kind in _MADE_OF_WORDS else kind for i, kind in enumerate(types)}
    made = (_MADE_OF_WORDS.get(kind, "{0}").format(*_words(f"c{i}", dialect)) for i, kind in enumerate(types))
    chosen = ", ".join(f"{one} AS c{i}" for i, one in enumerate(made))
    source_rows = _read_csv(source, dialect, columns=columns, auto_detect=False)
    relation = connection.sql(f"SELECT {chosen} FROM {source_rows}")
    yield from relation.to_arrow_reader(max(1024, _GROUP_BYTES // (8 * len(types))))


def _words(column: str, dialect: Dialect) -> tuple[str, str]:
    """A column of words, and the same with a point for the decimal mark and nothing between thousands, in SQL."""
    plain = f"replace({column}, {_literal(dialect.thousands)}, '')" if dialect.thousands else column
    return column, f"replace({plain}, {_literal(dialect.decimal)}, '.')" if dialect.decimal != "." else plain


_ARROW = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
    "MONTH": pa.timestamp("us"),
    "TIME": pa.timestamp("us"),
    "SAID_TIME": pa.timestamp("us"),
    "WHOLE": pa.int64(),
    "NUMBER": pa.float64(),
    "VARCHAR": pa.string(),
}


def _all(pattern: str, word: str = "{0}") -> str:
    """All of the pattern, in SQL that is yet to be formatted."""
    return f"regexp_full_match({word}, '{pattern.replace('{', '{{').replace('}', '}}')}')"


# The trimmed word, of a day with points as 2026-03-31: DuckDB reads no other order.
_ISO = "regexp_replace(trim({0}), '^([0-9]{{1,2}})[.]([0-9]{{1,2}})[.]([0-9]{{4}})', '\\3-\\2-\\1')"

# How words are made what they mean, of kinds that DuckDB does not read as we do. `trim` leaves out the spaces that
# patterns allow, and {1} is a word with a point for the decimal mark.
_MADE_OF_WORDS = {
    "BOOLEAN": "lower(trim({0})) = 'true'",
    "MONTH": "CAST(trim({0}) || '-01' AS TIMESTAMP)",
    "TIME": "timezone('UTC', CAST(" + _ISO + " AS TIMESTAMPTZ))",
    "WHOLE": "CAST(trim({1}) AS BIGINT)",
    "NUMBER": "CAST(trim({1}) AS DOUBLE)",
}

# A time as it may be said to be: of any of the spellings.
_MADE_OF_WORDS["SAID_TIME"] = (
    f"CASE WHEN {_all(spellings.MONTH)} THEN {_MADE_OF_WORDS['MONTH']} ELSE {_MADE_OF_WORDS['TIME']} END"
)

# What a column is read as whose type is said.
_SAID = {
    "integer": "WHOLE",
    "float": "NUMBER",
    "boolean": "BOOLEAN",
    "timestamp": "SAID_TIME",
    "category": "VARCHAR",
    "text": "VARCHAR",
}


def _field(name: str, kind: str, dialect: Dialect) -> pa.Field:
    """A column of the table; words that are said to be categories, or text, are marked as such."""
    said = dialect.types.get(name)
    marked = said in ("category", "text") and kind == "VARCHAR"
    return pa.field(name, _ARROW[kind], metadata={MARK: said.encode()} if marked and said else None)


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
    return column.cast(kind)


def _types(connection: Any, source: Path, dialect: Dialect, num_rows: int, texts: Collection[str]) -> list[str]:
    """The DuckDB type of each column, of numbers judged by so many rows, -1 for all; of `texts`, it is settled.

    DuckDB takes "yes" for a truth value and "inf" for a date, and knows neither +5 nor times with a zone, so these are
    judged here, by the patterns that the server has too, and by all rows.
    """
    call = _read_csv(source, dialect, auto_type_candidates=list(_CANDIDATES), sample_size=num_rows, all_varchar=False)
    ((found,),) = connection.execute(f"SELECT Columns FROM {call.replace('read_csv', 'sniff_csv', 1)}").fetchall()
    types = ["TIMESTAMP" if column["type"] == "DATE" else column["type"] for column in found]
    settled = {name: _SAID[kind] for name, kind in dialect.types.items()} | dict.fromkeys(texts, "VARCHAR")
    types = [settled.get(name, kind) for name, kind in zip(dialect.columns, types, strict=True)]
    # 0x10 is whole to DuckDB, but no number: such a column comes here when its words were tried as numbers.
    questioned = _DOUBTFUL if num_rows >= 0 else (*_DOUBTFUL, "BIGINT")
    doubtful = [i for i, kind in enumerate(types) if kind in questioned and dialect.columns[i] not in settled]
    if not doubtful:
        return types
    as_words = _read_csv(source, dialect, columns={f"c{i}": "VARCHAR" for i in range(len(types))}, auto_detect=False)
    # Most words show among the first that they are neither; only the others are gone through to the end.
    likely = _proved(connection, f"(SELECT * FROM {as_words} LIMIT {_SAMPLE_ROWS})", dialect, types, doubtful)
    proved = _proved(connection, as_words, dialect, types, sorted(likely)) if likely else {}
    for i in doubtful:
        types[i] = proved.get(i, "VARCHAR")
    return types


def _proved(connection: Any, rows: str, dialect: Dialect, types: list[str], doubtful: Iterable[int]) -> dict[int, str]:
    """What columns are by these rows, where all their words are of one kind: the first of those that may be.

    A column without words is of none.
    """
    tried = [(i, kind) for i in doubtful for kind in _MAY_BE[types[i]]]
    asked = ", ".join(_asked(kind, f"c{i}", dialect) for i, kind in tried)
    (answers,) = connection.execute(f"SELECT {asked} FROM {rows}").fetchall()
    found: dict[int, str] = {}
    for (i, kind), is_so in zip(tried, answers, strict=True):
        if is_so:
            found.setdefault(i, kind)
    return found


def _asked(kind: str, column: str, dialect: Dialect) -> str:
    """Whether all words of a column are of a kind, in SQL; what is missing says nothing."""
    proof = _PROOFS[kind].format(*_words(column, dialect))
    return f"coalesce(bool_and({proof}) FILTER (WHERE {column} IS NOT NULL), false)"


# What a column may be that DuckDB takes for one of these.
_MAY_BE = {
    "VARCHAR": ("BOOLEAN", "MONTH", "TIME", "WHOLE", "NUMBER"),
    "TIMESTAMP": ("TIMESTAMP", "TIME"),
    "BIGINT": ("BIGINT",),
}


_YEARS = " AND coalesce(year(try_cast(%s)) < 10000, false)"
# What all words of a column must be for it to be that, as `app.spellings` has it.
_PROOFS = {
    "BOOLEAN": _all(spellings.TRUTH),
    "MONTH": _all(spellings.MONTH),
    "TIMESTAMP": _all(spellings.PLAIN_TIME) + _YEARS % "trim({0}) AS TIMESTAMP",
    "TIME": _all(spellings.TIME) + _YEARS % f"{_ISO} AS TIMESTAMPTZ",
    "BIGINT": _all(spellings.WHOLE, "{1}"),
    "WHOLE": _all(spellings.WHOLE, "{1}") + " AND try_cast(trim({1}) AS BIGINT) IS NOT NULL",
    "NUMBER": _all(spellings.NUMBER, "{1}") + " AND regexp_matches({1}, '[0-9]')",
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
        "nullstr": list(spellings.MISSING_CELLS),
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
