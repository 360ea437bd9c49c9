"""Files in pieces: a connection may be lost at any byte, and what was answered is there."""

import errno
import fcntl
import gzip
import hashlib
import io
import json
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.db import Database, now
from app.db.tables import Dataset, Upload
from app.main import create_app
from app.queue import JobStatus
from app.settings import Settings
from app.storage import Storage
from app.uploads import service
from tests.deck import wait_for

pytestmark = pytest.mark.full_on_postgres

Work = Callable[[], list[JobStatus]]
CSV = b"size;kind\n1,5;a\n2;b\n3,5;a\n"


def begin(client: TestClient, content: bytes, filename: str = "my table.csv") -> str:
    answer = client.post("/api/v1/uploads", json={"filename": filename, "size_bytes": len(content)})
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/uploads/{answer.json()['id']}"
    assert answer.json()["offset"] == 0
    upload_id: str = answer.json()["id"]
    return upload_id


def send(client: TestClient, content: bytes, filename: str = "my table.csv", piece: int = 1 << 20) -> str:
    upload_id = begin(client, content, filename)
    for start in range(0, len(content), piece):
        answer = client.put(f"/api/v1/uploads/{upload_id}?offset={start}", content=content[start : start + piece])
        assert (answer.status_code, answer.json()["offset"]) == (200, min(start + piece, len(content)))
    return upload_id


def make(client: TestClient, upload_id: str, **said: Any) -> Any:
    source = {"type": "upload", "upload": upload_id, **said}
    return client.post("/api/v1/datasets", json={"name": "table", "source": source})


def files_in(data_dir: Path) -> list[str]:
    found = [*data_dir.glob("uploads/*"), *data_dir.glob("datasets/**/*")]
    return sorted(str(path.relative_to(data_dir)) for path in found)


def test_a_file_in_pieces_becomes_a_dataset(client: TestClient, work: Work, data_dir: Path) -> None:
    upload_id = send(client, CSV, "../secret/my table.csv", piece=7)
    assert client.get(f"/api/v1/uploads/{upload_id}").json()["filename"] == "my table.csv"
    dataset = make(client, upload_id).json()
    assert (dataset["name"], dataset["status"], dataset["source"]["filename"]) == ("table", "ingesting", "my table.csv")
    assert client.get(f"/api/v1/uploads/{upload_id}").status_code == 404
    assert files_in(data_dir) == [f"datasets/{dataset['id']}", f"datasets/{dataset['id']}/upload.bin"]
    assert work() == [JobStatus.SUCCEEDED]
    dataset = client.get(f"/api/v1/datasets/{dataset['id']}").json()
    assert (dataset["status"], dataset["num_rows"], dataset["source"]["decimal"]) == ("ready", 3, ",")
    assert len(dataset["content_hash"]) == 64
    assert [column["type"] for column in dataset["columns"]] == ["float", "category"]
    assert files_in(data_dir) == [f"datasets/{dataset['id']}", f"datasets/{dataset['id']}/data.parquet"]


@pytest.mark.parametrize("offset", [0, 9, 11, 99])
def test_a_piece_that_begins_elsewhere_is_refused_with_the_true_offset(client: TestClient, offset: int) -> None:
    upload_id = begin(client, CSV)
    client.put(f"/api/v1/uploads/{upload_id}?offset=0", content=CSV[:10])
    answer = client.put(f"/api/v1/uploads/{upload_id}?offset={offset}", content=b"x")
    assert (answer.status_code, answer.json()["offset"]) == (409, 10)
    assert client.put(f"/api/v1/uploads/{upload_id}?offset=10", content=CSV[10:]).json()["offset"] == len(CSV)


def test_what_a_crash_left_beyond_what_was_answered_does_not_count(
    client: TestClient, data_dir: Path, work: Work
) -> None:
    upload_id = begin(client, CSV)
    client.put(f"/api/v1/uploads/{upload_id}?offset=0", content=CSV[:10])
    with (data_dir / "uploads" / upload_id).open("ab") as file:
        file.write(bytes(500))
    client.put(f"/api/v1/uploads/{upload_id}?offset=10", content=CSV[10:])
    make(client, upload_id)
    assert work() == [JobStatus.SUCCEEDED]


