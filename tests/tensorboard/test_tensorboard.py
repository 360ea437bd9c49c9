"""TensorBoard's event files: what its own writer writes comes in as it was, what goes out its own reader reads."""

import io
import itertools
import math
import struct
import zipfile
from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx2 as httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_ndarray, make_tensor_proto
from typer.testing import CliRunner

from app import queue
from app.cli import cli
from app.columns import Points
from app.db import Database
from app.db.base import Base
from app.db.tables import Event as EventRow
from app.db.tables import Job, Run, Series
from app.settings import Settings
from app.tensorboard import messages, reading, records, service
from app.tensorboard.reading import Column, FileRead, RunRead

pytestmark = pytest.mark.full_on_postgres

API = "/api/v1"
STRANGE = [0.1, math.nan, math.inf, -math.inf, 1e-45, -0.0, 3.4e38]


def simple(tag: str, value: float) -> Summary.Value:
    return Summary.Value(tag=tag, simple_value=value)


def tensor(tag: str, value: Any, dtype: Any = np.float32) -> Summary.Value:
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    return Summary.Value(tag=tag, tensor=make_tensor_proto(np.array(value, dtype)), metadata=metadata)


def write(folder: Path, events: list[Event]) -> Path:
    """An event file by TensorBoard's own writer."""
    writer = EventFileWriter(str(folder))
    for event in events:
        writer.add_event(event)
    writer.close()
    return max(folder.glob("*tfevents*"))


def event(step: int, *values: Summary.Value, wall_time: float | None = None) -> Event:
    at = 1_700_000_000.123456 + step if wall_time is None else wall_time
    return Event(wall_time=at, step=step, summary=Summary(value=values))


def upload(client: TestClient, *files: tuple[str, bytes], status: int = 201, **data: Any) -> dict[str, Any]:
    parts = [("files", (name, content)) for name, content in files]
    answer = client.post(f"{API}/import/tensorboard", files=parts, data=data)
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def points(client: TestClient, run_id: str, name: str) -> list[tuple[int, Any]]:
    found = client.get(f"{API}/runs/{run_id}/metrics", params={"name": name, "max_points": 10_000}).json()["series"][0]
    return list(zip(found["steps"], found["values"], strict=True))


def exported(client: TestClient, run_id: str, folder: Path) -> EventAccumulator:
    answer = client.get(f"{API}/runs/{run_id}/tensorboard")
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/zip"
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(folder)
    read = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    read.Reload()
    return read


def shown(value: float) -> float | str:
    short = float(np.float32(value))
    return "NaN" if math.isnan(short) else short if math.isfinite(short) else f"{'-' if short < 0 else ''}Infinity"


def test_what_tensorboards_writer_wrote_comes_in_to_the_same_values(client: TestClient, tmp_path: Path) -> None:
    events = [event(i, simple("loss", v), tensor("acc/top1", v)) for i, v in enumerate(STRANGE)]
    path = write(tmp_path / "logs" / "exp 1", events)
    (told,) = upload(client, (path.name, path.read_bytes()), project="old", tags=["a"])["runs"]
    assert (told["num_points"], told["num_skipped"], told["files"][0]["fault"]) == (14, 0, None)
    run = client.get(f"{API}/runs/{told['run_id']}").json()
    assert (run["status"], run["origin"], run["project"], run["tags"]) == ("succeeded", "tensorboard", "old", ["a"])
    assert run["duration_s"] == pytest.approx(len(STRANGE) - 1)
    for name in ("loss", "acc/top1"):
        assert points(client, run["id"], name) == [(i, shown(v)) for i, v in enumerate(STRANGE)]


def test_what_goes_out_is_read_by_tensorboards_reader_to_the_same_values(client: TestClient, tmp_path: Path) -> None:
    doubles = [0.1, math.nan, math.inf, -math.inf, 1e-300, math.pi]
    shorts = [0.5, math.nan, math.inf, -math.inf, -0.0, 1024.0]
    times = [1_700_000_000.25 + i / 7 for i in range(6)]
    series = [
        {"name": "double", "steps": [0, 1, 2, 5, 9, 2**40], "values": [str(v) for v in doubles], "times": times},
        {"name": "short", "steps": [0, 1, 2, 3, 4, 5], "values": [str(v) for v in shorts], "times": times},
    ]
    run = client.post(f"{API}/runs/reported", json={"name": "mine"}).json()
    assert client.post(f"{API}/runs/{run['id']}/points", json={"batch": 1, "series": series}).status_code == 200
    read = exported(client, run["id"], tmp_path)
    np.testing.assert_array_equal([one.value for one in read.Scalars("short")], shorts)
    np.testing.assert_array_equal([make_ndarray(one.tensor_proto).item() for one in read.Tensors("double")], doubles)
    assert [one.step for one in read.Tensors("double")] == series[0]["steps"]
    assert [one.wall_time for one in read.Scalars("short")] == times


