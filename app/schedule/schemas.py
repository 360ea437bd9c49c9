"""What the API says of the queue."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.runs.schemas import Timestamp
from app.workers.schemas import WorkerOut


class RunningOut(BaseModel):
    """A job that a worker has in hand."""

    job_id: str
    run_id: str | None
    dataset_id: str | None
    kind: str
    name: str = Field(description="of the run, or of the dataset that is read")
    worker_id: str | None
    device: str | None
    attempt: int
    share: float | None = Field(description="how much of it is done, from 0 to 1")
    elapsed_s: float = Field(description="since it was first started")
    left_s: float | None = Field(description="how long it likely takes from now; none where that is not known")
    heartbeat_age_s: float | None
    request: str | None = Field(description="what was asked of it and not yet obeyed: cancel, pause")


class WaitingOut(BaseModel):
    """A job that waits, and why."""

    job_id: str
    run_id: str | None
    dataset_id: str | None
    kind: str
    name: str
    position: int = Field(description="its place in the queue, from 1")
    priority: int
    why: str = Field(description="what it waits for, in words")
    likely_start_s: float | None = Field(description="in how many seconds; none where that is not known")
    waits_s: float = Field(description="since it was submitted")
    cause: dict[str, Any] | None = Field(description="why its last attempt ended, if it had one")


class PausedOut(BaseModel):
    """A training that nobody takes until it is resumed."""

    job_id: str
    run_id: str | None
    name: str
    priority: int
    share: float | None = Field(description="how much of it is done, from 0 to 1")
    cause: dict[str, Any] | None = Field(description="why its last attempt ended, if it had one")


class QueueOut(BaseModel):
    """Who holds which device, and what waits in which order."""

    at: Timestamp = Field(description="when this was so, on the database's clock")
    running: list[RunningOut]
    waiting: list[WaitingOut] = Field(description="the first ones, in the order in which they will be taken")
    num_waiting: int
    paused: list[PausedOut] = Field(description="the first ones, those first that would be taken first")
    workers: list[WorkerOut] = Field(description="those that are there")


class Move(BaseModel):
    """Where to put a waiting job: exactly one of the three."""

    model_config = ConfigDict(extra="forbid")

    before: str | None = Field(default=None, description="the job that is to come right after it")
    after: str | None = Field(default=None, description="the job that is to come right before it")
    to: Literal["first", "last"] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.before, self.after, self.to)) != 1:
            raise ValueError('say exactly one of "before", "after" and "to"')
        return self


class QueuePatch(BaseModel):
    """What can be changed of a waiting job; the higher its priority, the sooner it is taken."""

    model_config = ConfigDict(extra="forbid")

    priority: int = Field(ge=-1000, le=1000)
