# ruff: noqa: DTZ001, tables keep times without a zone
"""Sheets as tables."""

from datetime import datetime
from pathlib import Path

import pytest

from app.errors import JobFailure
from tests.worker.data.formats.made import found_in, zipped
from tests.worker.data.formats.workbook import workbook
from worker.data.formats import Limits, excel

ROWS = [
    ["name", "count", "share", "when", "is new"],
    ["Ann", 1, 0.5, datetime(2024, 1, 2, 3, 4), True],
    ["Bob", 2, None, datetime(2024, 1, 3), False],
]
KEPT = [
    {"name": "Ann", "count": 1, "share": 0.5, "when": datetime(2024, 1, 2, 3, 4), "is new": True},
    {"name": "Bob", "count": 2, "share": None, "when": datetime(2024, 1, 3), "is new": False},
]


def test_a_sheet_is_a_table_with_types(tmp_path: Path) -> None:
    found = found_in(tmp_path, workbook({"Sheet1": ROWS}), "book.xlsx")
    assert found.rows == KEPT
    assert found.types() == {
        "name": "string",
        "count": "int64",
        "share": "double",
        "when": "timestamp[us]",
        "is new": "bool",
    }


def test_titles_above_the_header_and_empty_rows_are_left_out(tmp_path: Path) -> None:
    rows = [["Figures of 2024"], [], ["by", None, None, None, "us"], ROWS[0], [], ROWS[1], [], ROWS[2], []]
    found = found_in(tmp_path, workbook({"Sheet1": rows}), "book.xlsx")
    assert found.rows == KEPT
    assert found.read.notes == ["3 rows above the header of the sheet 'Sheet1' were left out."]


def test_the_first_sheet_with_data_is_read_or_the_one_that_is_named(tmp_path: Path) -> None:
    data = workbook({"Empty": [], "First": ROWS, "Second": [["x"], [1]]})
    assert found_in(tmp_path, data, "book.xlsx").rows == KEPT
    (tmp_path / "other").mkdir()
    assert found_in(tmp_path / "other", data, "book.xlsx", sheet="Second").rows == [{"x": 1}]
    (tmp_path / "none").mkdir()
    with pytest.raises(JobFailure, match="no sheet 'Third'; there are 'Empty', 'First', 'Second'"):
        found_in(tmp_path / "none", data, "book.xlsx", sheet="Third")


def test_an_index_without_a_name_and_names_that_come_twice_get_names(tmp_path: Path) -> None:
    found = found_in(tmp_path, workbook({"S": [[None, "a", "a"], [0, 1, 2], [1, 3, 4]]}), "book.xlsx")
    assert found.rows == [{"column0": 0, "a": 1, "a_2": 2}, {"column0": 1, "a": 3, "a_2": 4}]


def test_a_sheet_without_a_header_has_numbered_columns(tmp_path: Path) -> None:
    found = found_in(tmp_path, workbook({"S": [[1, 2.5], [3, 4]]}), "book.xlsx")
    assert found.rows == [{"column0": 1, "column1": 2.5}, {"column0": 3, "column1": 4.0}]
    assert "column0" in found.read.notes[0]


def test_words_for_what_is_missing_are_missing_and_mixed_cells_are_text(tmp_path: Path) -> None:
    rows = [["a", "b"], [1, "x"], ["N/A", 2], [3, None]]
    found = found_in(tmp_path, workbook({"S": rows}), "book.xlsx")
    assert found.rows == [{"a": 1, "b": "x"}, {"a": None, "b": "2"}, {"a": 3, "b": None}]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (workbook({"S": []}), "No sheet of the workbook holds data; there are 'S'"),
        (workbook({"S": [["a", "b"]]}), "a header and no rows"),
        (zipped({"xl/workbook.xml": b"<nothing/>"}), "cannot be read"),
        (zipped({"xl/workbook.xml": b"no XML at all <<<"}), "cannot be read"),
    ],
)
def test_workbooks_without_a_table_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(JobFailure, match=message):
        found_in(tmp_path, data, "book.xlsx")


def test_a_workbook_that_unpacks_to_too_much_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = workbook({"S": [["a"], *([i] for i in range(5_000))]})
    monkeypatch.setattr(excel, "MAX_BYTES", 50_000)
    with pytest.raises(JobFailure, match="more than 50,000 bytes"):
        found_in(tmp_path, data, "book.xlsx")
    (tmp_path / "ratio").mkdir()
    with pytest.raises(JobFailure, match="times its size"):
        found_in(tmp_path / "ratio", data, "book.xlsx", Limits(ratio=2, ratio_from_bytes=100))
