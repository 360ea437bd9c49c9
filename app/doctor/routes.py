"""The data doctor over REST."""

import threading
import time
from collections.abc import Iterator, Sequence

from fastapi import APIRouter

from app.datasets import service as datasets
from app.dependencies import AppDatabase, AppStorage
from app.doctor.examination import examine
from app.doctor.schemas import DoctorIn, DoctorOut
from app.errors import Unprocessable
from app.specs.base import Problem
from app.specs.checks.inputs import column_problems
from app.specs.checks.words import no_column
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.splits import column_field, split_column

_ALONE = threading.Lock()  # an examination may take up some hundred MB
router = APIRouter(prefix="/datasets", tags=["datasets"])


@router.post("/{dataset_id}/doctor")
def doctor(dataset_id: str, body: DoctorIn, database: AppDatabase, storage: AppStorage) -> DoctorOut:
    """Look for what would spoil a run on this dataset: leaks, copies, gaps, a split that deceives. Stores nothing.

    One is looked at at a time; who asks meanwhile waits.
    """
    began = time.perf_counter()
    with database.read() as session:  # not held while the table is read
        columns = datasets.columns_of(session, dataset_id)
        datasets.find_ready(session, dataset_id)
    problems = list(_problems(body.data, columns))
    if problems:
        raise Unprocessable(problems[0].msg, errors=problems)
    with _ALONE:
        place, is_weighed = storage.path("datasets", dataset_id), body.is_weighed
        found = examine(place, columns, body.data, body.loss, body.num_parameters, is_weighed=is_weighed)
    return DoctorOut(
        findings=found.findings,
        num_rows=found.num_rows,
        num_examined=found.num_examined,
        duration_s=round(time.perf_counter() - began, 4),
    )


def _problems(data: DataSpec, columns: Sequence[Column]) -> Iterator[Problem]:
    """Names of columns that there are not. What else does not fit is for the check of the run to say."""
    known = {column.name: column for column in columns}
    for name in data.targets:
        if name not in known:
            yield Problem(loc=["data", "target"], msg=no_column(name, known), received=name)
    for i, name in enumerate(data.features or ()):
        if name not in known:
            yield Problem(loc=["data", "features", i], msg=no_column(name, known), received=name)
    yield from column_problems(data, known)
    by: dict[tuple[str, str], str | None] = {("split", column_field(data.split) or "column"): split_column(data.split)}
    if data.window is not None:
        by |= {("window", "time"): data.window.time, ("window", "series"): data.window.series}
    for place, named in by.items():
        if named is not None and named not in known:
            yield Problem(loc=["data", *place], msg=no_column(named, known), received=named)
