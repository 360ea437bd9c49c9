"""Datasets over REST: what comes in, what is shown, and that nothing is left of what was refused."""

import csv
import errno
import gzip
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app import causes, queue
from app.db import Database
from app.db.tables import Job
from app.queue import JobStatus
from app.settings import Settings
from app.storage import Storage
from tests import staged
from tests.deck import wait_for

Work = Callable[[], list[JobStatus]]
CSV = b"size,kind,when\n1.5,a,2024-01-02\n,b,2024-01-03\ninf,a,2024-01-04\n"


def send(client: TestClient, content: bytes, filename: str = "my table.csv", **definition: Any) -> Any:
    parts: list[tuple[str, Any]] = []
    if definition:
        parts.append(("definition", (None, json.dumps(definition), "application/json")))
    return client.post("/api/v1/datasets", files=[*parts, ("file", (filename, content))])


def files_in(data_dir: Path) -> list[str]:
    return [str(path.relative_to(data_dir)) for path in data_dir.glob("datasets/**/*")]


def test_a_file_goes_in_is_read_and_shows(client: TestClient, work: Work) -> None:
    answer = send(client, CSV)
    assert answer.status_code == 201
    dataset = answer.json()
    assert answer.headers["location"] == f"/api/v1/datasets/{dataset['id']}"
    assert (dataset["name"], dataset["status"], dataset["columns"]) == ("my table", "ingesting", [])
    assert dataset["source"]["filename"] == "my table.csv"
    assert client.get(f"/api/v1/datasets/{dataset['id']}/rows").status_code == 409
    assert work() == [JobStatus.SUCCEEDED]
    dataset = client.get(f"/api/v1/datasets/{dataset['id']}").json()
    assert (dataset["status"], dataset["num_rows"], dataset["num_columns"]) == ("ready", 3, 3)
    size, kind, when = dataset["columns"]
    assert (size["type"], size["num_missing"], size["num_infinite"], size["max"]) == ("float", 1, 1, 1.5)
    assert (kind["type"], kind["values"]) == ("category", ["a", "b"])
    assert when["type"] == "timestamp"


def test_rows_are_read_from_anywhere_and_are_json(client: TestClient, work: Work) -> None:
    dataset_id = send(client, CSV).json()["id"]
    work()
    page = client.get(f"/api/v1/datasets/{dataset_id}/rows?offset=1&limit=2").json()
    assert page == {
        "rows": [
            {"size": None, "kind": "b", "when": "2024-01-03T00:00:00"},
            {"size": "Infinity", "kind": "a", "when": "2024-01-04T00:00:00"},
        ],
        "numbers": [1, 2],
        "num_matching": 3,
        "num_rows": 3,
    }
    assert client.get(f"/api/v1/datasets/{dataset_id}/rows?offset=99").json()["rows"] == []


def test_rows_that_do_not_fit_are_set_aside_and_can_be_looked_at(
    client: TestClient, work: Work, data_dir: Path
) -> None:
    content = b'a,b\n1,2\n3\n4,"x"y\n5,6\na,b\n7,8\n9,0\n2,4\n'
    dataset = send(client, content, quote='"').json()
    assert dataset["num_set_aside"] == 3
    assert work() == [JobStatus.SUCCEEDED]
    dataset = client.get(f"/api/v1/datasets/{dataset['id']}").json()
    assert (dataset["num_rows"], dataset["num_set_aside"], dataset["columns"][0]["type"]) == (5, 3, "integer")
    answer = client.get(f"/api/v1/datasets/{dataset['id']}/set_aside")
    assert answer.headers["content-type"].startswith("text/csv")
    assert list(csv.reader(answer.text.splitlines())) == [
        ["line", "reason", "text"],
        ["3", "2 fields expected, as in the first record, but 1 found", "3"],
        ["4", "text follows a closing quote", '4,"x"y'],
        ["6", "the header comes again", "a,b"],
    ]
    assert client.delete(f"/api/v1/datasets/{dataset['id']}").status_code == 204
    assert files_in(data_dir) == []


