"""What runs are found by, kept beside them: their settings and their tags, each in a row with an index."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from app.db.tables import Run, RunSetting, RunTag
from app.runs.flatten import columns_of, flatten


def label(session: Session, run: Run) -> None:
    """Keep what a new run is found by, in the transaction that adds it."""
    store_settings(session, run.id, run.spec)
    store_tags(session, run.id, run.tags)


def store_settings(session: Session, run_id: str, spec: Mapping[str, Any]) -> None:
    """Keep the settings of a specification, in place of those that were there."""
    session.execute(delete(RunSetting).where(RunSetting.run_id == run_id))
    found = {key: columns_of(value) for key, value in flatten(spec).items()}
    if rows := [
        {"run_id": run_id, "key": key, "number": number, "text": text} for key, (number, text) in found.items()
    ]:
        session.execute(insert(RunSetting), rows)


def store_tags(session: Session, run_id: str, tags: Iterable[str]) -> None:
    """Keep the tags of a run, in place of those that were there."""
    session.execute(delete(RunTag).where(RunTag.run_id == run_id))
    if rows := [{"run_id": run_id, "tag": tag} for tag in dict.fromkeys(tags)]:
        session.execute(insert(RunTag), rows)