def test_a_piece_is_durable_before_it_is_answered(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    upload_id = begin(client, CSV)
    synced: list[int] = []
    fsync = os.fsync

    def record(handle: int) -> None:
        if os.readlink(f"/proc/self/fd/{handle}").endswith(upload_id):  # noqa: PTH115
            synced.append(os.fstat(handle).st_size)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", record)
    client.put(f"/api/v1/uploads/{upload_id}?offset=0", content=CSV[:10])
    assert synced == [10]


def test_two_requests_do_not_write_at_once(client: TestClient, data_dir: Path) -> None:
    upload_id = begin(client, CSV)
    with (data_dir / "uploads" / upload_id).open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        answer = client.put(f"/api/v1/uploads/{upload_id}?offset=0", content=CSV)
        assert (answer.status_code, answer.json()["offset"]) == (409, 0)
    assert client.put(f"/api/v1/uploads/{upload_id}?offset=0", content=CSV).status_code == 200


def test_more_than_was_said_is_refused_and_what_was_there_stays(client: TestClient, data_dir: Path) -> None:
    upload_id = begin(client, CSV)
    client.put(f"/api/v1/uploads/{upload_id}?offset=0", content=CSV[:10])
    assert client.put(f"/api/v1/uploads/{upload_id}?offset=10", content=CSV).status_code == 413
    assert (data_dir / "uploads" / upload_id).read_bytes() == CSV[:10]
    assert client.get(f"/api/v1/uploads/{upload_id}").json()["offset"] == 10


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "", {"filename": "a.csv", "size_bytes": -1}, 422),
        ("POST", "", {"filename": "", "size_bytes": 1}, 422),
        ("POST", "", {"filename": "a.csv", "size_bytes": 1 << 60}, 413),
        ("PUT", "/nothing?offset=0", {}, 404),
        ("PUT", "/../../etc?offset=0", {}, 404),
        ("GET", "/nothing", None, 404),
        ("GET", "/nothing/preview", None, 404),
        ("DELETE", "/nothing", None, 404),
    ],
)
def test_what_is_not_there_or_too_large_is_refused(
    client: TestClient, method: str, path: str, body: Any, status: int
) -> None:
    assert client.request(method, f"/api/v1/uploads{path}", json=body).status_code == status


@pytest.mark.parametrize("offset", ["", "?offset=", "?offset=-1", "?offset=1e3", "?offset=" + "9" * 40])
def test_an_offset_is_a_number(client: TestClient, offset: str) -> None:
    upload_id = begin(client, CSV)
    answer = client.put(f"/api/v1/uploads/{upload_id}{offset}", content=CSV)
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["query", "offset"])


def test_a_file_that_is_given_up_is_removed(client: TestClient, data_dir: Path) -> None:
    upload_id = send(client, CSV)
    assert client.delete(f"/api/v1/uploads/{upload_id}").status_code == 204
    assert files_in(data_dir) == []
    assert client.get(f"/api/v1/uploads/{upload_id}").status_code == 404


def test_no_dataset_is_made_of_half_a_file_or_of_none(client: TestClient, data_dir: Path) -> None:
    upload_id = begin(client, CSV)
    client.put(f"/api/v1/uploads/{upload_id}?offset=0", content=CSV[:10])
    assert make(client, upload_id).status_code == 409
    assert make(client, "nothing").status_code == 404
    assert make(client, upload_id, delimiter="too long").status_code == 422
    assert list(data_dir.glob("datasets/*")) == []
    assert client.get("/api/v1/datasets").json()["items"] == []


def test_a_full_disk_is_told_and_leaves_what_was_there(
    client: TestClient, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = begin(client, CSV)
    client.put(f"/api/v1/uploads/{upload_id}?offset=0", content=CSV[:10])

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        refused = client.put(f"/api/v1/uploads/{upload_id}?offset=10", content=CSV[10:])
    assert (refused.status_code, refused.headers["content-type"]) == (507, "application/problem+json")
    assert "disk" in refused.json()["detail"] and "Make room" in refused.json()["hint"]
    assert client.get(f"/api/v1/uploads/{upload_id}").json()["offset"] == 10
    assert client.put(f"/api/v1/uploads/{upload_id}?offset=10", content=CSV[10:]).json()["offset"] == len(CSV)


def test_after_a_lost_connection_it_goes_on_where_it_was(
    port: int, client: TestClient, settings: Settings, work: Work
) -> None:
    content = b"a,b\n" + b"1,2\n" * 1_000_000
    upload_id = begin(client, content)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            f"PUT /api/v1/uploads/{upload_id}?offset=0 HTTP/1.1\r\nHost: localhost:{port}\r\n"
            f"Authorization: Bearer {settings.token}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            + content[: 2 << 20]
        )

    def offset() -> int:
        return int(client.get(f"/api/v1/uploads/{upload_id}").json()["offset"])

    at = wait_for(offset)
    assert 0 < at <= 2 << 20
    assert client.put(f"/api/v1/uploads/{upload_id}?offset={at}", content=content[at:]).json()["offset"] == len(content)
    dataset_id = make(client, upload_id).json()["id"]
    assert work() == [JobStatus.SUCCEEDED]
    assert client.get(f"/api/v1/datasets/{dataset_id}").json()["num_rows"] == 1_000_000


