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
from multiprocessing import connection, parent_process
from typing import Any

from sqlalchemy.orm import Session

from app import causes, queue
from app.db import UNAVAILABLE, Database
from app.errors import JobFailure
from app.queue import Claim, JobKind, LeaseLost
from app.settings import Settings
from worker.job import STOP, Cancelled, Ending, Job

HANDLERS = {
    JobKind.TRAIN: "worker.train.trainer",
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
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    db = Database(settings.database_url)
    job = Job(claim, db, settings)
    signal.signal(signal.SIGTERM, lambda *_: job.stop())
    try:
        run(job)
    except LeaseLost:
        sys.exit(EXIT_LEASE_LOST)
    finally:
        job.close()
        db.dispose()


def run(job: Job) -> None:
    """Run the handler and record the end. Raises LeaseLost."""
    claim = job.claim
    try:
        handler = importlib.import_module(HANDLERS[JobKind(claim.kind)])
        ending: Ending | None = handler.run(job)
    except Cancelled:
        cause = causes.stopped() if job.requested == STOP else causes.withdrawn()
        job.commit(lambda session: queue.obey(session, claim, cause))
    except (LeaseLost, *UNAVAILABLE):
        raise  # a database that is away ends this attempt; the queue has the job
    except JobFailure as failure:
        error = failure.as_error()
        job.log(failure.message, "error")
        job.commit(lambda session: queue.fail(session, claim, error))
    except Exception as exception:
        job.log(traceback.format_exc(), "error")
        error = _unexpected(exception)
        job.commit(lambda session: queue.fail(session, claim, error))
    else:
        job.commit(lambda session: _end_well(session, claim, ending), events=ending.told if ending else ())


def _end_well(session: Session, claim: Claim, ending: Ending | None) -> None:
    if ending is not None:
        ending.write(session)
    queue.succeed(session, claim)


def _unexpected(exception: Exception) -> dict[str, Any]:
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
