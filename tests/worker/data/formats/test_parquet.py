# ruff: noqa: DTZ001, tables keep times without a zone
"""Parquet files of others: their types become those of tables here."""

from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from app.errors import JobFailure
from tests.worker.data.formats.made import found_in, parquet, picture
from worker.data.formats import Limits


@pytest.mark.parametrize(
    ("array", "kind", "values"),
    [
        (pa.array([1, None], pa.int8()), "int64", [1, None]),
        (pa.array([1, 2], pa.uint64()), "int64", [1, 2]),
        (pa.array([0.5, None], pa.float32()), "double", [0.5, None]),
        (pa.array([Decimal("1.25"), None]), "double", [1.25, None]),
        (pa.array([True, None]), "bool", [True, None]),
        (pa.array([date(2024, 1, 2), None]), "timestamp[us]", [datetime(2024, 1, 2), None]),
        (pa.array([1_001, None], pa.timestamp("ns")), "timestamp[us]", [datetime(1970, 1, 1, 0, 0, 0, 1), None]),
        (
            pa.array([0, 1], pa.timestamp("s", "Europe/Berlin")),
            "timestamp[us]",
            [datetime(1970, 1, 1), datetime(1970, 1, 1, 0, 0, 1)],
        ),
        (pa.array(["a", "b", "a"]).dictionary_encode(), "string", ["a", "b", "a"]),
        (pa.array(["a", None], pa.large_string()), "string", ["a", None]),
        (pa.array([b"a", None]), "string", ["a", None]),
        (pa.nulls(2), "string", [None, None]),
        (pa.array([time(1, 2), None], pa.time32("s")), "string", ["01:02:00.000", None]),
        (pa.array([[1], [2, 3], None]), "string", ["[1]", "[2,3]", None]),
        (pa.array([["a"], ["b"]]), "string", ['["a"]', '["b"]']),
        (pa.array([[1, None], [2, 3]]), "string", ["[1,null]", "[2,3]"]),
        (pa.array([[], []], pa.list_(pa.int64())), "string", ["[]", "[]"]),
        (pa.array([[1, 2], None, [3, 4]]), "fixed_size_list<element: int64>[2]", [[1, 2], None, [3, 4]]),
        (pa.array([[1.5], [2.5]], pa.list_(pa.float32())), "fixed_size_list<element: float>[1]", [[1.5], [2.5]]),
        (pa.array([None, [1, 2]], pa.list_(pa.int16(), 2)), "fixed_size_list<element: int64>[2]", [None, [1, 2]]),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), "string", ['[["k",1]]']),
    ],
)
def test_types_are_made_those_that_are_used_here(tmp_path: Path, array: pa.Array, kind: str, values: list[Any]) -> None:
    found = found_in(tmp_path, parquet(pa.table({"x": array})), "x.parquet")
    assert found.types() == {"x": kind}
    assert found.table.column("x").to_pylist() == values


def test_structs_are_columns_with_dots_and_names_may_have_dots(tmp_path: Path) -> None:
    table = pa.table({"s": [{"a": 1, "t": {"b": "x"}}, None], "s.a": [5, 6], "a.b": [7, 8], "a": [9, 10]})
    found = found_in(tmp_path, parquet(table), "x.parquet")
    assert found.rows == [
        {"s.a": 1, "s.t.b": "x", "s.a_2": 5, "a.b": 7, "a": 9},
        {"s.a": None, "s.t.b": None, "s.a_2": 6, "a.b": 8, "a": 10},
    ]


def test_matrices_of_fixed_size_keep_their_shape(tmp_path: Path) -> None:
    array = pa.array([[[1, 2, 3], [4, 5, 6]], None], pa.list_(pa.list_(pa.uint8(), 3), 2))
    found = found_in(tmp_path, parquet(pa.table({"x": array})), "x.parquet")
    assert found.table.schema.field("x").metadata == {b"traindeck": b"array", b"shape": b"2,3"}
    assert found.rows == [{"x": [1, 2, 3, 4, 5, 6]}, {"x": None}]


def test_images_are_found_by_their_bytes_and_broken_ones_are_missing(tmp_path: Path) -> None:
    cells = [{"bytes": picture(seed=1), "path": "1.png"}, {"bytes": b"broken", "path": "2.png"}, None]
    table = pa.table({"image": cells, "raw": [None, picture(seed=2, format="JPEG"), None]})
    found = found_in(tmp_path, parquet(table), "x.parquet")
    assert found.marks() == {"image": "image", "raw": "image"}
    assert [row["image"] for row in found.rows] == [picture(seed=1), None, None]
    assert [row["image.path"] for row in found.rows] == ["1.png", "2.png", None]
    assert list(found.aside) == ["row 2, column image"]


def test_a_table_of_ours_comes_back_as_it_went(tmp_path: Path) -> None:
    fields = [
        pa.field("x", pa.list_(pa.float32(), 4), metadata={b"traindeck": b"array", b"shape": b"2,2"}),
        pa.field("label", pa.string(), metadata={b"traindeck": b"category"}),
        pa.field("image", pa.binary(), metadata={b"traindeck": b"image"}),
    ]
    table = pa.table([[[1, 2, 3, 4]], ["a"], [picture()]], pa.schema(fields))
    found = found_in(tmp_path, parquet(table), "x.parquet")
    assert found.rows == table.to_pylist()
    assert [field.metadata for field in found.table.schema] == [field.metadata for field in fields]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (parquet(pa.table({"n": pa.array([2**63], pa.uint64())})), "'n' of type uint64 cannot be read as int64"),
        (parquet(pa.table({"b": [b"\xff\xfe"]})), "'b' of type binary cannot be read as string"),
        (parquet(pa.table({"x": pa.array([[1, None]], pa.list_(pa.int64(), 2))})), "'x' of type .* has a gap"),
        (parquet(pa.table({"x": pa.array([], pa.int64())})), "no rows"),
        (parquet(pa.table({})), "0 columns"),
        (parquet(pa.table({"x": [1]}))[:-3], "cannot be read"),
        (b"PAR1" + bytes(100) + b"PAR1", "cannot be read"),
        (parquet(pa.table({"name": [1]}), store_schema=False).replace(b"name", b"\xff\xfe\xfd\xfc"), "cannot be read"),
    ],
)
def test_what_no_table_here_can_hold_is_refused_with_the_column(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(JobFailure, match=message):
        found_in(tmp_path, data, "x.parquet")


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    table = pa.table({f"x{i}": [1] for i in range(11)})
    with pytest.raises(JobFailure, match="11 columns; there may be up to 10"):
        found_in(tmp_path, parquet(table), "x.parquet", Limits(columns=10))


def test_wide_rows_are_read_some_at_a_time(tmp_path: Path) -> None:
    table = pa.table(
        {"x": pa.FixedSizeListArray.from_arrays(pa.array(np.random.default_rng(0).random(3_000_000)), 30_000)}
    )
    found = found_in(tmp_path, parquet(table), "x.parquet")
    assert found.num_groups > 1
    assert found.table.column("x").combine_chunks().equals(table.column("x").combine_chunks())


def test_a_damaged_page_is_reported(tmp_path: Path) -> None:
    data = bytearray(parquet(pa.table({"x": np.random.default_rng(0).random(10_000)}), write_page_checksum=True))
    data[20:40] = bytes(20)
    with pytest.raises(JobFailure, match="The Parquet file cannot be read"):
        found_in(tmp_path, bytes(data), "x.parquet")
