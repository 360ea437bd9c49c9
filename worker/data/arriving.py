"""A file that was sent becomes a typed table, whatever its format."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from app.dialect import Dialect
from app.formats import HEAD_BYTES, Format
from app.stored.manifest import CHECKED, RAW
from app.tabular.packing import format_of
from app.tabular.set_aside import SET_ASIDE, Misfit, SetAside
from app.tabular.zipped import sole_table
from worker.data import formats, reading
from worker.data.checking import CHECKING_SHARE, check, reporter
from worker.job import Job


@dataclass(frozen=True)
class Written:
    """A table that was written, and what its row is to say beside that."""

    num_rows: int
    found: dict[str, Any] = field(default_factory=dict)


def write_file(
    job: Job,
    folder: Path,
    payload: dict[str, Any],
    file: BinaryIO,
    shares: tuple[float, float] = (0.0, 1.0),
    texts: Collection[str] = (),
) -> Written:
    """Write the file in `folder`, of which `payload` says what the server knows, into the open Parquet file.

    What does not fit goes to `set_aside.csv` in the folder. The job tells its progress from the first of `shares` of
    its work to the second. The columns `texts` hold text, so words in them that look like numbers or times stay as they
    are written. Raises JobFailure, and Cancelled.
    """
    if "dialect" in payload:  # it was checked while it came
        dialect = Dialect.model_validate(payload["dialect"])
        return Written(_convert(job, folder / CHECKED, dialect, file, shares, texts))
    sent = _Sent(folder / RAW, payload["filename"], payload.get("format", "delimited"))
    if sent.format == "zip" and sole_table(sent.path):
        with _taken_out(job, sent) as inner:
            return _write_sent(job, inner, payload, file, shares, texts)
    return _write_sent(job, sent, payload, file, shares, texts)


@dataclass(frozen=True)
class _Sent:
    path: Path
    filename: str
    format: Format


@contextmanager
def _taken_out(job: Job, sent: _Sent) -> Iterator[_Sent]:
    """The table that is alone in a zip archive, as a file of a name of ours that is gone afterwards."""
    report = reporter(job, 0.0, 0.0, 1, "bytes")  # whoever asks to stop is heard
    with formats.sole_member(sent.path, report) as (path, name):
        with path.open("rb") as file:
            found = format_of(file.read(HEAD_BYTES), name)
        yield _Sent(path, name, found)


def _write_sent(
    job: Job,
    sent: _Sent,
    payload: dict[str, Any],
    file: BinaryIO,
    shares: tuple[float, float],
    texts: Collection[str],
) -> Written:
    folder, (begun, ended) = sent.path.parent, shares
    if sent.format != "delimited":
        return _read_other(job, sent, payload["filename"], file, shares, texts)
    checked = folder / f"attempt-{job.claim.attempt}.csv"
    between = begun + (ended - begun) * CHECKING_SHARE
    try:
        taken = check(job, sent.path, checked, payload | {"filename": sent.filename}, begun, between)
        num_rows = _convert(job, checked, taken.dialect, file, (between, ended), texts)
    finally:
        checked.unlink(missing_ok=True)
    described = {"type": "upload", "filename": payload["filename"], **taken.as_source()}
    found_out = {"source": described, "content_hash": taken.sha256, "num_set_aside": taken.num_set_aside}
    return Written(num_rows, found_out)


def _read_other(
    job: Job, sent: _Sent, filename: str, file: BinaryIO, shares: tuple[float, float], texts: Collection[str]
) -> Written:
    """A file that is no delimited text."""
    folder, size_bytes = sent.path.parent, sent.path.stat().st_size
    report = reporter(job, *shares, size_bytes, "bytes")
    found = formats.read(sent.path, sent.filename, sent.format, file, report, texts=texts)
    for note in found.notes:
        job.log(note)
    if found.num_set_aside:
        job.log(f"{found.num_set_aside:,} parts of the file were set aside", "warning")
        with ExitStack() as files:
            kept = SetAside(lambda: files.enter_context(job.storage.writing(folder / SET_ASIDE)))
            misfits = [Misfit(*one) for one in found.set_aside]
            kept.add(misfits, found.num_set_aside - len(misfits))
    described = {"type": "upload", "filename": filename, "size_bytes": size_bytes, "format": sent.format}
    noted = {"notes": found.notes} if found.notes else {}
    return Written(found.num_rows, {"source": described | noted, "num_set_aside": found.num_set_aside})


def _convert(
    job: Job, path: Path, dialect: Dialect, file: BinaryIO, shares: tuple[float, float], texts: Collection[str]
) -> int:
    report = reporter(job, *shares, dialect.num_rows, "rows")
    return reading.convert(path, dialect, file, report, texts)
