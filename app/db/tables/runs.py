"""Models, runs, and what a run leaves behind."""

from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import ID, Base, own_id
from app.ids import new_id


class Model(Base):
    """A named graph of layers. It is never changed: what is changed in it makes the next version of its family.

    A family is called by the id of its first version, there or deleted.
    """

    __tablename__ = "models"
    __table_args__ = (Index("ix_models_family", "family_id", "version", unique=True),)

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str]
    definition: Mapped[dict[str, Any]]
    family_id: Mapped[str] = mapped_column(ID, default=own_id, server_default="")
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    parent_id: Mapped[str | None] = mapped_column(ID)  # the version that it was made of, there or deleted
    input_shape: Mapped[list[Any] | None]  # of one row, that it was made for; null where nobody said
    num_parameters: Mapped[int | None]  # for that input
    created_at: Mapped[float]


class Run(Base):
    """One training of one model on one dataset, its whole specification frozen at submission."""

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_job", "job_id", unique=True),
        Index("ix_runs_dataset", "dataset_id"),
        Index("ix_runs_model", "model_id", "id"),
        Index("ix_runs_project", "project", "id"),
        Index("ix_runs_name", "name", "id"),
        Index("ix_runs_archived", "archived_at", "id"),
        Index("ix_runs_group", "group_id", "id"),
        Index("ix_runs_id_job", "id", "job_id"),  # from settings to results without reading the run
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str]
    job_id: Mapped[str] = mapped_column(ID, ForeignKey("jobs.id"))
    export_job_id: Mapped[str | None] = mapped_column(ID, ForeignKey("jobs.id", ondelete="SET NULL"))
    dataset_id: Mapped[str | None] = mapped_column(ID, ForeignKey("datasets.id"))  # none where a script reports
    model_id: Mapped[str | None] = mapped_column(ID, ForeignKey("models.id", ondelete="SET NULL"))
    spec: Mapped[dict[str, Any]]
    inspection: Mapped[dict[str, Any]]  # each layer's shape and parameters, as checked at submission
    num_parameters: Mapped[int]
    group_id: Mapped[str | None] = mapped_column(ID, ForeignKey("run_groups.id", ondelete="SET NULL"))
    tags: Mapped[list[Any]]
    evaluation: Mapped[dict[str, Any] | None]
    created_at: Mapped[float]
    # What people add to order their runs by: none of it changes what was trained.
    project: Mapped[str] = mapped_column(default="")
    notes: Mapped[str] = mapped_column(default="")  # Markdown
    is_favorite: Mapped[bool] = mapped_column(default=False)
    archived_at: Mapped[float | None]
    # Where its points come from: "worker" (trained here), "client" (a script reports them), "tensorboard" (imported).
    origin: Mapped[str] = mapped_column(default="worker")


class RunSetting(Base):
    """One setting of a run's specification under its dotted name ("optimizer.lr"), so that lists filter and sort by it.

    Either `number` or `text` is filled; true and false are the numbers 1 and 0 with their words in `text`.
    """

    __tablename__ = "run_settings"
    __table_args__ = (
        Index("ix_run_settings_number", "key", "number", "run_id"),
        Index("ix_run_settings_text", "key", "text", "run_id"),
        {"sqlite_with_rowid": False},
    )

    run_id: Mapped[str] = mapped_column(ID, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[float | None]
    text: Mapped[str | None]


class RunTag(Base):
    """A tag of a run, beside the run's own list of them: what lists filter by."""

    __tablename__ = "run_tags"
    __table_args__ = (Index("ix_run_tags_tag", "tag", "run_id"), {"sqlite_with_rowid": False})

    run_id: Mapped[str] = mapped_column(ID, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)


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
