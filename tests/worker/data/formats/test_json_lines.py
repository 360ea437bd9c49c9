# ruff: noqa: DTZ001, tables keep times without a zone
"""JSON lines as tables: types by all rows, and what is no row is set aside with its line."""

import gzip
import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.errors import JobFailure
from tests.worker.data.formats.made import Found, found_in
from worker.data.formats import Limits, json_lines


def of(folder: Path, *values: Any) -> Found:
    return found_in(folder, "\n".join(map(json.dumps, values)).encode(), "rows.jsonl")


@pytest.mark.parametrize(
    ("values", "kind", "kept"),
    [
        ([1, 2, None], "int64", [1, 2, None]),
        ([1, 2.5], "double", [1.0, 2.5]),
        ([2**63, 1], "double", [2.0**63, 1.0]),
        ([True, False], "bool", [True, False]),
        ([True, 1], "string", ["true", "1"]),
        ([1, "1"], "string", ["1", "1"]),
        (["2024-01-02", "2024-01-02T03:04:05.5"], "timestamp[us]", [(2024, 1, 2), (2024, 1, 2, 3, 4, 5, 500000)]),
        (["2024-01-02T03:04:05+02:00", None], "timestamp[us]", [(2024, 1, 2, 1, 4, 5), None]),
        (["2024-01-02", "soon"], "string", ["2024-01-02", "soon"]),
        (["2024-13-02"], "string", ["2024-13-02"]),
        ([[1, 2], [3, 4]], "fixed_size_list<element: int64>[2]", [[1, 2], [3, 4]]),
        ([[1, 2.5], None], "fixed_size_list<element: double>[2]", [[1.0, 2.5], None]),
        ([[1, 2], [3]], "string", ["[1,2]", "[3]"]),
        ([["a", {"b": 1}]], "string", ['["a",{"b":1}]']),
        ([None], "string", [None]),
    ],
)
def test_types_are_those_of_all_rows(tmp_path: Path, values: list[Any], kind: str, kept: list[Any]) -> None:
    found = of(tmp_path, *({"row": i, "x": value} for i, value in enumerate(values)))
    assert found.types()["x"] == kind
    expected = [datetime(*one) if isinstance(one, tuple) else one for one in kept]
    assert found.table.column("x").to_pylist() == expected


def test_one_object_over_several_lines_is_a_row(tmp_path: Path) -> None:
    found = found_in(tmp_path, b'{\n  "a": 1,\n  "b": {"c": "x"}\n}\n', "x.json")
    assert (found.rows, found.read.num_set_aside) == ([{"a": 1, "b.c": "x"}], 0)


def test_objects_in_objects_are_columns_with_dots_and_names_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = of(tmp_path, {"b": {"c": 1, "d": {"e": 2}}}, {"a": 3, "b": None})
    assert found.rows == [
        {"b.c": 1, "b.d.e": 2, "a": None, "b": None},
        {"b.c": None, "b.d.e": None, "a": 3, "b": None},
    ]


def test_matrices_keep_their_shape(tmp_path: Path) -> None:
    found = of(tmp_path, {"x": [[1, 2, 3], [4, 5, 6]]}, {"x": [[0, 0, 0], [0, 0, 0]]})
    assert found.table.schema.field("x").metadata == {b"traindeck": b"array", b"shape": b"2,3"}
    assert found.rows[0]["x"] == [1, 2, 3, 4, 5, 6]


def test_what_is_no_object_is_set_aside_with_its_line(tmp_path: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"a": 1}',
        b"",
        b"[1]",
        b"nope",
        b'"text"',
        b'{"a": "\xff"}',
        b'{"a.b": 1, "a": {"b": 2}}',
        b'{"a": 2}',
    ]
    found = found_in(tmp_path, b"\r\n".join(lines), "rows.jsonl")
    assert found.rows == [{"a": 1}, {"a": 2}]
    assert found.aside["line 3"] == "it is an array, not an object"
    assert found.aside["line 4"].startswith("it is not JSON")
    assert found.aside["line 5"] == "it is a text, not an object"
    assert "utf-8" in found.aside["line 6"]
    assert found.aside["line 7"] == "two of its values would be called 'a.b'"
    assert found.read.num_set_aside == 5
    assert found.read.set_aside[1].content == "nope"


