"""Groups of runs: made, found, described, ended. Plain functions on a session; the caller commits."""

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db import now
from app.db.tables import Job, Run, RunGroup
from app.errors import Conflict, NotFound, Unprocessable
from app.groups.figures import interval_of
from app.groups.schemas import Figure, GroupDetail, GroupOut
from app.ids import new_id
from app.queue import ENDED
from app.runs import service as runs
from app.runs.compare import goal_of
from app.runs.schemas import RunOut
from app.specs.base import SpecError
from app.specs.groups import GroupSpec, runs_of, values_of
from app.specs.metrics import bounds_of

_PARTS = ("test", "validation", "train")  # the test first, for it is what counts


def create_group(session: Session, spec: GroupSpec) -> RunGroup:
    """Check every run, freeze and queue it; nothing is stored when one does not hold. Raises as `create_run` does."""
    try:
        members, specs = values_of(spec), list(runs_of(spec))
    except SpecError as error:
        raise Unprocessable.of(error) from error
    group = RunGroup(id=new_id(), name=spec.name, over=spec.over.type, members=members, created_at=now())
    session.add(group)
    session.flush()
    for one in specs:
        runs.create_run(session, one, group_id=group.id)
    return group


def find_group(session: Session, group_id: str) -> RunGroup:
    """The group of that id. Raises NotFound."""
    group = session.get(RunGroup, group_id)
    if group is None:
        raise NotFound(f"There is no group of runs {group_id}.")
    return group


def list_groups(session: Session, *, cursor: str | None = None, limit: int = 50) -> tuple[list[GroupOut], str | None]:
    """Groups, newest first, and the cursor of the next page."""
    query = select(RunGroup).order_by(RunGroup.id.desc()).limit(limit + 1)
    if cursor:
        query = query.where(RunGroup.id < cursor)
    rows = list(session.scalars(query))
    statuses = _statuses(session, [row.id for row in rows])
    items = [_summary(row, statuses[row.id]) for row in rows[:limit]]
    return items, rows[limit - 1].id if len(rows) > limit else None


def get_group(session: Session, group_id: str) -> GroupDetail:
    """A group with its runs and what they came to. Raises NotFound."""
    group = find_group(session, group_id)
    found = {run.id: run for run in runs.summaries(session, run_ids(session, group_id))}
    ordered = sorted(found.values(), key=_place)
    query = select(Run.id, Run.evaluation).where(Run.group_id == group_id)
    evaluations = {row.id: row.evaluation for row in session.execute(query)}
    statuses = dict(Counter(run.status for run in ordered))
    return GroupDetail(
        **_summary(group, statuses).model_dump(),
        runs=ordered,
        figures=figures_of([evaluations.get(run.id) for run in ordered]),
    )


def run_ids(session: Session, group_id: str) -> list[str]:
    """The runs of a group that are there, oldest first."""
    return list(session.scalars(select(Run.id).where(Run.group_id == group_id).order_by(Run.id)))


def cancel_group(session: Session, group_id: str) -> None:
    """Ask every run that has not ended to stop. Raises NotFound, and Conflict when all have ended."""
    find_group(session, group_id)
    query = select(Run.id).join(Job, Run.job_id == Job.id).where(Run.group_id == group_id, Job.status.not_in(ENDED))
    waiting = list(session.scalars(query))
    if not waiting:
        raise Conflict("Every run of this group has ended already.")
    for run_id in waiting:
        runs.cancel_run(session, run_id)


def delete_group(session: Session, group_id: str) -> None:
    """Forget a group; runs that are still there are then runs as any other. Raises NotFound."""
    session.delete(find_group(session, group_id))
    session.flush()


def refuse_unfinished(session: Session, group_id: str) -> None:
    """Raises NotFound, and Conflict while one of the runs has not ended."""
    group = find_group(session, group_id)
    query = select(func.count()).select_from(Run).join(Job, Run.job_id == Job.id)
    if left := session.scalar(query.where(Run.group_id == group_id, Job.status.not_in(ENDED))):
        runs_left = "one run" if left == 1 else f"{left} runs"
        raise Conflict(f"Of the group {group.name} {runs_left} did not end yet; cancel it first.")


def figures_of(evaluations: Sequence[Mapping[str, Any] | None]) -> list[Figure]:
    """What runs came to, by part and metric, from the evaluation of each; None where one has none yet."""
    parts = [evaluation["parts"] if evaluation else {} for evaluation in evaluations]
    return [
        _figure(part, metric, [one.get(part, {}).get(metric) for one in parts])
        for part in _PARTS
        for metric in dict.fromkeys(name for one in parts for name in one.get(part, {}))
        if any(isinstance(one.get(part, {}).get(metric), int | float | str) for one in parts)
    ]


def _figure(part: str, metric: str, values: list[float | str | None]) -> Figure:
    finite = [float(one) for one in values if isinstance(one, int | float) and math.isfinite(one)]
    return Figure(
        part=part,
        metric=metric,
        goal=goal_of(f"{part}/{metric}"),
        num_runs=len(finite),
        mean=statistics.fmean(finite) if finite else None,
        std=statistics.stdev(finite) if len(finite) > 1 else None,
        min=min(finite, default=None),
        max=max(finite, default=None),
        interval=interval_of(finite, bounds_of(metric)),
        values=values,
    )


def _place(run: RunOut) -> int:
    assert run.group is not None
    return run.group.place


def _summary(group: RunGroup, statuses: dict[str, int]) -> GroupOut:
    return GroupOut(
        id=group.id,
        name=group.name,
        over=group.over,
        members=group.members,
        created_at=group.created_at,
        num_runs=sum(statuses.values()),
        statuses=statuses,
    )


def _statuses(session: Session, group_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    query = select(Run.group_id, Job.status, func.count()).join(Job, Run.job_id == Job.id)
    rows = session.execute(query.where(Run.group_id.in_(group_ids)).group_by(Run.group_id, Job.status))
    found: dict[str, dict[str, int]] = {one: {} for one in group_ids}
    for group_id, status, count in rows:
        found[str(group_id)][status] = count
    return found