def test_where_every_row_fits_nothing_was_set_aside(client: TestClient, work: Work) -> None:
    dataset = send(client, CSV).json()
    work()
    assert dataset["num_set_aside"] == 0
    assert client.get(f"/api/v1/datasets/{dataset['id']}/set_aside").status_code == 404


def test_names_that_come_twice_are_made_different_and_that_is_told(client: TestClient, work: Work) -> None:
    dataset = send(client, b"a,b,a\n1,2,3\n").json()
    assert "a_2" in dataset["source"]["notes"][0]
    assert work() == [JobStatus.SUCCEEDED]
    columns = client.get(f"/api/v1/datasets/{dataset['id']}").json()["columns"]
    assert [column["name"] for column in columns] == ["a", "b", "a_2"]


def test_numbers_are_read_with_the_marks_that_were_found_or_said(client: TestClient, work: Work) -> None:
    dataset = send(client, b"x;y\n1,5;2.000,25\n2,5;1.000\n", thousands=".").json()
    assert (dataset["source"]["decimal"], dataset["source"]["thousands"]) == (",", ".")
    work()
    rows = client.get(f"/api/v1/datasets/{dataset['id']}/rows").json()["rows"]
    assert rows == [{"x": 1.5, "y": 2000.25}, {"x": 2.5, "y": 1000.0}]


@pytest.mark.parametrize(
    "definition",
    [
        {"delimiter": ";", "quote": ";"},
        {"decimal": ",", "thousands": ","},
        {"encoding": "ebcdic"},
        {"escape": "#", "comment": "#"},
    ],
)
def test_what_contradicts_itself_is_refused(client: TestClient, data_dir: Path, definition: dict[str, str]) -> None:
    answer = send(client, CSV, **definition)
    assert (answer.status_code, answer.json()["errors"][0]["loc"][0]) == (422, "definition")
    assert files_in(data_dir) == []


def test_a_file_of_another_format_is_kept_as_it_is_and_queued(client: TestClient, data_dir: Path) -> None:
    content = b"PAR1" + bytes(2000) + b"PAR1"
    dataset = send(client, content, "table.parquet").json()
    assert (dataset["name"], dataset["source"]["format"]) == ("table", "parquet")
    assert (data_dir / "datasets" / dataset["id"] / "upload.bin").read_bytes() == content
    with client.app.state.database.read() as session:  # type: ignore[attr-defined]
        payload = session.get_one(Job, dataset["job_id"]).payload
    assert payload == {"dataset_id": dataset["id"], "format": "parquet", "filename": "table.parquet"}