def test_a_run_that_was_exported_comes_back_as_it_was(client: TestClient) -> None:
    series = [{"name": "a", "steps": [1, 2, 3], "values": [0.1, "NaN", "-Infinity"], "times": [1e9, 1.5e9, 1.6e9]}]
    run = client.post(f"{API}/runs/reported", json={"name": "mine"}).json()
    client.post(f"{API}/runs/{run['id']}/points", json={"series": series})
    archive = client.get(f"{API}/runs/{run['id']}/tensorboard").content
    (told,) = upload(client, ("mine.zip", archive))["runs"]
    assert told["name"] == "mine" and points(client, told["run_id"], "a") == points(client, run["id"], "a")


def test_torchs_writer_is_understood_with_hyperparameters_and_texts(client: TestClient, tmp_path: Path) -> None:
    started = HParamsPluginData()
    for name, value in {"lr": 0.1, "optimizer": "adam", "amp": True}.items():
        hparam = started.session_start_info.hparams[name]
        setattr(hparam, {float: "number_value", str: "string_value", bool: "bool_value"}[type(value)], value)
    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=started.SerializeToString())
    hparams = Summary.Value(tag=messages.HPARAMS_TAG, metadata=SummaryMetadata(plugin_data=plugin))
    text = Summary.Value(
        tag="note/text_summary",
        tensor=TensorProto(dtype=7, string_val=[b"all is well"]),
        metadata=SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text")),
    )
    path = write(tmp_path, [event(0, hparams), event(1, text, simple("loss", 1))])
    (told,) = upload(client, (path.name, path.read_bytes()))["runs"]
    assert client.get(f"{API}/runs/{told['run_id']}").json()["spec"] == {
        "config": {"lr": 0.1, "optimizer": "adam", "amp": True}
    }
    (line,) = client.get(f"{API}/runs/{told['run_id']}/logs").json()["lines"]
    assert "all is well" in line["text"]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64"])
def test_scalars_are_read_from_tensors_of_every_type_that_is_written(dtype: str) -> None:
    value = np.array(-3, dtype)
    proto = make_tensor_proto(value)
    laid_out = TensorProto(dtype=proto.dtype, tensor_shape=proto.tensor_shape, tensor_content=value.tobytes())
    for one in (proto, laid_out):
        record = event(7, Summary.Value(tag="a", tensor=one)).SerializeToString()
        assert messages.read_event(record).scalars == [("a", -3.0)]


def test_folders_of_an_archive_are_runs_and_files_of_a_folder_one_run(client: TestClient, tmp_path: Path) -> None:
    for name, values in {"logs/a/train": [1, 2], "logs/b": [3]}.items():
        write(tmp_path / name, [event(i, simple("loss", v)) for i, v in enumerate(values)])
    later = write(tmp_path / "later", [event(2, simple("loss", 9))])
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path in (tmp_path / "logs").rglob("*tfevents*"):
            file.write(path, path.relative_to(tmp_path))
        file.writestr(f"logs/a/train/{later.name}.1", later.read_bytes())
        file.writestr("logs/a/notes.txt", "no event file")
    told = upload(client, ("logs.zip", archive.getvalue()))["runs"]
    assert {one["name"]: one["num_points"] for one in told} == {"a/train": 3, "b": 1}
    train = next(one for one in told if one["name"] == "a/train")
    assert points(client, train["run_id"], "loss") == [(0, 1), (1, 2), (2, 9)]


def test_a_restart_drops_what_it_writes_again_and_a_step_has_the_last_value(client: TestClient, tmp_path: Path) -> None:
    restart = Event(wall_time=1e9, step=2, session_log=SessionLog(status=SessionLog.START))
    before = [event(i, simple("loss", i)) for i in range(5)]
    path = write(tmp_path, [*before, restart, event(2, simple("loss", 20)), event(2, simple("loss", 21))])
    (told,) = upload(client, (path.name, path.read_bytes()))["runs"]
    assert points(client, told["run_id"], "loss") == [(0, 0), (1, 1), (2, 21)] and told["num_skipped"] == 1


