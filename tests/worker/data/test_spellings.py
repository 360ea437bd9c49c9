"""Cells of a file mean the same to the worker, which makes a table of them, and to the server, which is to predict."""

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.errors import Unprocessable
from app.preparing import deal_rows, fit_steps
from app.preparing.table import Table, numbers_of
from app.specs.data import DataSpec
from app.specs.features import features
from app.spellings import MISSING_CELLS
from app.stored.table import open_table
from app.tabular.cells import read_records
from app.tabular.declared import Declared
from app.tabular.intake import Intake
from app.tabular.preview import preview
from app.tabular.refusals import Limits
from app.tabular.set_aside import SetAside
from app.tabular.sniffing import Overrides
from app.transforms.reading import numbers
from app.transforms.steps import UNKNOWN, Step, apply
from worker.data.reading import convert
from worker.data.statistics import describe_table

LIMITS = Limits(1 << 30, 1 << 20)
OVERRIDES = Overrides(delimiter=",", quote='"', has_header=True)

# Cells of a kind each, as files really have them.
KINDS: dict[str, list[str]] = {
    "integers": ["0", "7", " 7", "8 ", "-3", "-03", "+5", "12345678901"],
    "numbers": ["1.5", ".5", "2.", "+0.25", "1e3", "3E-2", "-1.5e+2", " 4.0 "],
    "codes": ["01234", "007", "12", "0x10", "1_000"],
    "times": [
        *("2024-01-05", "2024/1/5", " 2024-1-15", "2024-01-05 10:00:00 UTC", "2024-01-05T10:00:00Z"),
        *("5.1.2024", "05.01.2024 10:00", " 29.02.2024 23:59:59.25 ", "31.12.1999T23:00+0330"),
        *("2024-01-05T10:00:00.123456+02:00", "2024-01-05 9:05", "2024/02/29 23:59:59.5", "1999-12-31T23:00-0330"),
    ],
    "plain times": ["2024-01-05", "2024-1-6", "2024-01-05 10:00", "2024-02-29T01:02:03.25"],
    "pointed days": ["31.12.2024", "1.2.2024", "28.02.2025 7:30"],
    "months": ["1949-01", "1950-12"],
    "truths": ["true", "FALSE", " True", "false "],
    "words": ["a", " a", "b ", "x, y", 'say "so"', "12:30", "5%", "1.2.24", "31.12.", "1.2.3.4", "NA.", "yes"],
}
columns = st.sampled_from(sorted(KINDS)).flatmap(
    lambda kind: st.lists(
        st.one_of(st.sampled_from(KINDS[kind]), st.sampled_from(KINDS[kind]), st.sampled_from(MISSING_CELLS)),
        min_size=12,
        max_size=12,
    )
)


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(columns, min_size=1, max_size=5))
def test_the_cells_of_a_file_give_the_server_what_they_gave_the_training(
    tmp_path: Path, table: list[list[str]]
) -> None:
    names = [f"x{i}" for i in range(len(table))]
    rows = zip(*table, [str(i) for i in range(12)], strict=True)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[*names, "y"], *rows])
    kept, dialect = _taken_in(text.getvalue().encode())
    (tmp_path / "in.csv").write_bytes(kept)
    with (tmp_path / "data.parquet").open("wb+") as file:
        convert(tmp_path / "in.csv", dialect, file, lambda num_rows: None)
    described = describe_table(tmp_path / "data.parquet")

    seen = preview(text.getvalue().encode(), OVERRIDES, LIMITS, prefer=",", is_whole=True)
    assert seen.types == [column.type for column in described], str(table)

    _, *records = read_records(io.StringIO(kept.decode()), dialect)
    sent = dict(zip(dialect.columns, zip(*records, strict=True), strict=True))
    stored = pq.read_table(tmp_path / "data.parquet")
    data = DataSpec.model_validate({"target": "y", "missing": {"type": "most_frequent"}, "categories": "one_hot"})
    usable = [column for column in described if column.type != "text"]
    fed = features(data, usable)
    source = Table(open_table(tmp_path / "data.parquet"), {column.name: column for column in usable})
    for step in fit_steps(source, data, fed, deal_rows(source, data, fed)):
        assert isinstance(step, Step)
        trained = apply(step, numbers_of(step, stored.column(step.name).combine_chunks()))
        served = apply(step, numbers(step, sent[step.name]))
        np.testing.assert_allclose(served, trained, rtol=1e-5, atol=1e-5)


def _taken_in(data: bytes) -> tuple[bytes, Any]:
    sink = io.BytesIO()
    intake = Intake(sink, LIMITS, OVERRIDES)
    intake.feed(data)
    dialect = intake.finish().dialect
    return sink.getvalue(), dialect


