from typing import Any

import pytest
from sqlalchemy.orm import Session

from app import gallery
from app.datasets.builtin import builtins
from app.db import now
from app.db.tables import Dataset, Job
from app.errors import Conflict, NotFound

HEART = [
    "age",
    "sex",
    "cp",
    "trtbps",
    "chol",
    "fbs",
    "restecg",
    "thalachh",
    "exng",
    "oldpeak",
    "slp",
    "caa",
    "thall",
    "output",
]


def upload(session: Session, names: list[str], status: str = "ready") -> str:
    column = {"type": "integer", "num_distinct": 2, "min": 0, "max": 1, "values": [0, 1]}
    columns: list[Any] = [{"name": name, **column} for name in names]
    source = {"type": "upload", "filename": "a.csv"}
    dataset = Dataset(name="a", status=status, source=source, columns=columns, num_rows=303, created_at=now())
    session.add(dataset)
    session.flush()
    return dataset.id


def entry(session: Session, name: str) -> gallery.Entry:
    return next(one for one in gallery.entries(session) if one.name == name)


def test_a_program_on_built_in_data_is_always_available(session: Session) -> None:
    for name in ("celsius", "xor-descent", "xor-adam", "sequences"):
        found = entry(session, name)
        assert (found.available, found.note) == (True, None)
        assert found.definition["dataset"]["source"]["name"] in builtins()


def test_a_program_without_its_data_falls_back_or_waits_and_says_so(session: Session) -> None:
    heart, digits, raw = (entry(session, name) for name in ("heart", "digits", "heart-raw"))
    assert heart.available
    assert heart.definition["dataset"]["source"] == {"type": "builtin", "name": "breast_cancer"}
    assert heart.note is not None
    assert digits.definition["data"]["input_shape"] == [1, 8, 8]
    assert not raw.available
    with pytest.raises(Conflict) as refused:
        gallery.start(session, "heart-raw")
    assert refused.value.hint is not None
    assert "heart.csv" in refused.value.hint


def test_an_uploaded_file_with_the_right_columns_is_taken_whatever_it_is_called(session: Session) -> None:
    upload(session, HEART)
    newest = upload(session, HEART)
    for name in ("heart", "heart-raw", "heart-scaled"):
        assert entry(session, name).definition["dataset"] == newest
    upload(session, ["label", *(f"pixel{i}" for i in range(64))])
    assert entry(session, "digits").definition["name"] == "digits-builtin"
    kaggle = upload(session, ["label", *(f"pixel{i}" for i in range(784))])
    assert entry(session, "digits").definition["dataset"] == kaggle


def test_a_file_that_is_still_read_is_not_taken(session: Session) -> None:
    upload(session, HEART, status="ingesting")
    assert not entry(session, "heart-raw").available


def test_starting_a_program_queues_it(session: Session) -> None:
    dataset_id = upload(session, HEART)
    run = gallery.start(session, "heart-scaled")
    assert run.dataset_id == dataset_id
    assert session.get_one(Job, run.job_id).status == "queued"
    assert gallery.start(session, "celsius").tags == ["gallery"]


def test_a_name_that_is_not_in_the_gallery_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        gallery.start(session, "../secrets")
