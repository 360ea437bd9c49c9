"""Tables of labels in bounded memory: what they say of files is in `test_folders`."""

import tracemalloc
from pathlib import Path

import pytest

from tests.worker.data.formats.made import zipped
from worker.data.formats import base, labels
from worker.data.formats.archives import ZipArchive
from worker.data.formats.base import Limits, Read
from worker.data.formats.labels import Labels, find_labels


def joined(folder: Path, num_files: int, *tables: bytes, limits: Limits | None = None) -> tuple[Labels, Read, int]:
    """What tables say of the files 0.png, 1.png, …, what was set aside, and the memory that it took."""
    members = {f"{i}.png": b"x" for i in range(num_files)} | {f"{i}.csv": table for i, table in enumerate(tables)}
    (folder / "x.zip").write_bytes(zipped(members))
    archive = ZipArchive(folder / "x.zip", limits or Limits(), found := Read())
    try:
        images = [member for member in archive.members if member.ending == ".png"]
        tracemalloc.start()
        return find_labels(archive, images), found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        archive.close()


NAMED = b"".join(b"%d.png,5\n" % i for i in range(1_000))


@pytest.mark.parametrize(
    ("num_files", "table"),
    [
        (300, b"file" + b",ab" * 500 + b"\n" + b"".join(b"%d.png" % i + b",77" * 500 + b"\n" for i in range(300))),
        (1_000, b"file,a\n" + NAMED + b"no,1\n" * 100_000),
        (1_000, b"file,a\n" + NAMED + b"\n" * 300_000),
    ],
    ids=["every row names a file", "most rows name none", "most rows are empty"],
)
def test_a_table_is_read_in_a_few_times_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_files: int, table: bytes
) -> None:
    monkeypatch.setattr(base, "MAX_SET_ASIDE", 10)
    found, _, peak_bytes = joined(tmp_path, num_files, table)
    assert found.row("0.png", found.fields(found.names))[0] in (77, 5)
    assert peak_bytes < 5 * len(table)


def test_a_row_of_more_columns_than_a_table_may_have_sets_the_table_aside(tmp_path: Path) -> None:
    quoted = b'file,a\n0.png,5\n1.png,"\n' + b"," * 300 + b'"' + b",x" * 20
    for table in (b"file,a\n0.png,5\n1.png" + b"," * 30 + b"\n", quoted):
        found, read, _ = joined(tmp_path, 2, table, limits=Limits(columns=20))
        assert (found.names, [one.reason for one in read.set_aside]) == ([], ["a record has more than 20 columns"])


def test_delimiters_are_counted_before_a_record_is_made_of_them(tmp_path: Path) -> None:
    table = b"file,a\n0.png,5\n" + b"," * 3_000_000
    found, read, peak_bytes = joined(tmp_path, 1, table)
    assert (found.names, read.num_set_aside) == ([], 1)
    assert peak_bytes < 5 * len(table)  # 8 bytes a column, and more for its name


def test_all_tables_together_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "_TABLES_BYTES", 40)
    found, read, _ = joined(
        tmp_path, 3, b"file,a\n0.png,5\n", b"of,no,file\n" * 9, b"file,b\n1.png,6\n", b"file,c\n2.png,7\n"
    )
    assert found.names == ["a", "b"]
    assert [(one.place, one.reason) for one in read.set_aside] == [
        ("1.csv", "it is a table that names no file of the archive"),
        ("3.csv", "tables of labels are read up to 40 bytes"),
    ]


def test_the_columns_of_all_tables_have_a_bound(tmp_path: Path) -> None:
    limits = Limits(columns=3)
    found, read, _ = joined(tmp_path, 2, b"file,a,b\n0.png,5,6\n", b"file,c,d\n1.png,7,8\n", limits=limits)
    assert (found.names, [one.place for one in read.set_aside]) == (["a", "b"], ["1.csv"])
    assert found.row("1.png", found.fields(["a", "b"])) == [None, None]
