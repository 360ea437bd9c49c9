"""The row of a dataset, once its table is there."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.db.tables import Dataset
from app.specs.columns import Column


def mark_ready(session: Session, dataset_id: str, columns: Sequence[Column], **values: Any) -> None:
    """Say that a dataset can be used, with what is known of it."""
    described = [column.model_dump(mode="json") for column in columns]
    row = update(Dataset).where(Dataset.id == dataset_id)
    session.execute(row.values(status="ready", error=None, columns=described, **values))