@pytest.mark.parametrize(
    "line", ['{"a":' * 40 + "1" + "}" * 40, '{"a":' + "[" * 40 + "]" * 40 + "}", '{"a":' * 100_000]
)
def test_nesting_without_end_is_set_aside(tmp_path: Path, line: str) -> None:
    found = found_in(tmp_path, f'{line}\n{{"b": 1}}'.encode(), "rows.jsonl")
    assert found.rows == [{"b": 1}]
    assert found.read.num_set_aside == 1


def test_a_line_longer_than_the_limit_is_set_aside_and_the_next_is_read(tmp_path: Path) -> None:
    data = b'{"a": "' + b"x" * 5_000 + b'"}\n{"a": "y"}\n'
    found = found_in(tmp_path, data, "rows.jsonl", Limits(member_bytes=1_000))
    assert found.rows == [{"a": "y"}]
    assert found.aside == {"line 1": "it is longer than 1,000 bytes"}


def test_an_array_of_objects_is_read_element_by_element(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "_CHUNK_BYTES", 7)  # every element is cut somewhere
    values = [{"a": i * 1000, "b": "ä" * i} for i in range(30)]
    data = json.dumps([*values, 12345, {"a": 1}], indent=1, ensure_ascii=False).encode()
    found = found_in(tmp_path, data, "rows.json")
    assert found.rows == [*values, {"a": 1, "b": None}]
    assert found.aside == {"element 31": "it is a number, not an object"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'[{"a": 1}, {"a": 2', "Element 2 of the array is not JSON"),
        (b'[{"a": 1}, {"a": 2}', "neither a comma nor its end"),
        (b'[{"a": 1} {"a": 2}]', "neither a comma nor its end"),
        (b'[{"a": 1},', "not closed after element 1"),
        (b"[]", "No line of the file is an object"),
        (b'{\n"a": 1\n', "line 1: it is not JSON"),
        (b"{}", "No line of the file is an object with a value"),
    ],
)
def test_files_without_rows_or_cut_off_are_refused_in_words(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(JobFailure, match=message):
        found_in(tmp_path, data, "rows.json")


def test_more_names_than_there_may_be_columns_are_refused(tmp_path: Path) -> None:
    data = json.dumps({f"user{i}": i for i in range(11)}).encode()
    with pytest.raises(JobFailure, match="more than 10 different names"):
        found_in(tmp_path, data, "rows.jsonl", Limits(columns=10))


def test_many_blocks_make_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "_BLOCK_BYTES", 1000)
    found = of(tmp_path, *({"a": i} for i in range(999)), {"a": 0.5, "late": "x"})
    assert found.num_groups > 5
    assert found.table.column("a").to_pylist() == [*map(float, range(999)), 0.5]
    assert found.rows[-1] == {"a": 0.5, "late": "x"}


def test_numbers_that_are_none_and_half_a_surrogate_do_no_harm(tmp_path: Path) -> None:
    found = found_in(tmp_path, b'{"a": NaN, "b": "\\ud800"}\n{"a": Infinity, "b": "x"}', "rows.jsonl")
    assert math.isnan(found.rows[0]["a"]) and math.isinf(found.rows[1]["a"])
    assert [row["b"] for row in found.rows] == ["?", "x"]


def test_gzipped_lines_are_read(tmp_path: Path) -> None:
    assert found_in(tmp_path, gzip.compress(b'{"a": 1}\n' * 1000), "rows.jsonl.gz").read.num_rows == 1000
