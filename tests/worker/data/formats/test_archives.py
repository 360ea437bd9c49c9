"""Archives are read without harm: nothing is written outside, nothing is believed, what is too much is refused."""

import gzip
import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from app.errors import JobFailure
from app.formats import HEAD_BYTES, detect
from tests.worker.data.formats.made import found_in, picture, tarred, zipped
from worker.data.formats import Limits, read
from worker.job import Cancelled

ARCHIVES = [zipped, tarred]


@pytest.mark.parametrize("archive", ARCHIVES)
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../evil.txt", "its name leads out of the archive"),
        ("a/../../evil.txt", "its name leads out of the archive"),
        ("..\\..\\evil.txt", "its name leads out of the archive"),
        ("../.ssh/evil.txt", "its name leads out of the archive"),
        ("/etc/evil.txt", "its name is an absolute path"),
        ("C:\\evil.txt", "its name is an absolute path"),
        ("inner.zip", "it is an archive inside the archive"),
        ("inner.TAR.GZ", "it is an archive inside the archive"),
        ("README.md", "its name is not that of a file that is read"),
    ],
)
def test_members_that_are_no_rows_are_set_aside_and_the_rest_is_used(
    tmp_path: Path, archive: object, name: str, reason: str
) -> None:
    data = archive({"good.txt": b"good", name: b"evil", "a/good.txt": b"also"})  # type: ignore[operator]
    found = found_in(tmp_path, data, "archive")
    assert [row["text"] for row in found.rows] == ["good", "also"]
    assert found.aside == {name: reason}
    assert [one.name for one in tmp_path.rglob("*evil*")] == []


@pytest.mark.parametrize("archive", ARCHIVES)
@pytest.mark.parametrize("name", ["__MACOSX/a/._1.txt", ".DS_Store", "a/.hidden.txt", "a/Thumbs.db", "./.git/x.txt"])
def test_what_systems_leave_behind_is_passed_over_silently(tmp_path: Path, archive: object, name: str) -> None:
    found = found_in(tmp_path, archive({"1.txt": b"one", name: b"junk"}), "archive")  # type: ignore[operator]
    assert (found.read.num_rows, found.read.num_set_aside) == (1, 0)


def link(name: str, kind: bytes, target: str = "/etc/passwd") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_set_aside(tmp_path: Path, kind: bytes) -> None:
    found = found_in(tmp_path, tarred({"1.txt": b"one", "2.txt": link("2.txt", kind)}), "texts.tar")
    assert [row["text"] for row in found.rows] == ["one"]
    assert found.aside == {"2.txt": "it is a link or a device, not a file"}


def test_links_in_a_zip_are_set_aside(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("1.txt", "one")
        info = zipfile.ZipInfo("2.txt")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    found = found_in(tmp_path, file.getvalue(), "texts.zip")
    assert found.aside == {"2.txt": "it is a link or a device, not a file"}


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped({"1.txt": b"one", "2.txt": b"two"}))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1  # the flags of its last entry
    with pytest.raises(JobFailure, match="encrypted") as refused:
        found_in(tmp_path, bytes(data), "texts.zip")
    assert refused.value.hint == "Send it without a password."


@pytest.mark.parametrize("pack", [zipped, lambda members: tarred(members, "w:gz")])
def test_a_bomb_is_refused_at_the_limit(tmp_path: Path, pack: object) -> None:
    data = pack({f"{i}.txt": bytes(10 << 20) for i in range(3)})  # type: ignore[operator]
    limits = Limits(ratio=100, ratio_from_bytes=1 << 20)
    assert len(data) * limits.ratio < 30 << 20
    with pytest.raises(JobFailure, match="more than 100 times its size; reading stopped there"):
        found_in(tmp_path, data, "texts.tgz", limits)


@pytest.mark.parametrize("pack", [zipped, tarred, lambda members: tarred(members, "w:gz")])
def test_what_unpacks_to_too_much_in_all_is_refused(tmp_path: Path, pack: object) -> None:
    data = pack({f"{i}.txt": os.urandom(1000).hex().encode() for i in range(9)})  # type: ignore[operator]
    with pytest.raises(JobFailure, match="more than 10,000 bytes; reading stopped there"):
        found_in(tmp_path, data, "texts", Limits(unpacked_bytes=10_000))


@pytest.mark.parametrize("archive", ARCHIVES)
def test_a_member_that_is_too_large_is_set_aside(tmp_path: Path, archive: object) -> None:
    data = archive({"1.txt": b"x" * 101, "2.txt": b"x" * 100})  # type: ignore[operator]
    found = found_in(tmp_path, data, "texts", Limits(member_bytes=100))
    assert (found.read.num_rows, found.aside) == (1, {"1.txt": "it is larger than 100 bytes"})


def test_a_size_that_is_a_lie_is_found_out(tmp_path: Path) -> None:
    data = bytearray(zipped({"1.txt": b"x" * 5000, "2.txt": b"two"}))
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 50)  # of its content, as the directory has it
    found = found_in(tmp_path, bytes(data), "texts.zip", Limits(member_bytes=100))
    assert [row["text"] for row in found.rows] == ["two"]
    assert found.aside["1.txt"].startswith("it is damaged")


