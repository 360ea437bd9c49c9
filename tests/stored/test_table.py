"""Stored tables of any parts, read and searched: against the plain table that they stand for."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.datasets.searching import find_rows
from app.datasets.tables import read_cell, read_rows
from app.stored.differences import num_changed, num_different
from app.stored.manifest import MANIFEST, File, Manifest, TablePart, damage, name_of, read_manifest
from app.stored.searching import matching
from app.stored.table import open_table

SCHEMA = pa.schema([("n", pa.int64()), ("N", pa.string()), ("a.b", pa.float64()), ("a", pa.string())])
NAMES = SCHEMA.names
VALUES = {
    "n": st.none() | st.integers(-5, 5),
    "N": st.none() | st.sampled_from(["cat", "Dog", "ö", ""]),
    "a.b": st.none() | st.sampled_from([0.0, 1.5, -2.25]),
    "a": st.none() | st.sampled_from(["x", "y"]),
}


@dataclass(frozen=True)
class Piece:
    """A part: its rows as its own file has them, and columns that are superseded."""

    rows: list[dict[str, Any]]
    superseded: dict[str, list[Any]]

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The rows as they are."""
        news = self.superseded
        return [row | {name: news[name][i] for name in news} for i, row in enumerate(self.rows)]


@st.composite
def pieces(draw: st.DrawFn) -> Piece:
    rows = draw(st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=12))
    names = draw(st.sets(st.sampled_from(NAMES)))
    return Piece(rows, {name: [draw(VALUES[name]) for _ in rows] for name in sorted(names)})


def put(folder: Path, table: pa.Table, group: int) -> File:
    path = folder / "new.parquet"
    pq.write_table(table, path, row_group_size=group)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    path.replace(folder / name_of(sha256))
    return File(name=name_of(sha256), size_bytes=(folder / name_of(sha256)).stat().st_size, sha256=sha256)


def lay_down(folder: Path, parts: Sequence[Piece], group: int = 3) -> Manifest:
    """Write a table of these parts, with row groups of any size."""
    folder.mkdir(exist_ok=True)
    made = []
    for i, part in enumerate(parts):
        columns = {
            name: put(folder, pa.table([values], pa.schema([SCHEMA.field(name)])), group + k + 1)
            for k, (name, values) in enumerate(part.superseded.items())
        }
        file = put(folder, pa.Table.from_pylist(part.rows, SCHEMA), group + i)
        made.append(TablePart(file=file, num_rows=len(part.rows), columns=columns))
    manifest = Manifest(parts=tuple(made))
    (folder / MANIFEST).write_bytes(manifest.content())
    return manifest


@settings(max_examples=60)
@given(
    parts=st.lists(pieces(), min_size=1, max_size=4),
    group=st.integers(1, 5),
    names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True),
    num_rows=st.integers(1, 9),
    ends=st.tuples(st.integers(0, 50), st.integers(0, 50)),
    coded=st.booleans(),
)
@example(parts=[Piece([dict.fromkeys(NAMES)] * 3, {})], group=3, names=["n"], num_rows=1, ends=(2, 1), coded=False)
def test_any_stretch_of_any_columns_is_that_of_the_plain_table(
    parts: list[Piece], group: int, names: list[str], num_rows: int, ends: tuple[int, int], coded: bool
) -> None:
    plain = [row for part in parts for row in part.shown]
    with TemporaryDirectory() as place:
        lay_down(Path(place), parts, group)
        table = open_table(Path(place), coded=["N", "a"] if coded else [])
        batches = list(table.batches(names, num_rows, *ends))
        assert table.num_rows == len(plain)
    assert all(batch.schema.names == names and 0 < batch.num_rows <= num_rows for batch in batches)
    found = [row for batch in batches for row in batch.to_pylist()]
    assert found == [{name: row[name] for name in names} for row in plain[ends[0] : ends[1]]]


@settings(max_examples=40)
@given(parts=st.lists(pieces(), min_size=1, max_size=4), group=st.integers(1, 5), name=st.sampled_from(["n", "a.b"]))
def test_the_files_tell_the_bounds_of_a_column_as_it_is_now(parts: list[Piece], group: int, name: str) -> None:
    values = [row[name] for part in parts for row in part.shown if row[name] is not None]
    with TemporaryDirectory() as place:
        lay_down(Path(place), parts, group)
        assert open_table(Path(place)).bounds(name) == ((min(values), max(values)) if values else None)


@pytest.mark.parametrize(
    ("values", "bounds"),
    [
        ([None, 3.0, None, None, -1.0, float("nan")], (-1.0, 3.0)),
        ([None, None, float("nan"), float("nan"), 1.0, 2.0], None),  # a row group of NaN alone tells nothing
        ([1.0, float("inf"), -2.0, 0.0, 0.0, 0.0], (-2.0, float("inf"))),
        ([None] * 6, None),
    ],
)
def test_bounds_leave_out_what_is_no_number(
    tmp_path: Path, values: list[float | None], bounds: tuple[float, float] | None
) -> None:
    pq.write_table(pa.table({"x": pa.array(values, pa.float64())}), tmp_path / "data.parquet", row_group_size=2)
    assert open_table(tmp_path).bounds("x") == bounds


def test_bounds_of_times_are_whole_numbers_and_files_may_tell_none(tmp_path: Path) -> None:
    table = pa.table({"x": pa.array([5, None, 2], pa.timestamp("us"))})
    for statistics, bounds in ((True, (2, 5)), (False, None)):
        pq.write_table(table, tmp_path / "data.parquet", write_statistics=statistics)
        assert open_table(tmp_path).bounds("x") == bounds


