"""The process of one job: runs its handler, and records how it ended.

A handler is `run(job) -> Ending | None`. What it returns is written in the very transaction that ends the job, so that
a result, the events that tell of it and its "succeeded" stand or fall together. It raises `JobFailure` to end the job
as failed, and `Cancelled` once it has obeyed a request.
"""

import ctypes
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing import connection, parent_process
from typing import Any

from sqlalchemy.orm import Session

from app import causes, queue
from app.db import UNAVAILABLE, Database
from app.db.tables import Run
from app.errors import JobFailure
from app.queue import Claim, JobKind, LeaseLost
from app.settings import Settings
from worker.job import STOP, Cancelled, Deserted, Ending, Job

Handler = Callable[[Job], Ending | None]

HANDLERS = {
    JobKind.TRAIN: "worker.train.attempt",
    JobKind.INGEST: "worker.data.ingest",
    JobKind.EXPORT: "worker.export",
}

EXIT_LEASE_LOST = 3


def preload() -> None:
    """Import what handlers need, in the forkserver, so that a job starts in milliseconds."""
    for module in ("torch", "torch._dynamo", *HANDLERS.values()):
        importlib.import_module(module)


def main(claim: Claim, settings: Settings) -> None:
    """Run one job to its end. The exit status is 0 when the job's row says how it ended."""
    settle()
    db = Database(settings.database_url)
    try:
        training = _training_of(db, claim)
        if training.get("num_processes", 1) > 1:
            from worker.launch import launch  # torch's launcher takes a while to import, and is seldom needed

            launch(claim, db, settings, training)
        else:
            _run_here(claim, db, settings)
    except LeaseLost:
        sys.exit(EXIT_LEASE_LOST)
    finally:
        db.dispose()


def _training_of(db: Database, claim: Claim) -> dict[str, Any]:
    """How the run of a job trains; nothing where it is no training."""
    if claim.kind != JobKind.TRAIN:
        return {}
    with db.read() as session:
        run = session.get(Run, claim.payload.get("run_id"))
    return run.spec.get("training", {}) if run is not None else {}


def _run_here(claim: Claim, db: Database, settings: Settings) -> None:
    job = Job(claim, db, settings)
    signal.signal(signal.SIGTERM, lambda *_: job.stop())
    try:
        run(job)
    finally:
        job.close()


def settle() -> None:
    """End with who started this process, and by that one's word alone: Ctrl-C reaches the whole group."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run(job: Job, handler: Handler | None = None) -> None:
    """Run the handler, that of the job's kind unless another is given, and record the end.

    Raises LeaseLost, and Deserted, with nothing recorded.
    """
    claim = job.claim
    try:
        handler = handler or importlib.import_module(HANDLERS[JobKind(claim.kind)]).run
        ending = handler(job)
    except Cancelled:
        cause = causes.stopped() if job.requested == STOP else causes.withdrawn()
        job.commit(lambda session: queue.obey(session, claim, cause))
    except (LeaseLost, Deserted, *UNAVAILABLE):
        raise  # a database that is away ends this attempt; the queue has the job
    except JobFailure as failure:
        error = failure.as_error()
        job.log(failure.message, "error")
        job.commit(lambda session: queue.fail(session, claim, error))
    except Exception as exception:
        job.log(traceback.format_exc(), "error")
        error = unexpected(exception)
        job.commit(lambda session: queue.fail(session, claim, error))
    else:
        job.commit(lambda session: _end_well(session, claim, ending), events=ending.told if ending else ())


def _end_well(session: Session, claim: Claim, ending: Ending | None) -> None:
    if ending is not None:
        ending.write(session)
    queue.succeed(session, claim)


def unexpected(exception: Exception) -> dict[str, Any]:
    """What nobody thought of, as the job's row keeps it."""
    return {
        "kind": "error",
        "message": f"{type(exception).__name__}: {exception}",
        "hint": "This is a fault in Traindeck or in the data; the log has the details.",
    }


def die_with_parent() -> None:
    """End when the supervisor does, even when it is killed: nobody would renew this job's lease."""
    parent = parent_process()
    if parent is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, for the forkserver between us and it
    threading.Thread(target=_wait_and_exit, args=(parent.sentinel,), name="orphan-watch", daemon=True).start()


def _wait_and_exit(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(EXIT_LEASE_LOST)
