"""Rows that are looked for: each kind of filter, the order, pages; against plain Python."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.datasets.searching import find_rows
from app.datasets.tables import read_rows
from app.errors import Unprocessable, is_disk_full
from app.storage import spilling
from app.stored import searching

NUM = 50
START = datetime(2024, 1, 1)  # noqa: DTZ001, tables have no zone


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("table") / "data.parquet"
    table = pa.table(
        {
            "age": pa.array([None if i % 7 == 0 else (i * 13) % 40 for i in range(NUM)], pa.int64()),
            "Age": [f"word {i % 5}" for i in range(NUM)],  # DuckDB is blind to case
            'a "quoted": name': [i / 4 for i in range(NUM)],
            "when": [START + timedelta(days=i) for i in range(NUM)],
            "open": [i % 2 == 0 for i in range(NUM)],
        }
    )
    pq.write_table(table, found, row_group_size=16)
    return found


def numbers(path: Path, *filters: str, sort: str | None = None) -> list[int]:
    found = find_rows(path, filters, sort, 0, NUM)
    everything = read_rows(path, 0, NUM)
    assert found.rows == [everything[number] for number in found.numbers]
    assert found.num_matching == len(found.numbers)
    return found.numbers


@pytest.mark.parametrize(
    ("filters", "keeps"),
    [
        (["age:13"], lambda i, age: age == 13),
        (["age:>=30"], lambda i, age: age is not None and age >= 30),
        (["age:<1e300"], lambda i, age: age is not None),
        (["age:<5", "open:true"], lambda i, age: age is not None and age < 5 and i % 2 == 0),
        (["age:missing"], lambda i, age: age is None),
        (["Age:word 3"], lambda i, age: i % 5 == 3),
        (["Age:~RD 2"], lambda i, age: i % 5 == 2),
        (["Age:~%"], lambda i, age: False),
        (['a "quoted": name:2.5'], lambda i, age: i == 10),
        (["when:>2024-02-01"], lambda i, age: i > 31),
        ([], lambda i, age: True),
    ],
)
def test_a_filter_keeps_the_rows_that_it_says(path: Path, filters: list[str], keeps: Any) -> None:
    ages = [None if i % 7 == 0 else (i * 13) % 40 for i in range(NUM)]
    assert numbers(path, *filters) == [i for i in range(NUM) if keeps(i, ages[i])]


def test_rows_come_in_the_order_of_a_column_the_missing_ones_last(path: Path) -> None:
    for sort, sign in (("age", 1), ("-age", -1)):
        order = numbers(path, sort=sort)
        key = [(i % 7 == 0, sign * ((i * 13) % 40) if i % 7 else 0, i) for i in range(NUM)]
        assert order == sorted(range(NUM), key=lambda i: key[i])
    assert numbers(path, "open:true", sort="-when") == list(range(48, -1, -2))


@settings(max_examples=30)
@given(offset=st.integers(0, 60), limit=st.integers(1, 30))
def test_pages_follow_one_another(path: Path, offset: int, limit: int) -> None:
    found = find_rows(path, ["open:false"], "-age", offset, limit)
    assert found.numbers == numbers(path, "open:false", sort="-age")[offset : offset + limit]
    assert found.num_matching == 25


@pytest.mark.parametrize(
    ("filters", "sort", "message"),
    [
        (["size:3"], None, "a column, a colon"),
        (["age:>old"], None, "is no number"),
        (["when:<soon"], None, "date is expected"),
        ([], "-size", "no column 'size'"),
        (["open:>perhaps"], None, "cannot be looked for"),
        (["x; DROP TABLE y"], None, "a column, a colon"),
    ],
)
def test_what_cannot_be_read_is_told(path: Path, filters: list[str], sort: str | None, message: str) -> None:
    with pytest.raises(Unprocessable, match=message):
        find_rows(path, filters, sort, 0, 10)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table that is more, in order of its words, than DuckDB is given memory for in these tests."""
    found = tmp_path_factory.mktemp("long") / "data.parquet"
    words = [sha256(b"%d" % i).hexdigest() * 2 for i in range(400_000)]
    pq.write_table(pa.table({"word": words}), found, row_group_size=20_000)
    return found


def ask_for_the_last(place: Path) -> list[int]:
    num_rows = pq.read_metadata(place).num_rows
    return find_rows(place, [], "word", num_rows - 3, 3).numbers


def test_what_does_not_fit_in_memory_is_written_beside_the_table_and_goes(
    long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Path] = []

    @contextmanager
    def watched(place: Path) -> Iterator[Path]:
        with spilling(place) as folder:
            made = folder.stat().st_mtime_ns
            yield folder
            folders.append(folder)
            assert folder.stat().st_mtime_ns > made  # something lay there

    monkeypatch.setattr(searching, "spilling", watched)
    monkeypatch.setitem(searching._SETTINGS, "memory_limit", "40MB")
    words = pq.read_table(long).column("word").to_pylist()
    assert ask_for_the_last(long) == sorted(range(len(words)), key=words.__getitem__)[-3:]
    assert ([folder.parent for folder in folders], list(long.parent.iterdir())) == ([long.parent], [long])


def test_a_full_disk_is_told_as_such(long: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound stands for the disk's end: DuckDB sets it to what is free, and says the same of both."""
    connect = searching._connect

    def bounded(folder: Path) -> Any:
        connection = connect(folder)
        connection.execute("SET max_temp_directory_size = '1MB'").fetchall()
        return connection

    monkeypatch.setattr(searching, "_connect", bounded)
    monkeypatch.setitem(searching._SETTINGS, "memory_limit", "40MB")
    with pytest.raises(OSError) as refused:
        ask_for_the_last(long)
    assert is_disk_full(refused.value)


def test_too_little_memory_is_not_told_of_the_filter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(searching._SETTINGS, "memory_limit", "100kB")
    with pytest.raises(duckdb.OutOfMemoryException):
        find_rows(path, ["Age:~word"], "Age", 0, 10)
