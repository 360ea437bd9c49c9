# ruff: noqa: DTZ001, tables keep times without a zone
"""Files as tables: what was written is what is kept, whatever awkward form it had."""

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.dialect import MISSING_WORDS
from app.errors import JobFailure
from app.tabular.intake import Intake
from app.tabular.refusals import Limits
from app.tabular.sniffing import Overrides
from worker.data.reading import convert


def read(folder: Path, data: bytes, **overrides: Any) -> list[dict[str, Any]]:
    source, target = folder / "in.csv", folder / "out.parquet"
    with source.open("wb") as sink:
        intake = Intake(sink, Limits(1 << 30, 1 << 20), Overrides(**overrides))
        intake.feed(data)
        dialect = intake.finish().dialect
    with target.open("wb+") as file:
        assert convert(source, dialect, file, lambda num_rows: None) == dialect.num_rows
    rows: list[dict[str, Any]] = pq.read_table(target).to_pylist()
    return rows


AWKWARD: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "comma in quotes": (
        'first,last,address,city,zip\nJohn,Doe,120 any st.,"Anytown, WW",08123',
        [{"first": "John", "last": "Doe", "address": "120 any st.", "city": "Anytown, WW", "zip": "08123"}],
    ),
    "empty fields": ('a,b,c\n1,"",""\n2,3,4', [{"a": 1, "b": None, "c": None}, {"a": 2, "b": 3, "c": 4}]),
    "empty fields, CRLF": ('a,b,c\r\n1,"",""\r\n2,3,4', [{"a": 1, "b": None, "c": None}, {"a": 2, "b": 3, "c": 4}]),
    "escaped quotes": ('a,b\n1,"ha ""ha"" ha"\n3,4\n', [{"a": 1, "b": 'ha "ha" ha'}, {"a": 3, "b": "4"}]),
    "json": (
        'key,val\n1,"{""type"": ""Point"", ""coordinates"": [102.0, 0.5]}"\n',
        [{"key": 1, "val": '{"type": "Point", "coordinates": [102.0, 0.5]}'}],
    ),
    "quotes within fields": (
        "Phone,Place,City\n2095257564,37\ufffd36'37.8\"N 121\ufffd2'17.9\"W,Modesto",
        [{"Phone": 2095257564, "Place": "37\ufffd36'37.8\"N 121\ufffd2'17.9\"W", "City": "Modesto"}],
    ),
    "line ends in fields": (
        'a,b,c\n1,2,3\n"Once upon \na time",5,6\n7,8,9\n',
        [{"a": "1", "b": 2, "c": 3}, {"a": "Once upon \na time", "b": 5, "c": 6}, {"a": "7", "b": 8, "c": 9}],
    ),
    "line ends in fields, CRLF": (
        'a,b,c\r\n1,2,3\r\n"Once upon \r\na time",5,6\r\n7,8,9\r\n',
        [{"a": "1", "b": 2, "c": 3}, {"a": "Once upon \r\na time", "b": 5, "c": 6}, {"a": "7", "b": 8, "c": 9}],
    ),
    "quotes and line ends": ('a,b\n1,"ha \n""ha"" \nha"\n3,4\n', [{"a": 1, "b": 'ha \n"ha" \nha'}, {"a": 3, "b": "4"}]),
    "simple": ("a,b,c\n1,2,3\n", [{"a": 1, "b": 2, "c": 3}]),
    "simple, CRLF": ("a,b,c\r\n1,2,3\r\n", [{"a": 1, "b": 2, "c": 3}]),
    "beyond ASCII": ("a,b,c\n1,2,3\n4,5,ʤ", [{"a": 1, "b": 2, "c": "3"}, {"a": 4, "b": 5, "c": "ʤ"}]),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_the_awkward_files_that_every_reader_is_tried_on(tmp_path: Path, name: str) -> None:
    text, rows = AWKWARD[name]
    assert read(tmp_path, text.encode()) == rows


