"""A job behind whose back something is tried: nothing of it is told."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from worker.job import Job

T = TypeVar("T")


class Quiet(Job):
    """A job that says nothing and changes nothing."""

    def __init__(self, job: Job) -> None:
        self.claim, self.db, self.settings, self.storage, self._job = job.claim, job.db, job.settings, job.storage, job
        self.num_controls = job.num_controls

    @property
    def requested(self) -> str | None:
        return self._job.requested

    def event(self, kind: str, body: dict[str, Any]) -> None: ...

    def progress(self, body: dict[str, Any]) -> None: ...

    def metrics(self, name: str, steps: Any, values: Any) -> None: ...

    def commit(self, write: Callable[[Session], T], *, events: Any = ()) -> T:
        return None  # type: ignore[return-value]  # of a training that goes on, nobody asks what it gave