def test_a_disk_that_is_full_leaves_nothing(
    client: TestClient, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert send(client, CSV).status_code == 507
    assert [name for name in files_in(data_dir) if "/" in name] == []
    assert client.get("/api/v1/datasets").json()["items"] == []


def test_statistics_come_with_the_number_of_rows(client: TestClient, work: Work) -> None:
    dataset_id = send(client, b"x\n" + b"".join(b"%d\n" % i for i in range(100))).json()["id"]
    assert client.get(f"/api/v1/datasets/{dataset_id}/statistics").status_code == 409
    work()
    found = client.get(f"/api/v1/datasets/{dataset_id}/statistics").json()
    assert found["num_rows"] == 100
    assert found["columns"][0]["histogram"]["counts"] == [5] * 20


@pytest.mark.parametrize(
    ("definition", "columns"),
    [
        ({"name": "other"}, ["1", "2;3"]),
        ({"header": False}, ["column0", "column1"]),
        ({"delimiter": ";"}, ["1,2", "3"]),
    ],
)
def test_what_the_sender_says_of_the_file_counts(
    client: TestClient, work: Work, definition: dict[str, Any], columns: list[str]
) -> None:
    definition = {"header": True, **definition}
    dataset = send(client, b"1,2;3\n4,5;6\n", **definition).json()
    assert dataset["name"] == definition.get("name", "my table")
    work()
    found = client.get(f"/api/v1/datasets/{dataset['id']}").json()["columns"]
    assert [column["name"] for column in found] == columns


def test_the_encoding_is_found_out_or_said_and_kept(client: TestClient, work: Work) -> None:
    found = send(client, "größe,ort\n1,Zürich\n".encode("cp1252")).json()
    assert found["source"]["encoding"] == "cp1252"
    assert "Windows-1252" in found["source"]["notes"][0]
    said = send(client, "размер,город\n1,Москва\n".encode("cp1251"), encoding="cp1251").json()
    assert (said["source"]["encoding"], "notes" in said["source"]) == ("cp1251", False)
    assert work() == [JobStatus.SUCCEEDED] * 2
    assert client.get(f"/api/v1/datasets/{said['id']}/rows").json()["rows"] == [{"размер": 1, "город": "Москва"}]


def test_a_packed_file_goes_in_by_its_content(client: TestClient, work: Work) -> None:
    dataset = send(client, gzip.compress(b"a\tb\n1\t2\n"), "table.tsv.gz").json()
    assert (dataset["name"], dataset["source"]["delimiter"]) == ("table", "\t")
    assert work() == [JobStatus.SUCCEEDED]


@pytest.mark.parametrize(
    ("content", "status", "loc"),
    [
        (b"", 422, ["file"]),
        (b"a,b\n", 422, ["file"]),
        (b"a,b\n1,2\n3\n4\n", 422, ["file", 3]),
        (b'a,b\n1,"2\n', 422, ["file", 2]),
        (b"a" * 300 + b",b\n1,2\n", 422, ["file", 1]),
        ("é,b\n1,".encode() + b"\xff\n", 415, ["file", 2]),
        (b"a,b\n1,\0\n", 415, ["file", 2]),
        (b"a,b\n1," + b"x" * (1 << 21), 413, ["file", 2]),
        (gzip.compress(b"a,b\n1,2\n")[:-3], 422, ["file"]),
    ],
)
def test_of_a_file_that_is_refused_nothing_is_left(
    client: TestClient, data_dir: Path, content: bytes, status: int, loc: list[Any]
) -> None:
    answer = send(client, content)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["loc"] == loc
    assert files_in(data_dir) == []
    assert client.get("/api/v1/datasets").json()["items"] == []


@pytest.mark.parametrize(
    ("files", "loc"),
    [
        ([("definition", (None, "{}"))], ["file"]),
        ([("file", ("a.csv", CSV)), ("file", ("b.csv", CSV))], ["file"]),
        ([("file", ("a.csv", CSV)), ("definition", (None, '{"header": false}'))], ["definition"]),
        ([("definition", (None, '{"delimiter": ",,"}')), ("file", ("a.csv", CSV))], ["definition", "delimiter"]),
        ([("definition", (None, "{")), ("file", ("a.csv", CSV))], ["definition"]),
        ([("colour", (None, "red")), ("file", ("a.csv", CSV))], ["colour"]),
    ],
)
def test_a_form_that_does_not_fit_is_refused_with_the_part(
    client: TestClient, data_dir: Path, files: Any, loc: list[str]
) -> None:
    answer = client.post("/api/v1/datasets", files=files)
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, loc)
    assert files_in(data_dir) == []


def test_a_name_may_follow_the_file(client: TestClient) -> None:
    files: Any = [("file", ("a.csv", CSV)), ("definition", (None, '{"name": "late"}'))]
    assert client.post("/api/v1/datasets", files=files).json()["name"] == "late"


