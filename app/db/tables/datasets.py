"""Datasets: immutable once ready."""

from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import ID, Base
from app.ids import new_id


class Dataset(Base):
    """A table of rows with what is known of its columns. Its files live under `datasets/<id>/`."""

    __tablename__ = "datasets"
    __table_args__ = (Index("ix_datasets_content", "content_hash"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str]
    status: Mapped[str]  # ingesting | ready | failed
    source: Mapped[dict[str, Any]]
    content_hash: Mapped[str | None]
    num_rows: Mapped[int | None]
    num_set_aside: Mapped[int] = mapped_column(default=0, server_default="0")  # rows that did not fit
    columns: Mapped[list[Any] | None]
    size_bytes: Mapped[int | None]
    table_sha256: Mapped[str | None]  # of the Parquet file; null for tables older than this column
    job_id: Mapped[str | None] = mapped_column(ID, ForeignKey("jobs.id", ondelete="SET NULL"))
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[float]
