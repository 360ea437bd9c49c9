"""Datasets: immutable once ready. What changes is a version of its own."""

from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import ID, Base, own_id
from app.ids import new_id


class Dataset(Base):
    """A table of rows with what is known of its columns. Its files live under `datasets/<id>/`.

    Versions of a dataset are rows of one family, which is called by the id of its first, there or deleted.
    """

    __tablename__ = "datasets"
    __table_args__ = (
        Index("ix_datasets_content", "content_hash"),
        Index("ix_datasets_family", "family_id", "version", unique=True),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str]
    family_id: Mapped[str] = mapped_column(ID, default=own_id, server_default="")
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    made: Mapped[dict[str, Any] | None]  # of which version it was made and how; none of the first
    status: Mapped[str]  # ingesting | ready | failed
    source: Mapped[dict[str, Any]]
    content_hash: Mapped[str | None]
    num_rows: Mapped[int | None]
    num_set_aside: Mapped[int] = mapped_column(default=0, server_default="0")  # rows that did not fit
    columns: Mapped[list[Any] | None]
    size_bytes: Mapped[int | None]
    table_sha256: Mapped[str | None]  # of the Parquet file, or of the list of files; null for older tables
    job_id: Mapped[str | None] = mapped_column(ID, ForeignKey("jobs.id", ondelete="SET NULL"))
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[float]