words = st.text(alphabet=st.sampled_from('ab ,"\n\té;x'), max_size=8).map(lambda word: f"{word}z")


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(words, min_size=n, max_size=n), min_size=1, max_size=8)),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_whatever_python_writes_is_kept_to_the_letter(
    tmp_path: Path, rows: list[list[str]], delimiter: str, line_end: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end)
    writer.writerows([[f"name{i}" for i in range(len(rows[0]))], *rows])
    found = read(tmp_path, text.getvalue().encode(), delimiter=delimiter, quote='"', has_header=True)
    assert [list(row.values()) for row in found] == rows


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "2"], [1, 2]),
        (["1", "2.5"], [1.0, 2.5]),
        (["1e3", "-.5"], [1000.0, -0.5]),
        (["12345678901234567890", "1"], [12345678901234567890.0, 1.0]),
        (["1.5", "inf"], [1.5, float("inf")]),
        (["true", "FALSE"], [True, False]),
        (["yes", "no"], ["yes", "no"]),
        (["08123", "01234"], ["08123", "01234"]),
        (["2024-01-02", "2024-01-03"], [datetime(2024, 1, 2), datetime(2024, 1, 3)]),
        (["2024-01-02 03:04:05", "2024-01-03T00:00:00"], [datetime(2024, 1, 2, 3, 4, 5), datetime(2024, 1, 3)]),
        (["1949-01", "1949-12"], [datetime(1949, 1, 1), datetime(1949, 12, 1)]),
        (["1949-01", "1949-13"], ["1949-01", "1949-13"]),
        (["4711-01", "4711-02"], ["4711-01", "4711-02"]),
        (["1949-01", "1949-02-03"], ["1949-01", "1949-02-03"]),
        (["12:30", "13:30"], ["12:30", "13:30"]),
    ],
)
def test_types_are_found(tmp_path: Path, cells: list[str], values: list[Any]) -> None:
    found = [row["x"] for row in read(tmp_path, "\n".join(["x", *cells]).encode(), has_header=True, delimiter=",")]
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@pytest.mark.parametrize("word", [word for word in MISSING_WORDS if word])
def test_words_for_what_is_missing_are_missing(tmp_path: Path, word: str) -> None:
    rows = read(tmp_path, f"x,y\n1,a\n{word},{word}\n".encode())
    assert rows[1] == {"x": None, "y": None}


@pytest.mark.parametrize(
    ("late", "kind"), [("2.5", float), ("word", str), ("99999999999999999999", float), ("true", str), ("inf", float)]
)
def test_a_value_of_another_kind_far_down_changes_the_type_of_the_column(tmp_path: Path, late: str, kind: type) -> None:
    rows = read(tmp_path, b"x,y\n" + b"1,2\n" * 30_000 + f"{late},2\n".encode())
    assert {type(row["x"]) for row in rows} == {kind}
    assert len(rows) == 30_001


def test_large_integers_are_kept_to_the_last_digit(tmp_path: Path) -> None:
    large = [2**53 + 1, 2**63 - 1, -(2**63)]
    rows = read(tmp_path, b"x\n" + b"1\n" * 30_000 + "\n".join(map(str, large)).encode())
    assert [row["x"] for row in rows[-3:]] == large


@pytest.mark.parametrize("word", ["maybe", "yes", "1", "T"])
def test_a_word_far_down_a_column_of_truth_values_makes_it_one_of_words(tmp_path: Path, word: str) -> None:
    rows = read(tmp_path, b"x,y\n" + b"True,2\n" * 30_000 + f"{word},2\n".encode())
    assert (rows[0]["x"], rows[-1]["x"]) == ("True", word)


@pytest.mark.parametrize("word", ["inf", "infinity", "epoch", "soon", "99999-01-01"])
@pytest.mark.parametrize("num_before", [0, 1, 30_000])
def test_a_word_is_no_time(tmp_path: Path, word: str, num_before: int) -> None:
    data = b"x,y\n" + b"2024-01-02,2\n" * num_before + f"{word},2\n".encode()
    rows = read(tmp_path, data, has_header=True)
    if num_before:
        assert (rows[0]["x"], rows[-1]["x"]) == ("2024-01-02", word)
    else:
        assert rows[-1]["x"] in (word, float("inf"))


def test_names_may_be_anything(tmp_path: Path) -> None:
    names = ["a", "A", "a.b", "it's", 'say "so"', "select", "Größe", "x;y", "a b"]
    text = io.StringIO()
    csv.writer(text).writerows([names, range(len(names))])
    assert list(read(tmp_path, text.getvalue().encode())[0].items()) == list(zip(names, range(len(names)), strict=True))


def test_a_file_that_is_not_as_it_was_taken_in_is_not_read_in_part(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    with source.open("wb") as sink:
        intake = Intake(sink, Limits(1 << 30, 1 << 20))
        intake.feed(b"a,b\n1,2\n3,4\n")
        dialect = intake.finish().dialect
    source.write_bytes(b"a,b\n1,2\n")
    with (tmp_path / "out.parquet").open("wb+") as file, pytest.raises(JobFailure, match="2 records, but 1"):
        convert(source, dialect, file, lambda num_rows: None)


@pytest.mark.parametrize("num_long", [1, 4])
def test_records_of_megabytes_are_read_whole(tmp_path: Path, num_long: int) -> None:
    long = ["x" * 900_000 + f"\n{i}" for i in range(num_long)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [[f"name{i}" for i in range(num_long)], ["a"] * num_long, long, ["b"] * num_long]
    )
    found = read(tmp_path, text.getvalue().encode(), delimiter=",", quote='"', has_header=True)
    assert [list(row.values()) for row in found] == [["a"] * num_long, long, ["b"] * num_long]


def test_thousands_of_columns_are_read(tmp_path: Path) -> None:
    names = [f"gene{i}" for i in range(12_000)]
    rows = read(tmp_path, (",".join(names) + "\n" + ",".join(["0.5"] * 12_000) + "\n").encode())
    assert rows == [dict.fromkeys(names, 0.5)]
