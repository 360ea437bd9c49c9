"""The lists that are followed: runs and workers, on both databases."""

import asyncio
import json
import time
from typing import Any

import pytest
from sqlalchemy import delete, update

from app import causes, queue
from app.db import Database, now
from app.db.tables import Dataset, Job, Run, Worker
from app.ids import new_id
from app.live import lists
from app.live.feeds import ListFeed
from app.live.lists import RunList, TooMany, WorkerList
from app.queue import JobKind
from tests.live.conftest import Writer, connected, hear, say


def add_run(db: Database, name: str = "a run") -> str:
    """A run that waits for a worker."""
    with db.write() as session:
        dataset = Dataset(name="d", status="ready", source={}, created_at=now())
        session.add(dataset)
        session.flush()
        run_id = new_id()
        job_id = queue.enqueue(session, JobKind.TRAIN, {"run_id": run_id})
        spec = {"model": {"name": "m"}}
        session.add(
            Run(
                id=run_id,
                name=name,
                job_id=job_id,
                dataset_id=dataset.id,
                spec=spec,
                inspection={},
                num_parameters=1,
                tags=[],
                created_at=now(),
            )
        )
    return run_id


def claim(db: Database) -> queue.Claim:
    with db.write() as session:
        found = queue.claim(session, "w", lease_s=60)
    assert found is not None
    return found


def end_long_ago(db: Database) -> None:
    """Let everything be of yesterday: jobs ended then, and were made then."""
    with db.write() as session:
        session.execute(update(Job).values(status="succeeded", finished_at=now() - 86_400))


def names(changed: dict[str, str]) -> list[str]:
    return sorted(json.loads(item)["name"] for item in changed.values())


def test_a_run_is_told_when_it_moves_and_only_then(db: Database, writer: Writer) -> None:
    runs = RunList(db)
    assert runs.changed() == {}
    run_id = add_run(db)
    assert json.loads(runs.changed()[run_id])["status"] == "queued"
    assert runs.changed() == {}
    held = claim(db)
    assert json.loads(runs.changed()[run_id])["status"] == "running"
    with db.write() as session:
        queue.cancel(session, held.job_id)
    assert json.loads(runs.changed()[run_id])["request"] == "cancel"
    with db.write() as session:
        queue.obey(session, held, causes.stopped())
    assert json.loads(runs.changed()[run_id])["status"] == "cancelled"
    assert runs.changed() == {}


def test_a_run_moves_with_its_export(db: Database, writer: Writer) -> None:
    runs = RunList(db)
    run_id = add_run(db)
    runs.changed()
    with db.write() as session:
        export_id = queue.enqueue(session, JobKind.EXPORT, {})
        session.execute(update(Run).values(export_job_id=export_id))
    assert json.loads(runs.changed()[run_id])["export"]["status"] == "queued"