@pytest.mark.parametrize("archive", ARCHIVES)
def test_more_members_than_there_may_be_are_refused(tmp_path: Path, archive: object) -> None:
    members = {f"{i}.txt": b"x" for i in range(11)}
    with pytest.raises(JobFailure, match="more than 10 members"):
        found_in(tmp_path, archive(members), "texts", Limits(members=10))  # type: ignore[operator]


def test_a_damaged_member_is_set_aside(tmp_path: Path) -> None:
    content = os.urandom(500).hex().encode()
    data = bytearray(zipped({"1.txt": content, "2.txt": b"two"}, zipfile.ZIP_STORED))
    data[data.index(content) + 5] ^= 1
    found = found_in(tmp_path, bytes(data), "texts.zip")
    assert [row["text"] for row in found.rows] == ["two"]
    assert "CRC" in found.aside["1.txt"]


def test_a_member_whose_place_is_nowhere_and_one_without_a_name_do_no_harm(tmp_path: Path) -> None:
    data = bytearray(zipped({"1.txt": b"one", "2.txt": b"two", "3.txt": b"three"}))
    first = data.index(b"PK\x01\x02")
    data[first + 42 : first + 46] = b"\xf0\xff\xff\xff"  # where its content begins
    second = data.index(b"PK\x01\x02", first + 1)
    data[second + 46] = 0  # its name ends before it begins
    found = found_in(tmp_path, bytes(data), "texts.zip")
    assert [row["text"] for row in found.rows] == ["three"]
    assert found.aside["1.txt"].startswith("it is damaged")


def test_of_two_members_of_one_name_the_first_is_used(tmp_path: Path) -> None:
    file = io.BytesIO()
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(file, "w") as archive:
        archive.writestr("1.txt", "one")
        archive.writestr("1.txt", "other")
    found = found_in(tmp_path, file.getvalue(), "texts.zip")
    assert [row["text"] for row in found.rows] == ["one"]
    assert found.aside == {"1.txt": "another member has the same name"}


@pytest.mark.parametrize(
    ("data", "filename", "message"),
    [
        (zipped({"1.txt": b"one"})[:-10], "x.zip", "zip archive cannot be read"),
        (b"PK\x03\x04" + bytes(100), "x.zip", "zip archive cannot be read"),
        (tarred({"1.txt": b"one" * 1000})[:1800], "x.tar", "tar archive cannot be read"),
        (gzip.compress(tarred({"1.txt": b"one"}))[:-9], "x.tgz", "gzip file cannot be read: it is damaged"),
        (gzip.compress(gzip.compress(b"x")), "x.gz", "archive inside an archive"),
        (gzip.compress(zipped({"1.txt": b"x"})), "x.zip.gz", "archive inside an archive"),
        (gzip.compress(b"a,b\n1,2\n"), "x.csv.gz", "x.csv is delimited text"),
        (zipped({}), "x.zip", "holds nothing that is read here"),
        (zipped({"a.exe": b"MZ"}), "x.zip", "holds nothing that is read here"),
        (zipped({"a/data.csv": b"a,b\n1,2"}), "x.zip", "holds the table a/data.csv alone"),
        (zipped({"a.csv": b"a,b\n1,2", "b.jsonl": b"{}"}), "x.zip", "holds 2 tables: a.csv, b.jsonl"),
        (zipped({"1.png": b"text"}), "x.zip", "Nothing in the archive can be used. 1.png: it is not an image"),
        (picture(), "1.png", "a single image"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_without_a_dataset_are_refused_in_words(tmp_path: Path, data: bytes, filename: str, message: str) -> None:
    with pytest.raises(JobFailure, match=message):
        found_in(tmp_path, data, filename)


def test_a_header_that_claims_to_be_huge_is_not_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 8 << 20
    data = info.tobuf(tarfile.USTAR_FORMAT) + bytes(8 << 20) + tarred({"1.txt": b"one"})
    with pytest.raises(JobFailure, match="header of a member is too long"):
        found_in(tmp_path, data, "x.tar")


@pytest.mark.parametrize(
    ("data", "filename"),
    [
        (gzip.compress(b'{"a": 1}\n' * 10), "x.jsonl.gz"),
        (zipped({f"{i}.txt": b"one" for i in range(9)}), "x.zip"),
        (tarred({"1.png": picture(), "2.png": picture()}), "x.tar"),
    ],
)
def test_whoever_asks_to_stop_is_heard_and_nothing_is_left(tmp_path: Path, data: bytes, filename: str) -> None:
    (place := tmp_path / "place").mkdir()
    (place / "upload").write_bytes(data)

    def stop(num_bytes: int) -> None:
        raise Cancelled

    with (tmp_path / "t.parquet").open("wb+") as target, pytest.raises(Cancelled):
        read(place / "upload", filename, detect(data[:HEAD_BYTES], filename), target, stop)
    assert [one.name for one in place.iterdir()] == ["upload"]