@pytest.mark.parametrize("kind", ["integers", "numbers", "times", "plain times", "pointed days", "months", "truths"])
def test_ordinary_spellings_are_typed_and_not_taken_for_words(kind: str) -> None:
    text = "x,y\n" + "".join(f'"{cell}",1\n' for cell in [*KINDS[kind], *MISSING_CELLS])
    (found, _) = preview(text.encode(), OVERRIDES, LIMITS, prefer=",", is_whole=True).types
    wanted = {"integers": "integer", "numbers": "float", "truths": "boolean"}.get(kind, "timestamp")
    assert found == wanted


def test_a_known_word_is_a_value_even_where_others_say_by_it_that_there_is_none() -> None:
    known = Step(name="x", type="category", values=["", "NA", "a"], one_hot=True, fill=2.0)
    assert numbers(known, ["", "NA", "a"]).tolist() == [0, 1, 2]
    plain = Step(name="x", type="category", values=["a", "b"], one_hot=True, fill=1.0)
    assert apply(plain, numbers(plain, ["NA", None, "a"])).tolist() == [[0, 1], [0, 1], [1, 0]]


SAID = "code,count,share,when,flag,note\n007,01,1,2024-01,TRUE,1.10\n008,+2,1e3,2024/1/5,false,1.10\n"


def _read_as_said(folder: Path, text: str, types: dict[str, str]) -> tuple[Any, SetAside]:
    aside, sink = SetAside(), io.BytesIO()
    overrides = Overrides(delimiter=",", quote='"', has_header=True, types=types)
    intake = Intake(sink, LIMITS, overrides, set_aside=aside)
    intake.feed(text.encode())
    dialect = intake.finish().dialect
    (folder / "in.csv").write_bytes(sink.getvalue())
    with (folder / "data.parquet").open("wb+") as file:
        convert(folder / "in.csv", dialect, file, lambda num_rows: None)
    return pq.read_table(folder / "data.parquet"), aside


def test_columns_hold_what_they_are_said_to_hold(tmp_path: Path) -> None:
    types = {"code": "category", "count": "integer", "share": "float", "when": "timestamp", "flag": "boolean"}
    table, aside = _read_as_said(tmp_path, SAID, types | {"note": "text"})
    assert aside.num == 0
    assert table.to_pydict() == {
        "code": ["007", "008"],
        "count": [1, 2],
        "share": [1.0, 1000.0],
        "when": [datetime(2024, 1, 1), datetime(2024, 1, 5)],  # noqa: DTZ001, tables keep times without a zone
        "flag": [True, False],
        "note": ["1.10", "1.10"],
    }
    found = [column.type for column in describe_table(tmp_path / "data.parquet")]
    assert found == ["category", "integer", "float", "timestamp", "boolean", "text"]


def test_a_row_whose_cell_is_not_what_is_said_is_set_aside_with_its_line(tmp_path: Path) -> None:
    lines = ["count,when,flag,y", "1,2024-01-05,true,a", '"2.5",2024-01-05,true,b', "NA,,,c", "3,soon,true,d"]
    lines += ['"4",2024-01-05,yes,e', "99999999999999999999,2024-01-05,true,f", *["5,2024-01-05,true,g"] * 10]
    types = {"count": "integer", "when": "timestamp", "flag": "boolean"}
    table, aside = _read_as_said(tmp_path, "\r\n".join(lines), types)
    assert table.column("y").to_pylist() == ["a", "c", *["g"] * 10]
    assert table.column("count").to_pylist() == [1, None, *[5] * 10]
    assert [(one.line, one.reason) for one in aside.kept] == [
        (3, "count is no whole number: '2.5'"),
        (5, "when is no time: 'soon'"),
        (6, "flag is neither true nor false: 'yes'"),
        (7, "count is no whole number: '99999999999999999999'"),
    ]


def test_what_is_said_of_a_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unprocessable, match="no column 'size'"):
        _read_as_said(tmp_path, SAID, {"size": "integer"})


@pytest.mark.parametrize(
    ("cell", "fits"),
    [("1.234", True), ("1.234,5", True), ("1.5", False), ("1,5", True), ("12.34", False), ("a", False)],
)
def test_marks_between_thousands_stand_where_they_belong(cell: str, fits: bool) -> None:
    declared = Declared({"x": "float"}, ["x"], ",", ".")
    assert (declared.misfit(0, cell) is None) == fits


def test_spaces_around_a_word_mean_nothing_unless_they_may_make_another_word_of_it() -> None:
    all_known = Step(name="x", type="category", values=[" a", "b"], one_hot=True, num_places=2)
    assert numbers(all_known, ["a", " a", " b "]).tolist() == [0, 0, 1]
    for some_unknown in ({"num_places": 3}, {"one_hot": False, "num_places": None, "place": 0}):
        step = all_known.model_copy(update=some_unknown)
        assert numbers(step, ["a", " a", " b "]).tolist() == [UNKNOWN, 0, UNKNOWN]
