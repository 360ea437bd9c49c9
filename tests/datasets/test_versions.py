"""Versions of datasets over REST: added to, relabelled, compared, deleted; what is shared is held once."""

import csv
import io
import json
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select, update

from app.datasets import versions
from app.db import Database
from app.db.tables import Dataset
from app.queue import JobStatus
from app.storage import Storage
from app.stored.manifest import damage
from app.stored.table import open_table
from tests.worker.data.formats.workbook import workbook

pytestmark = pytest.mark.full_on_postgres

Work = Callable[[], list[JobStatus]]
API = "/api/v1"
CSV = b"size,kind,when\n1.5,a,2024-01-02\n,b,2024-01-03\n2.5,a,2024-01-04\n"


def add(client: TestClient, content: bytes, filename: str = "animals.csv") -> str:
    answer = client.post(f"{API}/datasets", files=[("file", (filename, content))])
    assert answer.status_code == 201, answer.text
    dataset_id: str = answer.json()["id"]
    return dataset_id


def send(client: TestClient, content: bytes, filename: str = "more.csv") -> str:
    upload_id: str = client.post(f"{API}/uploads", json={"filename": filename, "size_bytes": len(content)}).json()["id"]
    assert client.put(f"{API}/uploads/{upload_id}?offset=0", content=content).status_code == 200
    return upload_id


def begin(client: TestClient, dataset_id: str, **body: Any) -> Any:
    return client.post(f"{API}/datasets/{dataset_id}/versions", json=body)


def more(client: TestClient, dataset_id: str, *files: bytes, filename: str = "more.csv") -> Any:
    uploads = [{"upload": send(client, content, filename)} for content in files]
    return begin(client, dataset_id, uploads=uploads)


