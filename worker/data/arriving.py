"""A file that was sent becomes a typed table, whatever its format."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from app.dialect import Dialect
from app.formats import Format
from app.tabular.set_aside import SET_ASIDE, Misfit, SetAside
from worker.data import formats, reading
from worker.data.checking import CHECKING_SHARE, RAW, check, reporter
from worker.job import Job

CHECKED = "upload.csv"


@dataclass(frozen=True)
class Written:
    """A table that was written, and what its row is to say beside that."""

    num_rows: int
    found: dict[str, Any] = field(default_factory=dict)


def write_file(
    job: Job, folder: Path, payload: dict[str, Any], file: BinaryIO, begun: float = 0.0, ended: float = 1.0
) -> Written:
    """Write the file in `folder`, of which `payload` says what the server knows, into the open Parquet file.

    What does not fit goes to `set_aside.csv` in the folder. The job tells its progress from the share `begun` of its
    work to `ended`. Raises JobFailure, and Cancelled.
    """
    found = payload.get("format", "delimited")
    if found != "delimited":
        return _read_other(job, folder, payload["filename"], found, file, (begun, ended))
    if "dialect" in payload:  # it was checked while it came
        dialect = Dialect.model_validate(payload["dialect"])
        return Written(_convert(job, folder / CHECKED, dialect, file, begun, ended))
    checked = folder / f"attempt-{job.claim.attempt}.csv"
    between = begun + (ended - begun) * CHECKING_SHARE
    try:
        taken = check(job, folder, checked, payload, begun, between)
        num_rows = _convert(job, checked, taken.dialect, file, between, ended)
    finally:
        checked.unlink(missing_ok=True)
    described = {"type": "upload", "filename": payload["filename"], **taken.as_source()}
    found_out = {"source": described, "content_hash": taken.sha256, "num_set_aside": taken.num_set_aside}
    return Written(num_rows, found_out)


def _read_other(
    job: Job, folder: Path, filename: str, format: Format, file: BinaryIO, shares: tuple[float, float]
) -> Written:
    """A file that is no delimited text."""
    source = folder / RAW
    report = reporter(job, *shares, source.stat().st_size, "bytes")
    found = formats.read(source, filename, format, file, report)
    for note in found.notes:
        job.log(note)
    if found.num_set_aside:
        job.log(f"{found.num_set_aside:,} parts of the file were set aside", "warning")
        with ExitStack() as files:
            kept = SetAside(lambda: files.enter_context(job.storage.writing(folder / SET_ASIDE)))
            misfits = [Misfit(*one) for one in found.set_aside]
            kept.add(misfits, found.num_set_aside - len(misfits))
    described = {"type": "upload", "filename": filename, "size_bytes": source.stat().st_size, "format": format}
    noted = {"notes": found.notes} if found.notes else {}
    return Written(found.num_rows, {"source": described | noted, "num_set_aside": found.num_set_aside})


def _convert(job: Job, path: Path, dialect: Dialect, file: BinaryIO, begun: float, ended: float) -> int:
    report: Callable[[int], None] = reporter(job, begun, ended, dialect.num_rows, "rows")
    return reading.convert(path, dialect, file, report)