def test_the_first_look_gives_what_a_page_may_have_missed(
    db: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_run(db, "of yesterday")
    end_long_ago(db)
    monkeypatch.setattr(lists, "first_id_at", lambda _: "z")  # as if every id were older
    add_run(db, "waiting")
    add_run(db, "just ended")
    with db.write() as session:
        ended = session.query(Run.job_id).filter_by(name="just ended").scalar_subquery()
        session.execute(update(Job).where(Job.id == ended).values(status="failed", finished_at=now()))
    assert names(RunList(db).changed()) == ["just ended", "waiting"]


def test_a_run_that_was_made_and_ended_between_two_looks_is_told(db: Database, writer: Writer) -> None:
    runs = RunList(db)
    runs.changed()
    run_id = add_run(db)
    end_long_ago(db)
    assert json.loads(runs.changed()[run_id])["status"] == "succeeded"


def test_when_more_changes_than_is_worth_telling_readers_start_again(
    db: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MAX_CHANGED", 2)
    runs = RunList(db)
    runs.changed()
    for _ in range(3):
        add_run(db)
    with pytest.raises(TooMany):
        runs.changed()
    assert runs.changed() == {}

    async def run() -> None:
        feed = ListFeed("runs")
        feed.take({"a": "1"})
        feed.take(None)
        frame = await feed.next(1)
        assert frame is not None
        assert json.loads(frame[1]) == {"type": "reset", "stream": "runs", "last_seq": 2, "snapshot": {}}
        assert await feed.next(frame[0]) is None

    asyncio.run(run())


def test_a_run_that_is_deleted_makes_readers_read_the_list_again(
    db: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "COUNTED_EVERY_S", 0)
    add_run(db, "stays")
    gone = add_run(db, "goes")
    runs = RunList(db)
    runs.changed()
    with db.write() as session:
        session.execute(delete(Run).where(Run.id == gone))
    new = add_run(db, "comes")
    with pytest.raises(TooMany):
        runs.changed()
    assert new not in runs.changed()  # told already: readers have read the list again


def test_a_look_that_fails_has_told_nobody(db: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = RunList(db)
    runs.changed()
    run_id = add_run(db)
    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr(lists.runs, "summaries", _fail)
        runs.changed()
    assert run_id in runs.changed()


def _fail(*_: object) -> None:
    raise OSError("the database has gone")


def test_a_worker_is_told_when_it_beats_falls_silent_or_takes_a_job(db: Database, writer: Writer) -> None:
    workers = WorkerList(db, alive_within_s=30)

    def changed() -> list[dict[str, Any]]:
        return [json.loads(item) for item in workers.changed().values()]

    (worker,) = changed()
    assert worker["alive"]
    assert worker["running"][0]["job_id"] == writer.job_id
    assert changed() == []
    with db.write() as session:
        session.execute(update(Worker).values(heartbeat_at=now() - 31))
    (worker,) = changed()
    assert not worker["alive"]
    with db.write() as session:
        session.execute(update(Worker).values(heartbeat_at=now() - 5))
    assert [worker["alive"] for worker in changed()] == [True]
    with db.write() as session:
        session.execute(update(Worker).values(heartbeat_at=now()))  # by more than the clock's milliseconds
    assert len(changed()) == 1


def test_a_new_reader_is_told_what_changed_lately_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("app.live.feeds.time.monotonic", lambda: clock[0])
    feed = ListFeed("runs")
    feed.take({"a": "1"})
    clock[0] = 100
    feed.take({"b": "2"})
    assert feed.start() == 1
    clock[0] = 1000
    assert feed.start() == 2


def test_the_list_of_runs_is_followed(port: int, db: Database, writer: Writer) -> None:
    async def run() -> None:
        async with connected(port) as socket:
            await say(socket, type="subscribe", stream="runs")
            await asyncio.sleep(0.4)
            run_id = await asyncio.to_thread(add_run, db, "new")
            frame = await hear(socket)
            assert frame["type"] == "runs"
            assert [(item["id"], item["name"]) for item in frame["items"]] == [(run_id, "new")]

    asyncio.run(run())


def test_frames_of_a_list_come_no_more_often_than_it_is_read(port: int, db: Database, writer: Writer) -> None:
    async def run() -> None:
        add_run(db)
        held = await asyncio.to_thread(claim, db)
        async with connected(port) as socket:
            await say(socket, type="subscribe", stream="runs")
            await hear(socket)
            started, steps = time.monotonic(), []
            task = asyncio.create_task(asyncio.to_thread(progress, db, held))
            while not steps or steps[-1] < NUM_STEPS - 1:
                (run,) = (await hear(socket))["items"]
                steps.append(run["progress"]["step"])
            await task
            assert steps == sorted(set(steps))
            assert len(steps) <= 2 + (time.monotonic() - started) / RunList.every_s

    asyncio.run(run())


NUM_STEPS = 50


def progress(db: Database, held: queue.Claim) -> None:
    for step in range(NUM_STEPS):
        with db.write() as session:
            queue.fence(session, held, lease_s=60, num_events=1, progress={"step": step})
        time.sleep(0.01)
