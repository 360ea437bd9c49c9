"""What is done to many runs at once: each in its own transaction, with an outcome of its own."""

from collections.abc import Callable, Sequence

from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.db import Database
from app.errors import AppError, Unprocessable
from app.runs import control, service
from app.runs.listing import ids_matching
from app.runs.schemas import MAX_TAG_LENGTH, BatchIn, BatchOut, Outcome, RunPatch
from app.specs.base import Problem
from app.storage import Storage

MAX_RUNS = 100_000
MAX_REQUEUED = 1_000
_NEEDS_VALUE = ("tag", "untag", "project")


def apply(database: Database, storage: Storage, asked: BatchIn) -> BatchOut:
    """Do it to each run that is meant. Raises Unprocessable when it is not said to which, or with what."""
    outcomes, freed = [], 0
    for run_id in chosen(database, asked, MAX_RUNS):
        try:
            if asked.action == "delete":
                freed += delete_whole(database, storage, run_id)
                outcomes.append(Outcome(id=run_id, ok=True))
            else:
                with database.write() as session:
                    _do(session, run_id, asked)
                outcomes.append(Outcome(id=run_id, ok=True))
        except AppError as error:
            outcomes.append(Outcome(id=run_id, ok=False, message=error.message))
        except ValidationError as error:  # a tag more than a run may have
            outcomes.append(Outcome(id=run_id, ok=False, message="; ".join(one["msg"] for one in error.errors())))
    return BatchOut(outcomes=outcomes, num_ok=sum(one.ok for one in outcomes), freed_bytes=freed)


def requeue(session: Session, ids: Sequence[str]) -> BatchOut:
    """Queue the same again, all in one transaction: an answer that is lost can be asked for again by its key."""
    outcomes = []
    for run_id in ids:
        try:
            with session.begin_nested():
                outcomes.append(Outcome(id=run_id, ok=True, new_id=service.clone_run(session, run_id).id))
        except AppError as error:
            outcomes.append(Outcome(id=run_id, ok=False, message=error.message))
    return BatchOut(outcomes=outcomes, num_ok=sum(one.ok for one in outcomes), freed_bytes=0)


def chosen(database: Database, asked: BatchIn, most: int) -> list[str]:
    """The ids of the runs that are meant, each once. Raises Unprocessable when that is not said, or too many are."""
    _check(asked)
    ids = asked.ids
    if ids is None:
        with database.read() as session:
            ids = ids_matching(session, asked.filter or "", MAX_RUNS)
    ids = list(dict.fromkeys(ids))
    if len(ids) > most:
        message = f"at most {most:,} runs at once; these are {len(ids):,}"
        raise Unprocessable(message, errors=[Problem(loc=["ids"], msg=message, received=len(ids))])
    return ids


def delete_whole(database: Database, storage: Storage, run_id: str) -> int:
    """Remove a run, its stream and its files; returns the bytes of its files. Raises NotFound and Conflict.

    The files go after the row: a run that is listed is whole. What is left of one that is not is nobody's.
    """
    with database.write() as session:
        service.stop_export(session, run_id)
    with database.write() as session:
        service.delete_run(session, run_id)
    freed = storage.size("runs", run_id)
    storage.remove("runs", run_id)
    return freed


def _check(asked: BatchIn) -> None:
    problems = []
    if (asked.ids is None) == (asked.filter is None):
        problems.append(Problem(loc=["ids"], msg="say which runs: ids, or filter, and not both", received=None))
    if asked.action in _NEEDS_VALUE and (asked.value is None or (asked.action != "project" and not asked.value)):
        problems.append(Problem(loc=["value"], msg=f"{asked.action} needs a value", received=asked.value))
    elif asked.action == "tag" and len(asked.value or "") > MAX_TAG_LENGTH:
        message = f"a tag has at most {MAX_TAG_LENGTH} characters"
        problems.append(Problem(loc=["value"], msg=message, received=asked.value))
    if problems:
        raise Unprocessable(problems[0].msg, errors=problems)


def _do(session: Session, run_id: str, asked: BatchIn) -> None:
    """One run. Doing it again changes nothing more."""
    if asked.action in _MOVES:
        _MOVES[asked.action](session, run_id)
        return
    patch = _PATCHES[asked.action](service.find_run(session, run_id).tags, asked.value or "")
    service.change_run(session, run_id, patch)


_MOVES: dict[str, Callable[[Session, str], None]] = {
    "cancel": service.cancel_run,
    "pause": control.pause_run,
    "resume": control.resume_run,
}
_PATCHES: dict[str, Callable[[list[str], str], RunPatch]] = {
    "archive": lambda tags, value: RunPatch(archived=True),
    "unarchive": lambda tags, value: RunPatch(archived=False),
    "favorite": lambda tags, value: RunPatch(is_favorite=True),
    "unfavorite": lambda tags, value: RunPatch(is_favorite=False),
    "tag": lambda tags, value: RunPatch(tags=list(dict.fromkeys([*tags, value]))),
    "untag": lambda tags, value: RunPatch(tags=[tag for tag in tags if tag != value]),
    "project": lambda tags, value: RunPatch(project=value),
}
