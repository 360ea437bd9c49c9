"""The check of a file that came in pieces: what it is written in is found out, and what fits leaves in one form."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from app.errors import AppError, JobFailure
from app.storage import Storage
from app.tabular.behind import Behind
from app.tabular.intake import Intake
from app.tabular.records import Taken
from app.tabular.refusals import Limits
from app.tabular.set_aside import SET_ASIDE, SetAside
from app.tabular.sniffing import Overrides, preferred_delimiter
from worker.job import Cancelled, Job

CHECKING_SHARE = 0.3  # of the work of reading a file
_PIECE_BYTES = 1 << 20


def check(job: Job, source: Path, target: Path, payload: dict[str, Any], begun: float, ended: float) -> Taken:
    """Check the file `source`, and write what fits to `target`; what does not goes to `set_aside.csv` beside it.

    `payload` has the file's name and what its sender says of it; the shares are of the job's work. Raises JobFailure
    with the line where the file cannot be read, and Cancelled.
    """
    settings = job.settings
    report = reporter(job, begun, ended, source.stat().st_size, "bytes")
    prefer = preferred_delimiter(payload["filename"])
    overrides = Overrides(**payload.get("overrides", {}))
    limits = Limits(settings.max_upload_bytes, settings.max_field_bytes)
    try:
        taken = _take_in(job.storage, source, target, overrides, limits, prefer, report)
    except AppError as error:
        details = {"errors": [problem.model_dump(mode="json") for problem in error.errors]}
        raise JobFailure("unreadable", error.message, error.hint, details) from error
    for note in taken.notes:
        job.log(note, "warning")
    if taken.num_set_aside:
        job.log(f"{taken.num_set_aside:,} rows do not fit and were set aside", "warning")
    return taken


def _take_in(
    storage: Storage,
    source: Path,
    target: Path,
    overrides: Overrides,
    limits: Limits,
    prefer: str,
    report: Callable[[int], None],
) -> Taken:
    num_bytes = 0
    with ExitStack() as files, source.open("rb") as file, Behind() as behind:
        sink = files.enter_context(target.open("wb"))  # for the next step alone: it need not outlive a loss of power
        set_aside = SetAside(lambda: files.enter_context(storage.writing(target.parent / SET_ASIDE)))
        intake = Intake(sink, limits, overrides, prefer=prefer, set_aside=set_aside, behind=behind)
        while piece := file.read(_PIECE_BYTES):
            intake.feed(piece)
            num_bytes += len(piece)
            report(num_bytes)
        return intake.finish()


def reporter(job: Job, start: float, end: float, total: int, unit: str) -> Callable[[int], None]:
    """Tells how far it is, and stops when asked to: raises Cancelled."""

    def report(done: int) -> None:
        if job.requested:
            raise Cancelled
        job.progress({"share": start + (end - start) * min(1.0, done / max(1, total)), unit: done})

    return report
