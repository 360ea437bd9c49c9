"""Datasets on both databases: made once, found by name, removed only when nobody needs them."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from app import queue
from app.datasets import service
from app.datasets.builtin import builtins
from app.db import Database, now
from app.db.tables import Dataset, Job, Run
from app.dialect import Dialect
from app.errors import Conflict, NotFound, NotReady, Unprocessable
from app.ids import new_id
from app.queue import JobKind, JobStatus
from app.specs.run import BuiltinSource, DatasetDefinition, UploadSource
from app.tabular.records import Taken

Work = Callable[[], list[JobStatus]]
TAKEN = Taken(
    Dialect(delimiter=",", quote='"', has_header=True, columns=["a"], num_rows=1, longest_record=2), 4, "0" * 64
)


def builtin(name: str, called: str | None = None) -> DatasetDefinition:
    return DatasetDefinition(name=called or name, source=BuiltinSource(name=name))


def uploaded(filename: str) -> DatasetDefinition:
    return DatasetDefinition(name="any", source=UploadSource(name=filename))


def upload(session: Session, filename: str) -> Dataset:
    return service.create_uploaded(session, new_id(), "table", filename, TAKEN)


def test_a_built_in_dataset_is_known_before_it_is_made(session: Session) -> None:
    dataset = service.ensure(session, builtin("iris"))
    out = service.get_dataset(session, dataset.id)
    assert (out.status, out.num_rows, out.num_columns) == ("ingesting", 150, 5)
    assert service.columns_of(session, dataset.id) == service.describe(session, builtin("iris")).columns
    job = session.get_one(Job, dataset.job_id)
    assert (job.kind, job.payload) == (JobKind.INGEST, {"dataset_id": dataset.id})


def test_the_same_name_and_source_is_made_once(session: Session) -> None:
    first = service.ensure(session, builtin("xor"))
    assert service.ensure(session, builtin("xor")) is first
    assert service.ensure(session, builtin("xor", called="other")) is not first
    assert service.ensure(session, builtin("celsius", called="xor")) is not first


def test_one_that_failed_is_made_anew(session: Session) -> None:
    first = service.ensure(session, builtin("xor"))
    first.status = "failed"
    second = service.ensure(session, builtin("xor"))
    assert second is not first
    assert second.job_id
    queue.cancel(session, second.job_id)
    assert service.ensure(session, builtin("xor")) not in (first, second)


def test_a_source_that_is_not_known_is_told_with_its_place(session: Session) -> None:
    with pytest.raises(Unprocessable, match="there are celsius, xor") as raised:
        service.ensure(session, builtin("nothing"))
    assert raised.value.errors[0].loc == ["dataset", "source", "name"]
    with pytest.raises(Unprocessable):
        service.describe(session, builtin("nothing"))


def test_an_uploaded_file_is_found_by_its_name_the_newest_first(session: Session) -> None:
    with pytest.raises(Unprocessable, match=r"no file 'heart\.csv' has been uploaded"):
        service.ensure(session, uploaded("heart.csv"))
    upload(session, "heart.csv")
    newer = upload(session, "heart.csv")
    upload(session, "other.csv")
    assert service.ensure(session, uploaded("heart.csv")) is newer
    with pytest.raises(NotReady):
        service.describe(session, uploaded("heart.csv"))


def test_one_whose_reading_ended_without_a_word_shows_as_failed(session: Session) -> None:
    dataset = upload(session, "a.csv")
    assert dataset.job_id
    queue.cancel(session, dataset.job_id)
    out = service.get_dataset(session, dataset.id)
    assert out.status == "failed"
    assert out.error and out.error["kind"] == "cancelled"
    with pytest.raises(Unprocessable):
        service.ensure(session, uploaded("a.csv"))


def test_lists_go_from_new_to_old_a_page_at_a_time_and_are_brief(session: Session) -> None:
    made = [service.ensure(session, builtin(name)).id for name in builtins()]
    seen, cursor = [], None
    while True:
        items, cursor = service.list_datasets(session, cursor=cursor, limit=3)
        assert len(items) <= 3
        seen += items
        if cursor is None:
            break
    assert [item.id for item in seen] == sorted(made, reverse=True)
    assert all(column.values is None and column.histogram is None for item in seen for column in item.columns)
    assert {item.num_columns for item in seen} >= {2, 5, 65, 102}


def test_what_is_not_there_is_not_found(session: Session) -> None:
    for ask in (service.get_dataset, service.columns_of, service.delete_dataset):
        with pytest.raises(NotFound):
            ask(session, new_id())


def test_one_that_a_run_uses_stays_and_says_which(session: Session) -> None:
    dataset = service.ensure(session, builtin("xor"))
    job_id = queue.enqueue(session, JobKind.TRAIN, {})
    run = Run(
        name="first try",
        job_id=job_id,
        dataset_id=dataset.id,
        spec={},
        inspection={},
        num_parameters=0,
        tags=[],
        created_at=now(),
    )
    session.add(run)
    session.flush()
    with pytest.raises(Conflict, match="first try"):
        service.delete_dataset(session, dataset.id)
    session.delete(run)
    session.flush()
    service.delete_dataset(session, dataset.id)
    assert session.get(Dataset, dataset.id) is None
    assert session.get(Job, dataset.job_id) is None


def test_one_that_is_being_read_stays_for_now(session: Session) -> None:
    dataset = upload(session, "a.csv")
    session.get_one(Job, dataset.job_id).status = JobStatus.RUNNING
    session.flush()
    with pytest.raises(NotReady):
        service.delete_dataset(session, dataset.id)


def test_what_is_told_of_every_built_in_is_what_reading_it_finds(db: Database, work: Work) -> None:
    with db.write() as session:
        ids = {name: service.ensure(session, builtin(name)).id for name in builtins()}
        told = {name: service.columns_of(session, dataset_id) for name, dataset_id in ids.items()}
    assert set(work()) == {JobStatus.SUCCEEDED}
    with db.read() as session:
        for name, dataset_id in ids.items():
            dataset = service.get_dataset(session, dataset_id)
            assert (name, dataset.status, dataset.num_rows) == (name, "ready", builtins()[name].num_rows)
            assert dataset.columns == told[name]
