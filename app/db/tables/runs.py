"""Models, runs, and what a run leaves behind."""

from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import ID, Base
from app.ids import new_id


class Model(Base):
    """A named graph of layers."""

    __tablename__ = "models"

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str]
    definition: Mapped[dict[str, Any]]
    created_at: Mapped[float]


class Run(Base):
    """One training of one model on one dataset, its whole specification frozen at submission."""

    __tablename__ = "runs"
    __table_args__ = (Index("ix_runs_job", "job_id", unique=True), Index("ix_runs_dataset", "dataset_id"))

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str]
    job_id: Mapped[str] = mapped_column(ID, ForeignKey("jobs.id"))
    export_job_id: Mapped[str | None] = mapped_column(ID, ForeignKey("jobs.id", ondelete="SET NULL"))
    dataset_id: Mapped[str] = mapped_column(ID, ForeignKey("datasets.id"))
    model_id: Mapped[str | None] = mapped_column(ID, ForeignKey("models.id", ondelete="SET NULL"))
    spec: Mapped[dict[str, Any]]
    inspection: Mapped[dict[str, Any]]  # each layer's shape and parameters, as checked at submission
    num_parameters: Mapped[int]
    tags: Mapped[list[Any]]
    evaluation: Mapped[dict[str, Any] | None]
    created_at: Mapped[float]


class Artifact(Base):
    """A file that a run produced. No row: the file does not exist."""

    __tablename__ = "artifacts"
    __table_args__ = (UniqueConstraint("run_id", "name"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    run_id: Mapped[str] = mapped_column(ID, ForeignKey("runs.id", ondelete="CASCADE"))
    name: Mapped[str]
    media_type: Mapped[str]
    path: Mapped[str]  # relative to the data folder, chosen by us
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    created_at: Mapped[float]


class Checkpoint(Base):
    """The whole state of a training at one step, from which it goes on bit for bit."""

    __tablename__ = "checkpoints"
    __table_args__ = (Index("ix_checkpoints_job", "job_id", "step"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    job_id: Mapped[str] = mapped_column(ID, ForeignKey("jobs.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    step: Mapped[int]
    epoch: Mapped[int]
    path: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[dict[str, Any]]  # per file of the folder
    is_best: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[float]
