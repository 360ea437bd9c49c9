# ruff: noqa: DTZ001, tables keep times without a zone
"""Sheets as tables."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.errors import JobFailure
from tests.worker.data.formats.made import found_in, zipped
from tests.worker.data.formats.workbook import workbook
from worker.data.formats import Limits, excel, rows
from worker.job import Cancelled

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


FAR = '<row r="1"><c r="A1"><v>1</v></c></row><row r="9000"><c r="XFD9000"><v>1</v></c></row>'
OFTEN = "".join(f'<row r="{i}"><c r="A{i}" t="s"><v>0</v></c></row>' for i in range(1, 5_000))


@pytest.mark.parametrize("written", [FAR, OFTEN], ids=["a cell far away", "one long word in many cells"])
def test_a_small_workbook_that_takes_much_memory_is_refused_by_name(tmp_path: Path, written: str) -> None:
    data = workbook({"S": [], "T": ROWS}, written={"S": written}, words=["x" * 200_000])
    assert len(data) < 100_000
    with pytest.raises(JobFailure, match="takes more than 536,870,912 bytes of memory") as refused:
        found_in(tmp_path, data, "book.xlsx")
    assert (refused.value.kind, refused.value.hint) == ("limit", "Save the sheet as CSV, and send that.")
    (tmp_path / "other").mkdir()
    assert found_in(tmp_path / "other", data, "book.xlsx", sheet="T").rows == KEPT  # the other is not read then


def test_long_words_fill_a_row_group_sooner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "GROUP_BYTES", 1000)
    found = found_in(tmp_path, workbook({"S": [["word"], *[["x" * 400]] * 9]}), "book.xlsx")
    assert (len(found.rows), found.num_groups) == (9, 3)


def test_who_asks_to_stop_is_heard_while_a_workbook_is_tried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, **options))
        return started[-1]

    def stop(num_bytes: int) -> None:
        raise Cancelled

    monkeypatch.setattr(excel, "Popen", start)
    with pytest.raises(Cancelled):
        excel._try_out(tmp_path, None, stop)
    assert started[0].returncode == -9
