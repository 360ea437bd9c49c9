"""What a run is told of the table that it names."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from app import gallery
from app.db.tables import Dataset, Run
from app.db.tables import Job as JobRow
from tests.inline import TRAINING, Inline


@pytest.fixture
def inline(tmp_path: Path) -> Iterator[Inline]:
    one = Inline(tmp_path)
    yield one
    one.close()


def train_again(inline: Inline) -> JobRow:
    """The job of one more run on the dataset that is there."""
    body = gallery.definition("celsius")
    run_id = inline.submit(body | {"training": body["training"] | {"num_epochs": 1}})
    inline.work(TRAINING)
    with inline.db.read() as session:
        return session.get_one(JobRow, session.get_one(Run, run_id).job_id)


def table(inline: Inline) -> Path:
    with inline.db.read() as session:
        return inline.storage.path("datasets", session.scalars(select(Dataset.id)).one(), "data.parquet")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: content[:-9], "bytes where"),
        (lambda content: content[:50] + bytes([content[50] ^ 1]) + content[51:], "SHA-256"),
        (None, "is not there"),
    ],
    ids=["cut off", "a bit turned", "gone"],
)
def test_a_damaged_table_fails_its_runs_in_words(inline: Inline, damage, said: str) -> None:  # type: ignore[no-untyped-def]
    inline.program("celsius", num_epochs=1)
    path = table(inline)
    content = path.read_bytes()
    path.unlink()
    if damage is not None:
        path.write_bytes(damage(content))
    job = train_again(inline)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error["kind"] == "damaged_table"
    assert said in job.error["message"]
    assert job.error["hint"]


def test_a_table_from_before_hashes_were_kept_is_read(inline: Inline) -> None:
    inline.program("celsius", num_epochs=1)
    with inline.db.write() as session:
        session.execute(update(Dataset).values(table_sha256=None))
    assert train_again(inline).status == "succeeded"
