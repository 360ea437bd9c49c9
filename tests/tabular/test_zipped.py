"""A table alone in a zip archive, found without reading a directory of more members than that."""

import struct
import zipfile
from pathlib import Path

import pytest

from app.tabular import zipped
from app.tabular.zipped import sole_table


def archive_of(num_members: int, said: int, *, with_record_64: bool) -> bytes:
    """An archive without content whose plain end record says that its directory has `said` bytes."""
    names = [b"%06d.csv" % i for i in range(num_members)]
    files = b"".join(
        struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0) + name
        for name in names
    )
    record_64 = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, num_members, num_members, len(files), 0)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(files), 1)
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, said, 0, 0)
    return files + (record_64 + locator if with_record_64 else b"") + end


@pytest.mark.parametrize("with_record_64", [True, False])
def test_a_directory_of_many_members_is_never_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_record_64: bool
) -> None:
    path = tmp_path / "a.zip"
    content = archive_of(2_000, 100 if with_record_64 else 2_000 * 56, with_record_64=with_record_64)
    path.write_bytes(content)
    opened: list[Path] = []
    monkeypatch.setattr(zipped.zipfile, "ZipFile", opened.append)
    assert sole_table(path) is None
    assert opened == []


def test_a_table_in_an_archive_that_may_be_large_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("a.csv", "w", force_zip64=True) as file:
        file.write(b"x\n1\n")
    found = sole_table(path)
    assert found is not None and found.filename == "a.csv"
    files = path.read_bytes()
    end = files.rindex(b"PK\5\6")
    directory = files.index(b"PK\1\2")
    record_64 = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, end - directory, directory)
    path.write_bytes(files[:end] + record_64 + struct.pack("<4sIQI", b"PK\6\7", 0, end, 1) + files[end:])
    found = sole_table(path)
    assert found is not None and found.filename == "a.csv"