def test_a_file_name_is_only_a_name(client: TestClient, data_dir: Path) -> None:
    dataset = send(client, CSV, "../../etc/passwd.csv").json()
    assert (dataset["name"], dataset["source"]["filename"]) == ("passwd", "passwd.csv")
    assert sorted(files_in(data_dir)) == [f"datasets/{dataset['id']}", f"datasets/{dataset['id']}/upload.csv"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content-type": "text/csv"}, CSV, 415),
        ({"content-type": "multipart/form-data"}, b"", 415),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x\r\nnonsense", 400),
        ({"content-type": "multipart/form-data; boundary=x"}, b"nonsense", 400),
        ({"content-type": "application/json"}, b"{", 422),
        ({"content-type": "application/json"}, b"{}", 422),
        ({"content-type": "application/json"}, b'{"x": "' + b"y" * 100_000 + b'"}', 413),
        ({}, b"", 415),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    client: TestClient, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = client.post("/api/v1/datasets", content=body, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_a_built_in_dataset_is_made_by_name(client: TestClient, work: Work) -> None:
    names = [one["name"] for one in client.get("/api/v1/datasets/builtins").json()]
    assert {"celsius", "xor", "random_sequences", "iris", "digits"} <= set(names)
    body = {"name": "temperatures", "source": {"type": "builtin", "name": "celsius"}}
    first, again = (client.post("/api/v1/datasets", json=body).json() for _ in range(2))
    assert first["id"] == again["id"]
    assert work() == [JobStatus.SUCCEEDED]
    rows = client.get(f"/api/v1/datasets/{first['id']}/rows").json()["rows"]
    assert rows[-1] == {"celsius": 38.0, "fahrenheit": 100.4}
    wrong = client.post("/api/v1/datasets", json={"name": "x", "source": {"type": "builtin", "name": "y"}})
    assert (wrong.status_code, wrong.json()["errors"][0]["loc"]) == (422, ["source", "name"])


def test_deleting_removes_the_files_too(client: TestClient, work: Work, data_dir: Path) -> None:
    dataset_id = send(client, CSV).json()["id"]
    work()
    assert files_in(data_dir) == [f"datasets/{dataset_id}", f"datasets/{dataset_id}/data.parquet"]
    assert client.delete(f"/api/v1/datasets/{dataset_id}").status_code == 204
    assert files_in(data_dir) == []
    assert client.get(f"/api/v1/datasets/{dataset_id}").status_code == 404


def test_the_same_upload_under_the_same_key_is_one_dataset(client: TestClient, data_dir: Path) -> None:
    client.headers["Idempotency-Key"] = "once"
    first, again = send(client, CSV), send(client, CSV)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert len(list(data_dir.glob("datasets/*"))) == 1


def test_a_field_of_gigabytes_is_refused_while_it_is_sent_and_costs_no_memory(
    port: int, settings: Settings, data_dir: Path
) -> None:
    before = psutil.Process().memory_info().rss
    head = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b\n1,"'
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            f"POST /api/v1/datasets HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {settings.token}\r\n"
            f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {2 << 30}\r\n\r\n".encode()
            + head
        )
        num_sent = 0
        try:
            while num_sent < 2 << 30:
                connection.sendall(b"x, " * 300_000)
                num_sent += 900_000
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert num_sent < 200 << 20
    assert psutil.Process().memory_info().rss - before < 150 << 20
    assert files_in(data_dir) == []


def test_a_refusal_is_heard_by_who_sends_first_and_listens_afterwards(port: int, settings: Settings) -> None:
    content = b"a,b\n" + b"1,2,3\n" * 1_500_000
    body = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + content + b"\r\n--x--\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            f"POST /api/v1/datasets HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {settings.token}\r\n"
            f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 422")


def test_an_upload_that_breaks_off_leaves_nothing(port: int, settings: Settings, data_dir: Path) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            f"POST /api/v1/datasets HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {settings.token}\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 10000000\r\n\r\n".encode()
            + b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b\n'
            + b"1,2\n" * 500_000
        )
        wait_for(lambda: files_in(data_dir))
    wait_for(lambda: not files_in(data_dir))