def test_a_file_that_cannot_be_read_fails_with_its_line_and_leaves_nothing(
    client: TestClient, work: Work, data_dir: Path
) -> None:
    dataset_id = make(client, send(client, b'a,b\n1,2\n3,"4\n')).json()["id"]
    assert work() == [JobStatus.FAILED]
    dataset = client.get(f"/api/v1/datasets/{dataset_id}").json()
    assert (dataset["status"], dataset["error"]["kind"]) == ("failed", "unreadable")
    assert dataset["error"]["message"] == "Line 3: the quote that opens here is never closed."
    assert dataset["error"]["errors"][0]["loc"] == ["file", 3]
    assert files_in(data_dir) == []


def test_what_is_said_counts_and_what_does_not_fit_is_set_aside(client: TestClient, work: Work, data_dir: Path) -> None:
    content = gzip.compress("город;число\nМосква;1\nТверь\nТула;3\nОмск;4\n".encode("cp1251"))
    dataset_id = make(client, send(client, content, "a.csv.gz"), encoding="cp1251", delimiter=";").json()["id"]
    assert work() == [JobStatus.SUCCEEDED]
    dataset = client.get(f"/api/v1/datasets/{dataset_id}").json()
    assert (dataset["num_rows"], dataset["num_set_aside"], dataset["source"]["encoding"]) == (3, 1, "cp1251")
    assert "Тверь" in client.get(f"/api/v1/datasets/{dataset_id}/set_aside").text
    kept = [f"datasets/{dataset_id}/{name}" for name in ("data.parquet", "set_aside.csv")]
    assert files_in(data_dir) == [f"datasets/{dataset_id}", *kept]


def test_a_file_of_another_format_is_read_by_the_worker(client: TestClient, work: Work, data_dir: Path) -> None:
    file = io.BytesIO()
    np.save(file, np.arange(6.0).reshape(3, 2))
    dataset = make(client, send(client, file.getvalue(), "a.npy")).json()
    assert dataset["source"]["format"] == "npy"
    assert work() == [JobStatus.SUCCEEDED]
    found = client.get(f"/api/v1/datasets/{dataset['id']}").json()
    assert (found["status"], found["num_rows"]) == ("ready", 3)
    assert found["content_hash"] == hashlib.sha256(file.getvalue()).hexdigest()


def test_a_damaged_file_of_another_format_fails_with_words(client: TestClient, work: Work, data_dir: Path) -> None:
    dataset = make(client, send(client, b"\x93NUMPY" + bytes(600), "a.npy")).json()
    assert work() == [JobStatus.FAILED]
    assert client.get(f"/api/v1/datasets/{dataset['id']}").json()["error"]["kind"] == "unreadable"
    assert files_in(data_dir) == []


def test_the_same_dataset_under_the_same_key_is_made_once(client: TestClient, db: Database) -> None:
    upload_id = send(client, CSV)
    client.headers["Idempotency-Key"] = "once"
    first, again = make(client, upload_id), make(client, upload_id)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    with db.read() as session:
        assert session.query(Dataset).count() == 1


