"""A job behind whose back something is tried: nothing of it is told."""

from worker.job import Job, Silent


class Quiet(Silent):
    """A job that says nothing and changes nothing, and may be asked for something else."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.claim, job.db, job.settings)
        self._job, self.num_controls = job, job.num_controls

    @property
    def requested(self) -> str | None:
        """As of the job."""
        return self._job.requested