def test_a_folder_comes_in_from_the_command_line(client: TestClient, settings: Settings, tmp_path: Path) -> None:
    for name in ("a/train", "b"):
        write(tmp_path / "logs" / name, [event(1, simple("loss", 1))])
    cut = write(tmp_path / "logs" / "b" / "cut", [event(i, simple("loss", i)) for i in range(9)])
    cut.write_bytes(cut.read_bytes()[:-3])
    command = ["import-tensorboard", str(tmp_path / "logs"), "--project", "old", "--data-dir", str(settings.data_dir)]
    done = CliRunner().invoke(cli, [*command, "--database-url", settings.database_url])
    assert done.exit_code == 0, done.output
    assert "a/train: 1 points" in done.output and "taken up to byte" in done.output.replace("\n", " ")
    assert sorted(run["name"] for run in client.get(f"{API}/runs").json()["items"]) == ["a/train", "b", "b/cut"]


@pytest.mark.parametrize("strange", [1.7e12, math.inf, -math.inf, math.nan, 1e18, -1.0])
def test_what_is_no_time_is_left_out_and_the_run_is_listed(client: TestClient, tmp_path: Path, strange: float) -> None:
    times = {"none": [strange] * 4, "some": [strange, 1e9, strange, 1e9 + 5]}
    for name, told in times.items():
        note = Summary.Value(tag="note", tensor=TensorProto(dtype=7, string_val=[b"well"]))
        write(tmp_path / name, [event(i, simple("loss", i), note, wall_time=at) for i, at in enumerate(told)])
    files = [(f"{name}/events.tfevents", next((tmp_path / name).iterdir()).read_bytes()) for name in times]
    (none, some) = upload(client, *files)["runs"]
    listed = client.get(f"{API}/runs")
    assert listed.status_code == 200
    assert {run["id"]: run["duration_s"] for run in listed.json()["items"]}[some["run_id"]] == 5
    assert client.get(f"{API}/runs/{none['run_id']}").json()["started_at"] > "2020"
    assert client.get(f"{API}/runs/{none['run_id']}/logs").status_code == 200
    read = exported(client, some["run_id"], tmp_path / "out")
    assert [one.wall_time for one in read.Scalars("loss")] == [1e9, 1e9, 1e9, 1e9 + 5]


@pytest.mark.parametrize(("started", "finished"), [(1.7e12, 1.8e12), (-1e18, 1e18), (0, math.inf), (-math.inf, 0)])
def test_a_stored_time_without_a_date_does_not_break_the_list(
    client: TestClient, db: Database, tmp_path: Path, started: float, finished: float
) -> None:
    path = write(tmp_path, [event(1, simple("loss", 1))])
    upload(client, (path.name, path.read_bytes()))
    with db.write() as session:
        session.execute(update(Job).values(started_at=started, finished_at=finished))
    answer = client.get(f"{API}/runs")
    assert answer.status_code == 200 and len(answer.json()["items"]) == 1


def damaged(content: bytes) -> dict[str, tuple[bytes, str]]:
    at = len(content) // 2
    return {
        "truncated": (content[:-5], "ends within"),
        "a flipped bit": (content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :], "checksum"),
        "garbage after it": (content + b"garbage, more of it", "checksum"),
        "a strange record": (content + records.frame(b"\x0f\xff"), "no event"),
    }


@pytest.mark.parametrize("how", ["truncated", "a flipped bit", "garbage after it", "a strange record"])
def test_of_a_damaged_file_everything_up_to_the_fault_is_taken(client: TestClient, tmp_path: Path, how: str) -> None:
    path = write(tmp_path, [event(i, simple("loss", i)) for i in range(100)])
    content, why = damaged(path.read_bytes())[how]
    (told,) = upload(client, (path.name, content))["runs"]
    fault = told["files"][0]["fault"]
    assert why in fault["message"] and 0 < fault["offset"] <= len(content)
    expected = {"truncated": 99, "a flipped bit": 49}.get(how, 100)
    assert abs(told["num_points"] - expected) <= 3
    assert points(client, told["run_id"], "loss") == [(i, i) for i in range(told["num_points"])]