def get(client: TestClient, path: str) -> Any:
    answer = client.get(f"{API}/datasets/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def rows(client: TestClient, dataset_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(client, f"{dataset_id}/rows?limit=1000")["rows"]
    return found


def files_in(data_dir: Path, dataset_id: str) -> list[str]:
    return sorted(path.name for path in (data_dir / "datasets" / dataset_id).rglob("*"))


@pytest.fixture
def first(client: TestClient, work: Work) -> str:
    dataset_id = add(client, CSV)
    assert work() == [JobStatus.SUCCEEDED]
    return dataset_id


def test_added_rows_make_a_version_that_shares_what_was_there(
    client: TestClient, work: Work, first: str, data_dir: Path
) -> None:
    made = more(client, first, b"when,kind,size\n2024-02-01,c,7\n")
    assert made.status_code == 201 and made.headers["location"] == f"{API}/datasets/{made.json()['id']}"
    told = made.json()
    assert (told["version"], told["family_id"], told["name"], told["status"]) == (2, first, "animals", "ingesting")
    assert work() == [JobStatus.SUCCEEDED]
    second = get(client, told["id"])
    assert (second["status"], second["num_rows"], second["made"]["from"]) == ("ready", 4, first)
    assert second["made"]["added"][0]["num_rows"] == 1
    assert rows(client, told["id"]) == [*rows(client, first), {"size": 7.0, "kind": "c", "when": "2024-02-01T00:00:00"}]
    kind = next(column for column in second["columns"] if column["name"] == "kind")
    assert kind["values"] == ["a", "b", "c"]
    assert get(client, first)["num_rows"] == 3, "the older one is as it was"
    old, *new = sorted((data_dir / "datasets" / told["id"]).glob("*.parquet"), key=lambda one: -one.stat().st_nlink)
    assert old.samefile(data_dir / "datasets" / first / "data.parquet") and len(new) == 1
    assert list((data_dir / "uploads").iterdir()) == []


LOOKALIKES = {"version": "1.10", "when": "2024-01-06", "flag": "True", "code": "0x1F", "zip": "007", "half": "1,50"}


def written_out(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([list(rows[0]), *(row.values() for row in rows)])
    return text.getvalue().encode()


@pytest.mark.parametrize("filename", ["more.csv", "more.jsonl", "more.xlsx"])
def test_text_stays_as_it_is_written_where_added_words_look_like_numbers_or_times(
    client: TestClient, work: Work, filename: str
) -> None:
    words = [dict.fromkeys(LOOKALIKES, "beta"), LOOKALIKES]
    base = add(client, written_out(words))
    assert work() == [JobStatus.SUCCEEDED]
    made: dict[str, Callable[[], bytes]] = {
        "more.csv": lambda: written_out([LOOKALIKES]),
        "more.jsonl": lambda: json.dumps(LOOKALIKES).encode(),
        "more.xlsx": lambda: workbook({"S": [list(LOOKALIKES), list(LOOKALIKES.values())]}),
    }
    second = more(client, base, made[filename](), filename=filename).json()["id"]
    assert work() == [JobStatus.SUCCEEDED]
    assert rows(client, second) == [*words, LOOKALIKES]


def test_cells_are_relabelled_one_by_one_and_by_a_filter(client: TestClient, work: Work, first: str) -> None:
    cells = [{"row": 2, "value": "b"}, {"row": 0, "value": None}]
    second = begin(client, first, relabel={"column": "kind", "values": cells}).json()["id"]
    assert work() == [JobStatus.SUCCEEDED]
    assert [row["kind"] for row in rows(client, second)] == [None, "b", "b"]
    relabel = [
        {"column": "size", "filter": ["kind:b"], "value": 9},
        {"column": "when", "values": [{"row": 1, "value": "2025-05-05T12:00"}]},
        {"column": "kind", "filter": ["kind:missing"], "value": "c"},
    ]
    third = begin(client, second, relabel=relabel).json()["id"]
    assert work() == [JobStatus.SUCCEEDED]
    assert rows(client, third) == [
        {"size": 1.5, "kind": "c", "when": "2024-01-02T00:00:00"},
        {"size": 9.0, "kind": "b", "when": "2025-05-05T12:00:00"},
        {"size": 9.0, "kind": "b", "when": "2024-01-04T00:00:00"},
    ]
    made = get(client, third)["made"]
    assert [one["num_changed"] for one in made["relabelled"]] == [2, 1, 1]
    columns = {column["name"]: column for column in get(client, third)["columns"]}
    assert (columns["size"]["max"], columns["size"]["num_missing"], columns["kind"]["values"]) == (9.0, 0, ["b", "c"])
    assert [row["kind"] for row in rows(client, first)] == ["a", "b", "a"]


def test_what_tells_two_versions_apart(client: TestClient, work: Work, first: str) -> None:
    second = more(client, first, b"size,kind,when\n8,b,2024-02-01\n").json()["id"]
    work()
    third = begin(client, second, relabel={"column": "kind", "filter": ["size:>2"], "value": "b"}).json()["id"]
    work()
    changes = get(client, f"{third}/changes")
    assert (changes["since"], changes["version"], changes["num_added"]) == (2, 3, 0)
    (kind,) = changes["columns"]
    assert (kind["name"], kind["num_changed"]) == ("kind", 1)
    assert {"name": "rows of a", "before": 2.0, "after": 1.0} in kind["moved"]
    changes = get(client, f"{third}/changes?since={first}")
    assert (changes["since"], changes["num_added"]) == (1, 1)
    assert {one["name"]: one["num_changed"] for one in changes["columns"]} == {"size": 0, "kind": 1, "when": 0}
    assert client.get(f"{API}/datasets/{first}/changes").status_code == 404
    assert client.get(f"{API}/datasets/{second}/changes?since={third}").status_code == 422


def test_lists_show_the_newest_version_that_is_ready(client: TestClient, work: Work, first: str) -> None:
    def listed() -> list[tuple[str, int]]:
        return [(one["id"], one["version"]) for one in get(client, "")["items"]]

    second = more(client, first, b"size,kind,when\n8,b,2024-02-01\n").json()["id"]
    assert listed() == [(first, 1)], "the next one is not ready"
    work()
    assert listed() == [(second, 2)]
    third = begin(client, second, relabel={"column": "kind", "values": [{"row": 1, "value": "b"}]}).json()["id"]
    assert work() == [JobStatus.FAILED], "the cell holds that already"
    assert listed() == [(second, 2)]
    assert [(one["version"], one["status"]) for one in get(client, f"{first}/versions")] == [
        (3, "failed"),
        (2, "ready"),
        (1, "ready"),
    ]
    assert "holds already" in get(client, third)["error"]["message"]
    fourth = begin(client, second, relabel={"column": "kind", "values": [{"row": 1, "value": "c"}]})
    assert fourth.json()["version"] == 4


def test_only_the_newest_is_gone_on_from(client: TestClient, work: Work, first: str) -> None:
    relabel = {"column": "kind", "values": [{"row": 0, "value": "b"}]}
    second = begin(client, first, relabel=relabel).json()["id"]
    refused = begin(client, first, relabel=relabel)
    assert refused.status_code == 409 and second in refused.json()["hint"] and "being made" in refused.json()["detail"]
    assert begin(client, second, relabel=relabel).status_code == 409
    work()
    refused = begin(client, first, relabel=relabel)
    assert refused.status_code == 409 and second in refused.json()["hint"] and "newest" in refused.json()["detail"]


def test_of_two_that_begin_at_once_one_wins(client: TestClient, first: str, data_dir: Path) -> None:
    relabel = {"column": "kind", "values": [{"row": 0, "value": "b"}]}
    found: list[int] = []
    gate = threading.Barrier(4)

    def try_it() -> None:
        gate.wait()
        found.append(begin(client, first, relabel=relabel).status_code)

    threads = [threading.Thread(target=try_it) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(found) == [201, 409, 409, 409]
    assert len(list((data_dir / "datasets").iterdir())) == 2, "of those that lost, nothing is left"


def test_the_same_request_under_the_same_key_makes_one_version(client: TestClient, work: Work, first: str) -> None:
    body = {"relabel": {"column": "kind", "values": [{"row": 0, "value": "b"}]}}
    headers = {"Idempotency-Key": "once"}
    answers = [client.post(f"{API}/datasets/{first}/versions", json=body, headers=headers)]
    work()
    answers.append(client.post(f"{API}/datasets/{first}/versions", json=body, headers=headers))
    assert [one.status_code for one in answers] == [201, 201] and answers[0].json() == answers[1].json()


def test_nobody_waits_while_what_is_added_is_laid_out(
    client: TestClient, work: Work, first: str, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory of an archive is read, and a file is copied where the disk knows no second names."""
    link, is_table, seen = Storage.link, versions.sole_table, []

    def write() -> None:
        with db.write() as session:
            session.execute(update(Dataset).where(Dataset.id == first).values(name="renamed"))
            seen.append(first)

    def write_and_link(storage: Storage, source: Path, target: Path) -> None:
        write()
        link(storage, source, target)

    def write_and_look(path: Path) -> Any:
        write()
        return is_table(path)

    monkeypatch.setattr(Storage, "link", write_and_link)
    monkeypatch.setattr(versions, "sole_table", write_and_look)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("more.csv", CSV)
    assert more(client, first, archive.getvalue(), filename="more.zip").status_code == 201
    assert seen == [first, first]


def test_the_same_file_added_under_the_same_key_makes_one_version(client: TestClient, work: Work, first: str) -> None:
    body, headers = {"uploads": [{"upload": send(client, CSV)}]}, {"Idempotency-Key": "once"}
    answers = [client.post(f"{API}/datasets/{first}/versions", json=body, headers=headers) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201] and answers[0].json() == answers[1].json()


def test_whole_numbers_may_be_text_and_are_exact(client: TestClient, work: Work, storage: Storage) -> None:
    first = add(client, b"n\n1\n2\n3\n")
    work()
    cells = [{"row": 0, "value": "9007199254740993"}, {"row": 1, "value": "-9223372036854775808"}]
    second = begin(client, first, relabel={"column": "n", "values": cells}).json()["id"]
    assert work() == [JobStatus.SUCCEEDED]
    table = open_table(storage.path("datasets", second)).read(["n"])
    assert table.column("n").to_pylist() == [9007199254740993, -(2**63), 3]
    for value in ("9223372036854775808", "1.5", "1e3", " 1", ""):
        answer = begin(client, second, relabel={"column": "n", "values": [{"row": 0, "value": value}]})
        assert answer.json()["errors"][0]["loc"] == ["relabel", 0, "values", 0, "value"]


BAD: list[tuple[Any, list[Any]]] = [
    ({}, []),
    ({"uploads": [{"upload": "x"}], "relabel": {"column": "kind", "filter": ["kind:a"], "value": "b"}}, []),
    ({"relabel": {"column": "kind", "filter": ["kind:a"]}}, ["relabel", 0]),
    ({"relabel": {"column": "shoe", "values": [{"row": 0, "value": "b"}]}}, ["relabel", 0, "column"]),
    ({"relabel": {"column": "kind", "values": [{"row": 3, "value": "b"}]}}, ["relabel", 0, "values", 0, "row"]),
    ({"relabel": {"column": "kind", "values": [{"row": 1, "value": "b"}] * 2}}, ["relabel", 0, "values", 1, "row"]),
    ({"relabel": {"column": "kind", "values": [{"row": 1, "value": 7}]}}, ["relabel", 0, "values", 0, "value"]),
    ({"relabel": {"column": "size", "values": [{"row": 1, "value": "x"}]}}, ["relabel", 0, "values", 0, "value"]),
    ({"relabel": {"column": "when", "values": [{"row": 1, "value": 1e18}]}}, ["relabel", 0, "values", 0, "value"]),
    ({"relabel": {"column": "when", "values": [{"row": 1, "value": 3e11}]}}, ["relabel", 0, "values", 0, "value"]),
    ({"relabel": {"column": "when", "filter": ["kind:a"], "value": -1e12}}, ["relabel", 0, "value"]),
    ({"relabel": {"column": "when", "values": [{"row": 1, "value": "soon"}]}}, ["relabel", 0, "values", 0, "value"]),
    ({"relabel": {"column": "when", "filter": ["kind:a"], "value": "soon"}}, ["relabel", 0, "value"]),
    ({"relabel": {"column": "kind", "filter": ["shoe:a"], "value": "b"}}, ["query", "filter"]),
    ({"relabel": {"column": "kind", "filter": ["kind:z"], "value": "b"}}, ["relabel", 0, "filter"]),
]


@pytest.mark.parametrize(("body", "loc"), BAD)
def test_what_does_not_fit_is_told_with_its_place(
    client: TestClient, first: str, data_dir: Path, body: Any, loc: list[Any]
) -> None:
    answer = begin(client, first, **body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["loc"][: len(loc)] == loc
    assert [path.name for path in (data_dir / "datasets").iterdir()] == [first]


def test_too_many_cells_are_refused_but_not_by_a_filter(client: TestClient, first: str) -> None:
    cells = [{"row": i, "value": "b"} for i in range(100_001)]
    answer = begin(client, first, relabel={"column": "kind", "values": cells})
    assert answer.status_code == 422 and "by a filter" in answer.json()["detail"]


def test_a_file_with_other_columns_is_refused_at_once_where_its_header_shows(
    client: TestClient, first: str, data_dir: Path
) -> None:
    answer = more(client, first, b"size,kind,when\n1,a,2024-01-02\n", b"size,sort,when\n1,a,2024-01-02\n")
    assert answer.status_code == 422
    assert "lacks 'kind' and has 'sort' besides" in answer.json()["detail"]
    assert answer.json()["errors"][0]["loc"] == ["uploads", 1, "upload"]
    assert [path.name for path in (data_dir / "datasets").iterdir()] == [first]
    assert begin(client, first, uploads=[{"upload": "none"}]).status_code == 404


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"size": [1.0], "sort": ["a"], "when": [None]}, "lacks 'kind' and has 'sort' besides"),
        ({"size": ["large"], "kind": ["a"], "when": [None]}, "The column 'size'"),
    ],
)
def test_a_file_that_does_not_fit_inside_fails_with_words(
    client: TestClient, work: Work, first: str, data_dir: Path, table: Any, message: str
) -> None:
    pq.write_table(pa.table(table), file := io.BytesIO())
    made = more(client, first, file.getvalue(), filename="more.parquet").json()["id"]
    assert work() == [JobStatus.FAILED]
    error = get(client, made)["error"]
    assert error["kind"] == "other_columns" and message in error["message"] and error["hint"]
    assert files_in(data_dir, made) == []
    assert rows(client, first)[0]["kind"] == "a"


def test_rows_of_files_that_do_not_fit_are_set_aside(client: TestClient, work: Work, first: str) -> None:
    good, bad = b"size,kind,when\n5,a,2024-01-02\n6,b,2024-01-02\n7,c\n", b"kind,when,size\nb,2024-01-02,8,x,x\na,,9\n"
    made = more(client, first, good, bad).json()["id"]
    assert work() == [JobStatus.SUCCEEDED]
    found = get(client, made)
    assert (found["num_rows"], found["num_set_aside"]) == (6, 2)
    lines = client.get(f"{API}/datasets/{made}/set_aside").text.splitlines()
    assert len(lines) == 3 and lines[0] == "line,reason,text"


def test_deleting_frees_exactly_what_no_other_version_holds(
    client: TestClient, work: Work, first: str, data_dir: Path
) -> None:
    def used() -> int:
        files = {path.stat().st_ino: path.stat() for path in (data_dir / "datasets").rglob("*") if path.is_file()}
        return sum(one.st_size for one in files.values())

    second = more(client, first, b"size,kind,when\n" + b"8,b,2024-02-01\n" * 500).json()["id"]
    work()
    third = begin(client, second, relabel={"column": "kind", "filter": ["kind:b"], "value": "c"}).json()["id"]
    work()
    own = {one["id"]: one["own_bytes"] for one in get(client, f"{third}/versions")}
    assert own[first] == 0, "the newer ones hold all of it"
    assert own[second] == (data_dir / "datasets" / second / "table.json").stat().st_size < own[third]
    before = used()
    assert client.delete(f"{API}/datasets/{second}").status_code == 204
    assert before - used() == own[second]
    before = used()
    own = {one["id"]: one["own_bytes"] for one in get(client, f"{third}/versions")}
    assert client.delete(f"{API}/datasets/{third}").status_code == 204
    assert before - used() == own[third] > 0
    assert rows(client, first)[1]["kind"] == "b"
    assert get(client, f"{first}/versions")[0]["own_bytes"] == used()
    again = begin(client, first, relabel={"column": "kind", "values": [{"row": 0, "value": "b"}]})
    assert (again.status_code, again.json()["version"]) == (201, 2)


def test_a_version_that_another_is_made_of_stays(client: TestClient, work: Work, first: str) -> None:
    made = begin(client, first, relabel={"column": "kind", "values": [{"row": 0, "value": "b"}]}).json()["id"]
    refused = client.delete(f"{API}/datasets/{first}")
    assert refused.status_code == 409 and "Version 2" in refused.json()["detail"]
    work()
    assert client.delete(f"{API}/datasets/{first}").status_code == 204
    assert [row["kind"] for row in rows(client, made)] == ["b", "b", "a"]
    assert client.get(f"{API}/datasets/{made}/changes").status_code == 404


def test_where_links_cannot_be_made_files_are_copied(
    client: TestClient, work: Work, first: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    made = begin(client, first, relabel={"column": "kind", "values": [{"row": 0, "value": "b"}]}).json()["id"]
    assert work() == [JobStatus.SUCCEEDED]
    assert [row["kind"] for row in rows(client, made)] == ["b", "b", "a"]
    versions = {one["id"]: one["own_bytes"] for one in get(client, f"{first}/versions")}
    assert versions[first] == (data_dir / "datasets" / first / "data.parquet").stat().st_size < versions[made]
    assert get(client, f"{made}/changes")["columns"][0]["num_changed"] == 1


def test_a_version_of_one_that_is_built_in_is_found_by_its_id_alone(client: TestClient, work: Work) -> None:
    body = {"name": "xor", "source": {"type": "builtin", "name": "xor"}}
    base = client.post(f"{API}/datasets", json=body).json()["id"]
    work()
    made = begin(client, base, relabel={"column": "xor", "values": [{"row": 0, "value": 1}]}).json()["id"]
    work()
    assert [row["xor"] for row in rows(client, made)] == [1, 1, 1, 0]
    assert client.post(f"{API}/datasets", json=body).json()["id"] == base


def test_a_version_is_held_to_the_hash_of_each_of_its_files(
    client: TestClient, work: Work, db: Database, storage: Storage, first: str
) -> None:
    made = more(client, first, b"size,kind,when\n8,b,2024-02-01\n").json()["id"]
    work()
    with db.read() as session:
        row = session.get_one(Dataset, made)
    place = storage.path("datasets", made)
    assert row.content_hash == row.table_sha256
    assert damage(place, row.size_bytes, row.table_sha256) is None
    next(place.glob("*.parquet")).write_bytes(b"other")
    assert damage(place, row.size_bytes, row.table_sha256)


def test_images_are_added_and_given_other_classes(client: TestClient, work: Work) -> None:
    def archive(*names: str) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as file:
            for i, name in enumerate(names):
                Image.fromarray(np.full((6, 6, 3), i, np.uint8)).save(picture := io.BytesIO(), "PNG")
                file.writestr(f"{name}/{i}.png", picture.getvalue())
        return packed.getvalue()

    base = add(client, archive("cats", "dogs", "cats"), "animals.zip")
    work()
    second = more(client, base, archive("owls", "owls"), filename="owls.zip").json()["id"]
    assert work() == [JobStatus.SUCCEEDED]
    assert [row["label"] for row in rows(client, second)] == ["cats", "dogs", "cats", None, None], "of one folder"
    cells = [{"row": 3, "value": "dogs"}, {"row": 4, "value": "owls"}, {"row": 0, "value": "lynx"}]
    relabel = {"column": "label", "values": cells}
    third = begin(client, second, relabel=relabel).json()["id"]
    assert work() == [JobStatus.SUCCEEDED]
    found = {column["name"]: column for column in get(client, third)["columns"]}
    assert found["label"]["values"] == ["cats", "dogs", "lynx", "owls"] and found["label"]["type"] == "category"
    assert get(client, f"{third}/rows?filter=label:lynx")["numbers"] == [0]
    picture = client.get(f"{API}/datasets/{third}/images/image/4")
    assert picture.status_code == 200 and picture.headers["content-type"] == "image/png"
    refused = begin(client, third, relabel={"column": "image", "filter": ["label:cats"], "value": "x"})
    assert refused.status_code == 422 and "not relabelled" in refused.json()["detail"]


def test_one_that_was_cut_off_is_made_from_the_start(
    client: TestClient, work: Work, first: str, storage: Storage
) -> None:
    made = more(client, first, b"size,kind,when\n8,b,2024-02-01\n").json()["id"]
    left = storage.folder("datasets", made, "attempt-0")
    (left / "half.parquet").write_bytes(b"PAR1 half a table")
    assert work() == [JobStatus.SUCCEEDED]
    place = storage.path("datasets", made)
    listed = json.loads((place / "table.json").read_bytes())
    names = {part["file"]["name"] for part in listed["parts"]}
    assert {path.name for path in place.iterdir()} == {"table.json", *names} and len(names) == 2


def test_one_whose_base_is_gone_fails_with_words(
    client: TestClient, work: Work, first: str, db: Database, data_dir: Path
) -> None:
    made = begin(client, first, relabel={"column": "kind", "values": [{"row": 0, "value": "b"}]}).json()["id"]
    with db.write() as session:
        session.delete(session.get_one(Dataset, first))
    assert work() == [JobStatus.FAILED]
    assert "was deleted" in get(client, made)["error"]["message"] and files_in(data_dir, made) == []


WORDS = st.sampled_from(["a", "b", "c", None])
STEP = st.one_of(
    st.lists(st.tuples(st.integers(0, 9), WORDS), min_size=1, max_size=4),  # rows that are added
    st.dictionaries(st.integers(0, 60), WORDS, min_size=1, max_size=5),  # cells, by row modulo how many there are
    st.tuples(st.sampled_from(["kind:a", "x:>4", "kind:missing"]), WORDS),  # a filter and a value
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=1, max_size=4))
def test_adding_and_relabelling_in_any_order_is_what_it_is_to_a_plain_table(
    client: TestClient, work: Work, db: Database, steps: list[Any]
) -> None:
    plain: list[tuple[int, str | None]] = [(1, "a"), (7, "b")]
    newest = add(client, as_csv(plain))
    work()
    for step in steps:
        wanted, body = after(client, plain, step)
        made = begin(client, newest, **body)
        if wanted == plain:  # nothing changes, or no row matches
            assert made.status_code == 422 or work() == [JobStatus.FAILED]
            continue
        assert made.status_code == 201, made.text
        assert work() == [JobStatus.SUCCEEDED]
        newest, plain = made.json()["id"], wanted
        assert [(row["x"], row["kind"]) for row in rows(client, newest)] == plain
    with db.read() as session:
        found = session.scalars(select(Dataset).where(Dataset.id == newest)).one()
    kind = next(column for column in found.columns or [] if column["name"] == "kind")
    assert (found.num_rows, kind["num_missing"]) == (len(plain), sum(word is None for _, word in plain))


def as_csv(table: list[tuple[int, str | None]]) -> bytes:
    return b"x,kind\n" + "".join(f"{x},{word or 'NA'}\n" for x, word in table).encode()


def after(
    client: TestClient, plain: list[tuple[int, str | None]], step: Any
) -> tuple[list[tuple[int, str | None]], dict[str, Any]]:
    """What a step makes of a plain table, and how it is asked for."""
    if isinstance(step, list):
        return [*plain, *step], {"uploads": [{"upload": send(client, as_csv(step))}]}
    if isinstance(step, dict):
        cells = {row % len(plain): word for row, word in step.items()}
        wanted = [(x, cells.get(i, word)) for i, (x, word) in enumerate(plain)]
        values = [{"row": row, "value": word} for row, word in cells.items()]
        return wanted, {"relabel": {"column": "kind", "values": values}}
    filter_, value = step
    matches = {"kind:a": lambda x, w: w == "a", "x:>4": lambda x, w: x > 4, "kind:missing": lambda x, w: w is None}
    wanted = [(x, value if matches[filter_](x, word) else word) for x, word in plain]
    return wanted, {"relabel": {"column": "kind", "filter": [filter_], "value": value}}


def test_versions_that_were_cancelled_stand_in_nobodys_way(client: TestClient, work: Work, first: str) -> None:
    relabel = {"column": "kind", "values": [{"row": 0, "value": "b"}]}
    made = begin(client, first, relabel=relabel).json()["id"]
    assert client.post(f"{API}/datasets/{made}/cancel").status_code == 202
    again = begin(client, first, relabel=relabel)
    assert (again.status_code, again.json()["version"]) == (201, 3)
    work()
    assert get(client, "")["items"][0]["id"] == again.json()["id"]


def test_one_that_is_not_read_is_not_gone_on_from(client: TestClient, db: Database) -> None:
    base = add(client, CSV)
    relabel = {"column": "kind", "values": [{"row": 0, "value": "b"}]}
    assert begin(client, base, relabel=relabel).status_code == 409
    with db.write() as session:
        session.execute(update(Dataset).values(status="failed"))
    assert begin(client, base, relabel=relabel).status_code == 409
    assert begin(client, "none", relabel=relabel).status_code == 404
