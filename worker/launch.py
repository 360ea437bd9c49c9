"""A training by several processes of this machine: torch's own launcher starts them, and ends all when one fails.

The process of the job is the launcher. Rank 0 holds the job: it alone reports, and ends it. What it cannot tell, that a
process has died, is told here, when all are gone; so at any time one process writes under the claim.
"""

import json
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context, set_forkserver_preload
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, NamedTuple

from torch import distributed
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from app import causes, queue
from app.causes import Evidence
from app.db import Database
from app.errors import JobFailure
from app.queue import Claim, LeaseLost
from app.settings import Settings
from app.storage import Storage
from worker import child
from worker.job import Deserted, Ending, Job, Silent
from worker.machine import num_oom_kills
from worker.train import attempt
from worker.train import device as devices
from worker.train.checkpoints import Checkpoints
from worker.train.setup import make_plan
from worker.train.several import Follower
from worker.train.shortage import out_of_memory
from worker.train.team import Team, is_lost

EXIT_ENDED = 4  # of rank 0, when it has ended the job and the others are still at work
_PATIENCE_S = 60.0  # for which a process waits to be ended, when another one is gone


class Asked(NamedTuple):
    """What is to be done, as each process is told."""

    claim: Claim
    settings: Settings
    folder: Path  # of this launch, for the processes to meet
    device: str
    seed: int

    def join(self) -> Team:
        """Meet the others. Raises JobFailure."""
        return Team.join(self.folder, self.device, self.seed)


def launch(
    claim: Claim, db: Database, settings: Settings, training: dict[str, Any], part: Callable[..., None] | None = None
) -> None:
    """Train by as many processes as a training says, each of which does its part. Raises LeaseLost."""
    stop = get_context("forkserver").Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    set_forkserver_preload(["worker.preload", "worker.launch"])
    before = num_oom_kills()
    place = Storage(settings.data_dir).folder("runs", claim.payload["run_id"])
    with tempfile.TemporaryDirectory(prefix="launch-", dir=place) as name:
        asked = Asked(claim, settings, Path(name), training.get("device", "auto"), training.get("seed", 0))
        count = training["num_processes"]
        try:
            elastic_launch(_config(asked.folder, claim, count), part or take_part)(asked, stop)
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            evidence = Evidence(failure.exitcode, num_oom_kills() - before)
            _report(asked, db, (rank, count), evidence, is_stopping=stop.is_set())


def _config(folder: Path, claim: Claim, count: int) -> LaunchConfig:
    """One machine, no second try, and files to meet in: nothing listens for others."""
    os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    return LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=claim.job_id,
        role="rank",
        rdzv_backend="c10d",
        rdzv_endpoint=str(folder / "rendezvous"),
        rdzv_configs={"store_type": "file"},
        local_addr="127.0.0.1",
        max_restarts=0,
        start_method="forkserver",
        signals_to_handle="SIGHUP,SIGQUIT",  # SIGTERM is ours: rank 0 saves first
        logs_specs=DefaultLogsSpecs(log_dir=str(folder)),
    )


def _report(asked: Asked, db: Database, of: tuple[int, int], evidence: Evidence, *, is_stopping: bool) -> None:
    """Say which process failed, and how. Raises LeaseLost where rank 0 has ended the job itself."""
    claim, (rank, count) = asked.claim, of
    told = _words(asked.folder, rank)
    job = Job(claim, db, asked.settings)
    try:
        if told.exists():
            error = json.loads(told.read_text())
            error |= {"message": f"Rank {rank} of {count} processes: {error['message']}", "rank": rank}
            job.log(f"rank {rank} of {count} processes failed, and the others were ended", "error")
            job.log(error.pop("traceback"), "error")
            job.commit(lambda session: queue.fail(session, claim, error))
        elif is_stopping:
            job.commit(lambda session: queue.obey(session, claim, causes.stopped()))
        else:
            cause = causes.of_rank(rank, count, causes.of_death(evidence))
            job.log(cause.message, "error")
            job.commit(lambda session: queue.crash(session, claim, cause))
    finally:
        job.close()


def _words(folder: Path, rank: int) -> Path:
    """Where a process leaves what it failed of."""
    return folder / f"failed-{rank}.json"


def take_part(asked: Asked, stop: Event) -> None:
    """One of the processes, from its start to its end."""
    child.settle()
    db = Database(asked.settings.database_url)
    try:
        _lead(asked, db, stop) if os.environ["RANK"] == "0" else _follow(asked, db)
    except Deserted:  # the launcher is to find the process that is gone, not this
        time.sleep(_PATIENCE_S)
        os._exit(EXIT_ENDED)
    except BaseException as error:
        # At once: while others are still connected, torch may wait for its threads for ever.
        if not isinstance(error, SystemExit):
            traceback.print_exc()
        os._exit(error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 1)
    db.dispose()


def _lead(asked: Asked, db: Database, stop: Event) -> None:
    """Rank 0: hold the job, as a process that trains alone does."""
    job = Job(asked.claim, db, asked.settings)
    threading.Thread(target=_pass_on, args=(stop, job), name="stop", daemon=True).start()
    joined: list[Team] = []

    def train(job: Job) -> Ending:
        joined.append(asked.join())
        try:
            return attempt.run(job, joined[0])
        except Exception as error:
            if is_lost(error):
                raise Deserted from error
            raise

    try:
        child.run(job, train)
    except LeaseLost:
        sys.exit(child.EXIT_LEASE_LOST)
    finally:
        job.close()
    if not joined or distributed.is_initialized():  # it failed, and the others do not know
        sys.exit(EXIT_ENDED)


def _pass_on(stop: Event, job: Job) -> None:
    stop.wait()
    job.stop()


def _follow(asked: Asked, db: Database) -> None:
    """Any other rank."""
    job = Silent(asked.claim, db, asked.settings)
    with telling(asked, job):
        plan = make_plan(job, asked.join())
        Follower(plan, lambda: Checkpoints(job, plan.run_id, plan.keep_checkpoints).newest()[0]).follow()


@contextmanager
def telling(asked: Asked, job: Job) -> Iterator[None]:
    """Leave what fails for the launcher to tell; but what rank 0 fails of as well, that one tells."""
    try:
        yield
    except JobFailure as failure:
        raise Deserted from failure
    except Exception as error:
        if is_lost(error):
            raise Deserted from error
        full = devices.is_out_of_memory(error)
        failed = out_of_memory(job, devices.full_device(error)).as_error() if full else child.unexpected(error)
        failed["traceback"] = traceback.format_exc()
        _words(asked.folder, int(os.environ["RANK"])).write_text(json.dumps(failed))
        raise