@pytest.mark.parametrize(("name", "content"), [("a.txt", b"hello, this is text"), ("a.zip", b"PK no"), ("e.zip", None)])
def test_what_is_no_event_file_is_refused_with_its_place(client: TestClient, name: str, content: bytes | None) -> None:
    if content is None:
        zipfile.ZipFile(made := io.BytesIO(), "w").close()
        content = made.getvalue()
    problem = upload(client, (name, content), status=422)
    assert problem["errors"][0]["loc"][0] == "files"
    assert client.get(f"{API}/runs").json()["items"] == []


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    with zipfile.ZipFile(made := io.BytesIO(), "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


def overwritten(archive: bytes, at: int, by: bytes, at_central: int | None = None) -> bytes:
    """Of an archive of one file, its header from `at` on; and the entry of its table of contents from `at_central`."""
    changed = bytearray(archive)
    changed[at : at + len(by)] = by
    if at_central is not None:
        start = archive.index(b"PK\x01\x02") + at_central
        changed[start : start + len(by)] = by
    return bytes(changed)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_is_damaged_is_refused_or_taken_so_far(client: TestClient, method: int) -> None:
    content = b"".join(
        records.frame(messages.scalar_event(1e9 + i, i, b"loss", i / 3, is_short=False)) for i in range(50)
    )
    archive = zipped(("a/events.tfevents", content), method=method)
    for at in range(47, archive.index(b"PK\x01\x02"), 53):
        answer = client.post(
            f"{API}/import/tensorboard", files=[("files", ("a.zip", overwritten(archive, at, b"\xff" * 8)))]
        )
        assert answer.status_code in (201, 422), (at, answer.text)
        if answer.status_code == 201:
            assert answer.json()["runs"][0]["files"][0]["fault"]
        else:
            assert answer.json()["errors"][0]["loc"] == ["files"]


def test_an_archive_that_is_encrypted_or_packed_in_an_unknown_way_is_refused(client: TestClient) -> None:
    archive = zipped(("a/events.tfevents", records.frame(messages.version_event(1e9))))
    encrypted = upload(client, ("a.zip", overwritten(archive, 6, b"\x01", 8)), status=422)
    assert "encrypted" in encrypted["detail"]
    unknown = upload(client, ("a.zip", overwritten(archive, 8, b"\x61", 10)), status=422)
    assert "cannot be read" in unknown["detail"]
    version = upload(client, ("a.zip", overwritten(archive, 4, b"\xf0", 6)), status=422)
    assert version["errors"][0]["loc"] == ["files", 0]


def test_files_of_an_archive_may_be_named_in_any_way(client: TestClient) -> None:
    content = records.frame(messages.scalar_event(1e9, 1, b"loss", 1.0, is_short=True))
    told = upload(client, ("a.zip", zipped(("./a//events.tfevents", content), ("../b/events.tfevents", content))))
    assert sorted(run["num_points"] for run in told["runs"]) == [1, 1]


def test_many_points_keep_their_shape_and_their_times(client: TestClient, tmp_path: Path) -> None:
    steps, tag = range(30_000), b"loss"
    written = io.BytesIO()
    for step in steps:
        written.write(
            records.frame(messages.scalar_event(1e9 + step, step, tag, 9.0 if step == 12_345 else 1.0, is_short=True))
        )
    (told,) = upload(client, ("events.out.tfevents.1", written.getvalue()))["runs"]
    run = client.get(f"{API}/runs/{told['run_id']}").json()
    assert run["metrics"]["loss"]["num_points"] == 30_000 and run["metrics"]["loss"]["max"] == 9
    read = exported(client, run["id"], tmp_path)
    assert [one.wall_time for one in read.Scalars("loss")] == [1e9 + step for step in steps]


def read_run(num_points: int, num_series: int = 1, name: str = "a") -> RunRead:
    """A run as if read from a file: ascending steps, a second apart."""
    columns = {
        f"series {i}": Column(
            array("q", range(num_points)), array("d", [0.5] * num_points), array("d", range(num_points))
        )
        for i in range(num_series)
    }
    return RunRead(name, [FileRead("events.tfevents", num_points)], columns)


def num_rows(db: Database, table: type[Base]) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_others_may_write_during_an_import_and_see_nothing_of_it_before_its_end(db: Database) -> None:
    num_committed: list[int] = []
    sqlalchemy_event.listen(db.engine, "commit", lambda _: num_committed.append(1))

    @contextmanager
    def last() -> Iterator[Session]:
        assert len(num_committed) >= 6 and num_rows(db, EventRow) > 50
        assert num_rows(db, Run) == 0
        with db.write() as session:  # what another does
            session.execute(update(Job).values(pid=1))
        with db.write() as session:
            yield session

    told = service.store(db, [read_run(100_000, 2), read_run(0), read_run(9)], project="", tags=[], last=last)
    assert [one.num_points for one in told] == [200_000, 0, 9] and told[1].run_id is None
    assert num_rows(db, Run) == num_rows(db, Job) == 2


@pytest.mark.parametrize("when", ["in its streams", "in the last transaction"])
def test_an_import_that_fails_leaves_nothing(db: Database, when: str) -> None:
    broken = read_run(9)
    if when == "in its streams":
        broken.columns["series 0"].values.pop()  # of another length than its steps
    else:
        broken.settings = cast("dict[str, Any]", 1)
    with pytest.raises(ValueError):
        service.store(db, [read_run(50_000), broken], project="", tags=[])
    assert [num_rows(db, table) for table in (Run, Job, EventRow, Series)] == [0] * 4


def test_what_an_import_left_that_died_is_removed_by_the_next(client: TestClient, db: Database) -> None:
    reported = client.post(f"{API}/runs/reported", json={"name": "mine"}).json()
    with db.write() as session:
        dead, alive = (queue.hold(session, {}, lease_s=lease_s).job_id for lease_s in (-1, 60))
        session.execute(update(Job).where(Job.id == reported["job_id"]).values(lease_until=1.0))
    content = records.frame(messages.scalar_event(1e9, 1, b"loss", 1.0, is_short=True))
    upload(client, ("events.tfevents", content))
    with db.read() as session:
        left = set(session.scalars(select(Job.id)))
    assert {alive, reported["job_id"]} < left and dead not in left and len(left) == 3


def test_an_upload_that_is_sent_again_under_its_key_is_one_run(client: TestClient, db: Database) -> None:
    def post(value: float) -> httpx.Response:
        content = records.frame(messages.scalar_event(1e9, 1, b"loss", value, is_short=True))
        files = [("files", ("events.tfevents", content))]
        return client.post(f"{API}/import/tensorboard", files=files, headers={"Idempotency-Key": "once"})

    with ThreadPoolExecutor() as pool:
        answers = [*pool.map(post, [1.0] * 4), post(1.0)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert post(2.0).status_code == 422
    assert num_rows(db, Run) == num_rows(db, Job) == 1


@given(st.dictionaries(st.sampled_from("abc"), st.sets(st.integers(0, 40) | st.just(2**63 - 1))), st.integers(1, 9))
def test_batches_hold_every_point_once_by_ascending_step(found: dict[str, set[int]], points_a_batch: int) -> None:
    series = [Points.of(name, sorted(steps), sorted(steps), sorted(steps)) for name, steps in found.items()]
    cut = list(reading.batches(series, points_a_batch))
    for one in series:
        parts = [part for batch in cut for part in batch if part.name == one.name]
        assert [step for part in parts for step in part.steps.tolist()] == one.steps.tolist()
        assert all(part.times is not None and np.array_equal(part.values, part.times) for part in parts)
    ends = [(min(int(p.steps[0]) for p in batch), max(int(p.steps[-1]) for p in batch)) for batch in cut]
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ends))


def test_the_work_to_cut_series_into_batches_grows_as_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    steps, searched = np.arange(4_000_000), list[int]()
    search = np.searchsorted

    def counted(where: Any, what: Any) -> Any:
        searched.append(len(what))
        return search(where, what)

    monkeypatch.setattr(reading.np, "searchsorted", counted)
    parts = [part for (part,) in reading.batches([Points("a", steps, steps.astype(float))], 4_000)]
    assert (len(parts), searched) == (1_000, [1_000]), "all bounds are found in one search"
    assert all(np.shares_memory(part.steps, steps) for part in parts), "and nothing is copied"


@given(st.lists(st.binary(max_size=40), max_size=5), st.data())
def test_a_cut_anywhere_gives_the_records_before_it(written: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(records.frame(one) for one in written)
    cut = data.draw(st.integers(0, len(whole)))
    read: list[bytes] = []
    fault = None
    try:
        read.extend(records.read_records(io.BytesIO(whole[:cut])))
    except records.Damaged as found:
        fault = found
    assert read == written[: len(read)]
    assert (fault is None) == (sum(len(one) + 16 for one in read) == cut)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader_of_messages(data: bytes) -> None:
    try:
        messages.read_event(data)
    except (ValueError, struct.error):
        return