def test_nobody_waits_while_a_file_gets_a_second_name(
    client: TestClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk knows no such thing it is copied, which may take long."""
    upload_id, other = send(client, CSV), send(client, CSV)
    link, seen = Storage.link, []

    def write_meanwhile(storage: Storage, source: Path, target: Path) -> None:
        with db.write() as session:
            seen.append(session.get_one(Upload, other).id)
            session.execute(update(Upload).where(Upload.id == other).values(filename="renamed"))
        link(storage, source, target)

    monkeypatch.setattr(Storage, "link", write_meanwhile)
    assert make(client, upload_id).status_code == 201
    assert seen == [other]


def test_of_two_under_one_key_the_one_that_finds_the_upload_used_gets_the_answer(
    client: TestClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = send(client, CSV)
    client.headers["Idempotency-Key"] = "once"
    find, answers = service.find_whole, []

    def be_late(session: Session, one: str) -> Upload:
        if not answers:
            answers.append(None)
            answers.append(make(client, upload_id))
        return find(session, one)

    monkeypatch.setattr(service, "find_whole", be_late)
    late = make(client, upload_id)
    assert (late.status_code, late.json()["id"]) == (201, answers[1].json()["id"])


def test_a_file_that_is_given_up_at_that_moment_is_none(client: TestClient, db: Database, data_dir: Path) -> None:
    upload_id = send(client, CSV)
    (data_dir / "uploads" / upload_id).unlink()
    assert make(client, upload_id).status_code == 404
    assert files_in(data_dir) == []


def test_what_columns_hold_is_said_in_the_preview_and_either_way_of_sending(client: TestClient, work: Work) -> None:
    content = b"code,size\n01,1\n02,2\n03,big\n"
    types = {"code": "integer", "size": "float"}
    upload_id = send(client, content)
    found = client.get(f"/api/v1/uploads/{upload_id}/preview", params={"types": json.dumps(types)}).json()
    assert [column["type"] for column in found["columns"]] == ["integer", "float"]
    assert found["set_aside"] == [{"line": 4, "reason": "size is no number: 'big'", "text": "03,big"}]
    definition = json.dumps({"name": "whole", "types": types}).encode()
    parts = [("definition", (None, definition)), ("file", ("whole.csv", content))]
    made = [make(client, upload_id, types=types), client.post("/api/v1/datasets", files=parts)]
    assert [one.status_code for one in made] == [201, 201]
    assert set(work()) == {JobStatus.SUCCEEDED}
    for one in made:
        dataset = client.get(f"/api/v1/datasets/{one.json()['id']}").json()
        assert [column["type"] for column in dataset["columns"]] == ["integer", "float"]
        assert (dataset["num_rows"], dataset["num_set_aside"], dataset["source"]["types"]) == (2, 1, types)
    another = send(client, content)
    for wrong in ('{"size": "image"}', '{"size"', '{"weight": "float"}'):
        assert client.get(f"/api/v1/uploads/{another}/preview", params={"types": wrong}).status_code == 422


def test_a_preview_tells_the_guess_and_the_first_rows(client: TestClient) -> None:
    content = "größe;ort;wann\n" + "".join(f"{i},5;Zürich;2024-01-02\n" for i in range(20)) + "1;2\n"
    upload_id = send(client, content.encode("cp1252"))
    found = client.get(f"/api/v1/uploads/{upload_id}/preview").json()
    assert {name: found[name] for name in ("format", "encoding", "delimiter", "quote", "header", "decimal")} == {
        "format": "delimited",
        "encoding": "cp1252",
        "delimiter": ";",
        "quote": '"',
        "header": True,
        "decimal": ",",
    }
    assert [(column["name"], column["type"]) for column in found["columns"]] == [
        ("größe", "float"),
        ("ort", "category"),
        ("wann", "timestamp"),
    ]
    assert (len(found["rows"]), found["rows"][0]) == (10, ["0,5", "Zürich", "2024-01-02"])
    assert found["num_set_aside"] == 1
    assert found["set_aside"] == [
        {"line": 22, "reason": "3 fields expected, as in the first record, but 2 found", "text": "1;2"}
    ]
    assert "Windows-1252" in found["notes"][0]
    assert found["is_whole"] is True


def test_a_preview_takes_corrections(client: TestClient) -> None:
    upload_id = send(client, b"1;2\n3;4\n")
    path = f"/api/v1/uploads/{upload_id}/preview"
    found = client.get(path, params={"delimiter": ",", "quote": "", "header": "true", "encoding": "latin-1"}).json()
    assert (found["columns"], found["rows"]) == ([{"name": "1;2", "type": "category"}], [["3;4"]])
    assert (found["quote"], found["encoding"]) == ("", "latin-1")
    assert client.get(path, params={"delimiter": "ab"}).status_code == 422
    assert client.get(path, params={"delimiter": ";", "quote": ";"}).status_code == 422


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_of_a_long_file_the_beginning_is_enough(client: TestClient, pack: Callable[[bytes], bytes]) -> None:
    content = pack(b"a,b\n" + b"".join(b'%d,"x\ny %d"\n' % (i, i * 7919 % 100_003) for i in range(60_000)))
    upload_id = begin(client, content)
    path = f"/api/v1/uploads/{upload_id}/preview"
    client.put(f"/api/v1/uploads/{upload_id}?offset=0", content=content[:1000])
    assert client.get(path).status_code == 409
    client.put(f"/api/v1/uploads/{upload_id}?offset=1000", content=content[1000 : 128 << 10])
    found = client.get(path).json()
    assert (found["is_whole"], found["num_set_aside"], found["rows"][1]) == (False, 0, ["1", "x\ny 7919"])


def test_a_preview_of_a_very_wide_table_reads_a_whole_row(client: TestClient) -> None:
    header = ",".join(f"column number {i}" for i in range(15_000))
    content = f"{header}\n{','.join(['1'] * 15_000)}\n".encode()
    found = client.get(f"/api/v1/uploads/{send(client, content)}/preview").json()
    assert (len(found["columns"]), len(found["rows"])) == (15_000, 1)


def test_a_preview_of_what_cannot_be_read_tells_the_line(client: TestClient) -> None:
    upload_id = send(client, b"a,b\n1\n2\n3\n")
    answer = client.get(f"/api/v1/uploads/{upload_id}/preview")
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["file", 2])
    assert client.get(f"/api/v1/uploads/{send(client, b'')}/preview").status_code == 422


def test_of_another_format_the_preview_tells_its_name(client: TestClient) -> None:
    found = client.get(f"/api/v1/uploads/{send(client, b'PAR1' + bytes(600))}/preview").json()
    assert (found["format"], found["columns"], found["rows"]) == ("parquet", [], [])


def test_what_nobody_goes_on_with_is_swept_away(
    client: TestClient, db: Database, storage: Storage, data_dir: Path
) -> None:
    old, new = send(client, CSV), send(client, CSV)
    (data_dir / "uploads" / "orphan").write_bytes(b"of a row that is gone")
    (data_dir / "uploads" / "begun").write_bytes(b"of a row that is not committed yet")
    os.utime(data_dir / "uploads" / "orphan", (0, 0))
    with db.write() as session:
        session.execute(update(Upload).where(Upload.id == old).values(touched_at=now() - service.KEPT_S - 1))
    assert service.sweep(db, storage) == 2
    assert files_in(data_dir) == sorted([f"uploads/{new}", "uploads/begun"])
    assert client.get(f"/api/v1/uploads/{old}").status_code == 404
    assert client.get(f"/api/v1/uploads/{new}").status_code == 200


def test_a_server_sweeps_when_it_starts(settings: Settings, db: Database, storage: Storage) -> None:
    with db.write() as session:
        session.add(Upload(filename="a", size_bytes=1, created_at=0.0, touched_at=0.0))

    def is_gone() -> bool:
        with db.read() as session:
            return not session.query(Upload).count()

    with TestClient(create_app(settings), base_url="http://localhost"):
        wait_for(is_gone)


@pytest.mark.parametrize(
    ("head", "filename"),
    [
        (b"II*\0" + bytes(60), "scan"),
        (b"MM\0*" + bytes(60), "scan.tif"),
        (b"\x89PNG\r\n\x1a\n", "a.png"),
        (b"\0\0\1\0" + bytes(60), "favicon.ico"),
        (b"\1\0\2\0" + bytes(60), "old.TGA"),
    ],
)
def test_a_single_image_is_refused_before_anything_is_made_of_it(
    client: TestClient, head: bytes, filename: str
) -> None:
    upload_id = begin(client, head, filename)
    assert client.put(f"/api/v1/uploads/{upload_id}?offset=0", content=head).status_code == 200
    body = {"name": "x", "source": {"type": "upload", "upload": upload_id}}
    refused = [
        client.get(f"/api/v1/uploads/{upload_id}/preview"),
        client.post("/api/v1/datasets", json=body),
        client.post("/api/v1/datasets", files={"file": (filename, head)}),
    ]
    for answer in refused:
        assert answer.status_code == 415
        assert answer.json()["detail"] == f"{filename} is a single image, and a dataset has many."
        assert "zip archive" in answer.json()["hint"]
    assert client.get("/api/v1/datasets").json()["items"] == []


def test_a_month_is_a_time_in_the_preview(client: TestClient) -> None:
    content = b"Month,Passengers\n1949-01,112\n1949-02,118\n"
    upload_id = begin(client, content, "air.csv")
    client.put(f"/api/v1/uploads/{upload_id}?offset=0", content=content)
    columns = client.get(f"/api/v1/uploads/{upload_id}/preview").json()["columns"]
    assert [column["type"] for column in columns] == ["timestamp", "integer"]


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_a_table_alone_in_a_zip_is_read_like_the_file_itself(client: TestClient, work: Work) -> None:
    content = zipped({"data/": b"", "data/my table.csv": CSV, "__MACOSX/data/._my table.csv": b"\0\5"})
    upload_id = begin(client, content, "my table.csv.zip")
    client.put(f"/api/v1/uploads/{upload_id}?offset=0", content=content)
    found = client.get(f"/api/v1/uploads/{upload_id}/preview").json()
    assert (found["format"], found["delimiter"], found["decimal"]) == ("delimited", ";", ",")
    assert found["rows"] == [["1,5", "a"], ["2", "b"], ["3,5", "a"]]
    source = {"type": "upload", "upload": upload_id, "header": False}
    made = client.post("/api/v1/datasets", json={"name": "x", "source": source}).json()
    assert work() == [JobStatus.SUCCEEDED]
    dataset = client.get(f"/api/v1/datasets/{made['id']}").json()
    assert dataset["num_rows"] == 4, "what was said of it holds"
    assert dataset["source"]["filename"] == "my table.csv.zip"
    assert dataset["source"]["delimiter"] == ";"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", b"a\tb\n1\tx y\n2\tz\n"),
        ("a.jsonl", b'{"a": 1, "b": "x y"}\n{"a": 2, "b": "z"}\n'),
        ("A.JSON", b'[{"a": 1, "b": "x y"}, {"a": 2, "b": "z"}]'),
    ],
)
def test_whatever_table_is_alone_in_a_zip_is_read(
    client: TestClient, work: Work, storage: Storage, name: str, content: bytes
) -> None:
    made = client.post("/api/v1/datasets", files={"file": ("a.zip", zipped({name: content}))}).json()
    assert work() == [JobStatus.SUCCEEDED]
    rows = client.get(f"/api/v1/datasets/{made['id']}/rows").json()["rows"]
    assert rows == [{"a": 1, "b": "x y"}, {"a": 2, "b": "z"}]
    assert [path.name for path in storage.path("datasets", made["id"]).iterdir()] == ["data.parquet"]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"../a.csv": CSV}, "leads out of the archive"),
        ({"a.csv": b"a\n" + b"1\n" * (64 << 20)}, "more than 200 times its size"),
        ({"a.csv": CSV, "b.csv": CSV}, "2 tables: a.csv, b.csv"),
    ],
)
def test_what_is_in_a_zip_is_held_to_the_limits_of_archives(
    client: TestClient, work: Work, members: dict[str, bytes], message: str
) -> None:
    made = client.post("/api/v1/datasets", files={"file": ("a.zip", zipped(members))}).json()
    assert work() == [JobStatus.FAILED]
    assert message in client.get(f"/api/v1/datasets/{made['id']}").json()["error"]["message"]


def test_a_zip_that_is_damaged_says_so_when_it_is_read(client: TestClient, work: Work) -> None:
    content = bytearray(zipped({"a.csv": b"a,b\n" + b"1,2\n" * 1000}))
    content[40:60] = bytes(20)
    upload_id = begin(client, bytes(content), "a.zip")
    client.put(f"/api/v1/uploads/{upload_id}?offset=0", content=bytes(content))
    body = {"name": "x", "source": {"type": "upload", "upload": upload_id}}
    made = client.post("/api/v1/datasets", json=body).json()
    assert work() == [JobStatus.FAILED]
    assert (
        "a.csv cannot be read: it is damaged" in client.get(f"/api/v1/datasets/{made['id']}").json()["error"]["message"]
    )


def test_what_is_said_of_a_table_in_a_zip_holds_in_a_form_too(client: TestClient, work: Work) -> None:
    parts = [
        ("definition", (None, '{"header": false}', "application/json")),
        ("file", ("a.zip", zipped({"a.csv": CSV}), "application/zip")),
    ]
    made = client.post("/api/v1/datasets", files=parts).json()
    assert work() == [JobStatus.SUCCEEDED]
    assert client.get(f"/api/v1/datasets/{made['id']}").json()["num_rows"] == 4
