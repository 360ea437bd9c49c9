"""What the queue holds."""

from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import ID, Base
from app.ids import new_id


class Job(Base):
    """One piece of work. `app.queue` alone changes its state; times are seconds on the database's clock."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_claim", "status", "priority", "position", "id"),
        Index("ix_jobs_lease", "status", "lease_until"),
        Index("ix_jobs_duration", text("(finished_at - started_at)"), "id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    kind: Mapped[str]
    status: Mapped[str]
    priority: Mapped[int] = mapped_column(default=0)
    # Its place among those of its priority: the time it was queued, until someone moves it.
    position: Mapped[float] = mapped_column(default=0.0)
    payload: Mapped[dict[str, Any]]
    # The job that must succeed first; empty once it has.
    after_id: Mapped[str | None] = mapped_column(ID, ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    # Another that must succeed, too, while there is one in `after_id`: it takes that place.
    then_after_id: Mapped[str | None] = mapped_column(ID, ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    # How often it was claimed: the fence. How often its process died: what tells a crash loop from bad luck.
    attempt: Mapped[int] = mapped_column(default=0)
    num_crashes: Mapped[int] = mapped_column(default=0)
    max_crashes: Mapped[int] = mapped_column(default=3, server_default="3")  # of them that it is given up at
    # The last event of its stream, given out inside the fenced transaction, so without holes.
    last_seq: Mapped[int] = mapped_column(default=0)
    # The worker's own count of its batches: a batch whose reply was lost is known by it when it comes again.
    last_batch: Mapped[int | None]
    # What someone asked of the running job: "cancel", "pause". It becomes a state only when the worker has obeyed.
    request: Mapped[str | None]
    requested_at: Mapped[float | None]
    worker_id: Mapped[str | None] = mapped_column(ForeignKey("workers.id", ondelete="SET NULL"))
    pid: Mapped[int | None]  # of the process that has it in hand, on that worker's host
    lease_until: Mapped[float | None]
    heartbeat_at: Mapped[float | None]
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]
    progress: Mapped[dict[str, Any] | None]
    progress_at: Mapped[float | None]  # when that was told
    # How many `Control`s there are: who has the job reads them when there are more than it knows of.
    num_controls: Mapped[int] = mapped_column(default=0, server_default="0")
    cause: Mapped[dict[str, Any] | None]  # why the attempt before this one ended: see `app.causes`
    error: Mapped[dict[str, Any] | None]


class Control(Base):
    """Something that was asked of a training while it goes on: see `app.specs.controls`. Numbered from 1."""

    __tablename__ = "controls"

    job_id: Mapped[str] = mapped_column(ID, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    said: Mapped[dict[str, Any]]
    asked_at: Mapped[float]
    # After how many steps it was done, and is done again by whoever goes on from an earlier one; none until it is.
    step: Mapped[int | None]
    outcome: Mapped[dict[str, Any] | None]  # what came of it, where that does not follow from what was said