@settings(max_examples=40)
@given(
    parts=st.lists(pieces(), min_size=1, max_size=3),
    column=st.sampled_from(["n", "N", "a"]),
    sort=st.sampled_from([None, "n", "-n", "a"]),
    group=st.integers(1, 4),
)
def test_what_is_looked_for_is_found_in_every_part(
    parts: list[Piece], column: str, sort: str | None, group: int
) -> None:
    plain = [row for part in parts for row in part.shown]
    wanted = {"n": 2, "N": "Dog", "a": "x"}[column]
    expected = [i for i, row in enumerate(plain) if row[column] == wanted]
    with TemporaryDirectory() as place:
        lay_down(Path(place), parts, group)
        found = find_rows(Path(place), [f"{column}:{wanted}"], sort, 0, 100)
        mask = matching(Path(place), [f"{column}:{wanted}"])
    assert mask.nonzero()[0].tolist() == sorted(found.numbers) == expected
    assert found.rows == [plain[i] for i in found.numbers] and found.num_matching == len(expected)
    if sort is None:
        assert found.numbers == expected
    elif sort != "a":
        present = [row["n"] for row in found.rows if row["n"] is not None]
        assert present == sorted(present, reverse=sort == "-n")


@settings(max_examples=40)
@given(part=pieces(), more=pieces(), names=st.sets(st.sampled_from(NAMES)), data=st.data())
def test_the_cells_that_differ_between_two_versions_are_counted(
    part: Piece, more: Piece, names: set[str], data: st.DataObject
) -> None:
    news = {name: [data.draw(VALUES[name]) for _ in part.rows] for name in sorted(names)}
    later = Piece(part.rows, part.superseded | news)
    expected = {
        name: sum(old[name] != new[name] for old, new in zip(part.shown, later.shown, strict=True)) for name in NAMES
    }
    with TemporaryDirectory() as place:
        one, other = Path(place) / "one", Path(place) / "other"
        lay_down(one, [part])
        lay_down(other, [later, more])
        found = num_changed(open_table(one), open_table(other))
    assert found == {name: num for name, num in expected.items() if num}


def test_what_is_no_number_is_no_other_for_being_no_number() -> None:
    nan = float("nan")
    one, other = pa.array([nan, 1.0, None, nan, 2.0]), pa.array([nan, 1.0, nan, 3.0, 4.0])
    assert num_different(one, other) == 2
    lists = [pa.array([[1.0], None], pa.list_(pa.float32(), 1)), pa.array([[1.0], [2.0]], pa.list_(pa.float32(), 1))]
    assert num_different(*lists) == 1


def test_long_columns_of_many_row_groups_stay_beside_one_another(tmp_path: Path) -> None:
    num = 50_000
    rows = [{"n": i, "N": str(i), "a.b": float(i), "a": "x"} for i in range(num)]
    part = Piece(rows, {"N": [f"new {i}" for i in range(num)]})
    lay_down(tmp_path, [part, part], group=700)
    found = find_rows(tmp_path, ["N:~777"], "-n", 0, 1000)
    assert len(found.numbers) == found.num_matching > 100
    assert all(
        row["N"] == f"new {row['n']}" and row["n"] == number % num
        for row, number in zip(found.rows, found.numbers, strict=True)
    )
    for batch in open_table(tmp_path).batches(["N", "n"], 1000, 49_000, 51_000):
        assert batch.column("N").to_pylist() == [f"new {n}" for n in batch.column("n").to_pylist()]


def test_a_cell_is_found_in_its_part(tmp_path: Path) -> None:
    part = Piece([{"n": i, "N": "a", "a.b": None, "a": None} for i in range(5)], {"N": list("vwxyz")})
    lay_down(tmp_path, [part, Piece(part.rows, {})], group=2)
    table = open_table(tmp_path)
    assert [table.cell("N", row) for row in (0, 4, 5, 9)] == ["v", "z", "a", "a"]
    with pytest.raises(LookupError):
        table.cell("N", 10)
    with pytest.raises(LookupError):
        read_cell(tmp_path, "N", 0)
    assert read_rows(tmp_path, 4, 2) == [part.shown[4], part.rows[0]]


def test_a_table_without_a_list_is_one_part(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1, 2, 3]}), tmp_path / "data.parquet", row_group_size=2)
    assert read_manifest(tmp_path) is None
    for place in (tmp_path, tmp_path / "data.parquet"):
        table = open_table(place)
        assert (table.num_rows, table.read(["x"]).column("x").to_pylist()) == (3, [1, 2, 3])
        assert table.num_bytes("x") > 0


def test_damage_is_told_of_the_list_and_of_every_file(tmp_path: Path) -> None:
    rows = [{"n": 1, "N": "a", "a.b": 1.0, "a": "x"}]
    manifest = lay_down(tmp_path, [Piece(rows, {"a": ["y"]})])
    whole = (manifest.size_bytes, manifest.sha256)
    assert damage(tmp_path, *whole) is None
    assert damage(tmp_path, whole[0], "0" * 64) == "has another list of files than was written"
    path = tmp_path / manifest.parts[0].columns["a"].name
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert "bytes where" in (damage(tmp_path, *whole) or "")
    path.write_bytes(content[:-1] + b"x")
    assert "SHA-256" in (damage(tmp_path, *whole) or "")
    path.unlink()
    assert damage(tmp_path, *whole) == "is not there"
    (tmp_path / MANIFEST).unlink()
    assert damage(tmp_path, *whole) == "is not there"