def test_one_that_is_being_read_is_asked_to_stop_before_it_goes(client: TestClient) -> None:
    database = client.app.state.database  # type: ignore[attr-defined]
    made = client.post("/api/v1/datasets", json={"name": "iris", "source": {"type": "builtin", "name": "iris"}}).json()
    worker_id = staged.add_worker(database)
    taken = staged.claim(database, worker_id)
    answer = client.delete(f"/api/v1/datasets/{made['id']}")
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert "still being read" in answer.json()["detail"]
    with database.write() as session:
        assert queue.fence(session, taken, lease_s=30).request == "cancel"
        queue.obey(session, taken, causes.stopped())
    assert client.delete(f"/api/v1/datasets/{made['id']}").status_code == 204


def test_the_reading_of_one_can_be_cancelled(client: TestClient) -> None:
    made = client.post("/api/v1/datasets", json={"name": "iris", "source": {"type": "builtin", "name": "iris"}}).json()
    cancelled = client.post(f"/api/v1/datasets/{made['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "failed")
    assert cancelled.json()["error"]["message"] == "Reading it was cancelled."
    assert client.post("/api/v1/datasets/nothing/cancel").status_code == 404


@pytest.mark.parametrize("way", ["datasets/{id}", "queue/{job_id}"])
def test_a_file_that_nobody_is_to_read_any_more_is_removed(client: TestClient, storage: Storage, way: str) -> None:
    made = client.post("/api/v1/datasets", files={"file": ("a.csv", b"a,b\n1,2\n")}).json()
    assert list(storage.path("datasets", made["id"]).iterdir())
    assert client.post(f"/api/v1/{way.format(**made)}/cancel").status_code == 202
    assert not storage.path("datasets", made["id"]).exists()
    assert client.get(f"/api/v1/datasets/{made['id']}").json()["status"] == "failed"


def test_one_that_was_read_keeps_its_table_when_what_is_left_to_do_is_cancelled(
    client: TestClient, storage: Storage, work: Work, db: Database
) -> None:
    made = client.post("/api/v1/datasets", files={"file": ("a.csv", b"a,b\n1,2\n")}).json()
    work()
    with db.write() as session:  # its worker died before it had cleaned up
        session.execute(update(Job).where(Job.id == made["job_id"]).values(status="queued", finished_at=None))
    assert client.post(f"/api/v1/datasets/{made['id']}/cancel").json()["status"] == "ready"
    assert client.get(f"/api/v1/datasets/{made['id']}/rows").json()["rows"] == [{"a": 1, "b": 2}]


def test_a_generated_dataset_is_made_with_the_columns_that_were_told(client: TestClient, work: Work) -> None:
    source = {"type": "generated", "name": "moons", "num_rows": 60, "noise": 0.2, "seed": 3}
    told = client.post("/api/v1/datasets", json={"name": "moons", "source": source}).json()
    assert (told["num_rows"], [column["name"] for column in told["columns"]]) == (60, ["x", "y", "label"])
    assert work() == [JobStatus.SUCCEEDED]
    made = client.get(f"/api/v1/datasets/{told['id']}").json()
    assert made["status"] == "ready" and made["source"] == source | {"length": 16}
    for before, after in zip(told["columns"], made["columns"], strict=True):
        assert {key: after[key] for key in ("type", "min", "max", "num_distinct", "values")} == {
            key: before[key] for key in ("type", "min", "max", "num_distinct", "values")
        }
    assert made["columns"][0]["histogram"] is not None
    assert len(client.get(f"/api/v1/datasets/{told['id']}/rows?limit=1000").json()["rows"]) == 60


def test_a_rule_that_there_is_not_is_told_with_those_there_are(client: TestClient) -> None:
    names = {one["name"] for one in client.get("/api/v1/datasets/generators").json()}
    assert {"spiral", "shapes"} <= names
    body = {"name": "x", "source": {"type": "generated", "name": "spirals", "num_rows": 5}}
    errors = client.post("/api/v1/datasets", json=body).json()["errors"]
    assert [error["loc"][-1] for error in errors] == ["name", "num_rows"]
