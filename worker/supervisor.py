"""The worker's parent process: claims jobs, starts a child for each, renews the leases, reports how a child died.

It does no work itself and never imports torch, so nothing that a training does can keep it from renewing a lease.
Children come from a forkserver that has torch imported already.
"""

import logging
import multiprocessing
import os
import platform
import signal
import time
from dataclasses import dataclass
from importlib import metadata
from multiprocessing import connection
from multiprocessing.context import ForkServerProcess

from sqlalchemy import select, update

from app import causes, queue
from app.causes import Cause
from app.db import UNAVAILABLE, Database, Pulse, now
from app.db.migrate import migrate
from app.db.tables import Job, Worker
from app.ids import new_id
from app.queue import WORK, Claim, JobKind, LeaseLost
from app.settings import Settings
from worker.machine import Watch, devices

_log = logging.getLogger("traindeck.worker")

_LIGHT = (JobKind.INGEST, JobKind.EXPORT)  # one of these may run beside full slots: nobody waits for a training
_PAUSE_S = 1.0  # after a step that failed
_MEASURE_AFTER_S = 2.0  # without anything to do
_WAIT_S = 0.2  # at most, for a child that was told to go, before leases are looked at again


@dataclass
class _Child:
    claim: Claim
    process: ForkServerProcess
    watch: Watch
    killed_because: Cause | None = None  # by this supervisor; none where nobody here did


class Supervisor:
    """One worker. `run` returns when `stop` was called and every child has ended or been given back."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.db = Database(settings.database_url)
        self.id = new_id()
        self._children: list[_Child] = []
        self._stopping = False
        self._context = multiprocessing.get_context("forkserver")
        self._next_beat = 0.0
        self._next_look = 0.0
        self._busy_at = time.monotonic()
        self._measuring: ForkServerProcess | None = None
        self._is_measured = False
        self._pulse = Pulse(self.db)
        self._seen: tuple[int | None, tuple[JobKind, ...]] | None = None

    def run(self) -> None:
        """Work until told to stop."""
        migrate(self.db)
        self._start_forkserver()
        self._register()
        _log.info("worker %s waits for jobs (%d at a time)", self.settings.worker_name, self.settings.slots)
        while not self._stopping:
            try:
                self._step()
            except UNAVAILABLE as error:
                _log.warning("the database did not answer, trying again: %s", getattr(error, "orig", error))
                time.sleep(_PAUSE_S)
            except Exception:  # whatever it is, the children need someone who renews their leases
                _log.exception("a step of the supervisor failed, trying again")
                time.sleep(_PAUSE_S)
        self._give_back()

    def stop(self) -> None:
        """Finish as soon as running jobs have saved their state. May be called from a signal handler."""
        self._stopping = True

    def _step(self) -> None:
        if time.monotonic() >= self._next_beat:  # first: whatever fails after it, leases are renewed
            self._beat()
        self._collect()
        while self._claim():
            pass
        self._enforce()
        self._measure()
        sentinels = [child.process.sentinel for child in self._children]
        if sentinels:
            connection.wait(sentinels, timeout=self.settings.poll_s)
        else:
            time.sleep(self.settings.poll_s)

    def _start_forkserver(self) -> None:
        self._context.set_forkserver_preload(["worker.preload"])
        # The first child is there once everything is imported. Until then to start one would block, and a job that was
        # claimed meanwhile would lose its lease.
        first = self._context.Process(target=os.getpid)
        first.start()
        first.join()
        first.close()

    def _register(self) -> None:
        with self.db.write() as session:
            session.add(self._described())

    def _described(self) -> Worker:
        return Worker(
            id=self.id,
            name=self.settings.worker_name,
            host=platform.node(),
            pid=os.getpid(),
            slots=self.settings.slots,
            devices=devices(),
            versions={
                "traindeck": _version("traindeck"),
                "python": platform.python_version(),
                "torch": _version("torch"),
                "kinds": list(WORK),
            },
            started_at=now(),
            heartbeat_at=now(),
        )

    def _claim(self) -> bool:
        """Take one job if there is room for it."""
        kinds = self._kinds_with_room()
        if not kinds or not self._something_waits(kinds):
            return False
        with self.db.write() as session:
            claim = queue.claim(session, self.id, lease_s=self.settings.lease_s, kinds=kinds)
        if claim is None:
            return False
        self._start(claim)
        return True

    def _kinds_with_room(self) -> tuple[JobKind, ...]:
        if len(self._children) < self.settings.slots:
            return WORK
        light = sum(child.claim.kind in _LIGHT for child in self._children)
        return _LIGHT if not light and len(self._children) == self.settings.slots else ()

    def _something_waits(self, kinds: tuple[JobKind, ...]) -> bool:
        """Look before claiming: a claim takes the write lock of SQLite, many times a second.

        What waits changes by a commit alone, so without one since the last look there is nothing to see.
        """
        seen = (self._pulse.read(), kinds)
        if seen[0] is not None and seen == self._seen:
            return False
        waiting = select(Job.id).where(
            Job.status == queue.JobStatus.QUEUED, Job.after_id.is_(None), Job.kind.in_(kinds)
        )
        with self.db.read() as session:
            found = session.execute(waiting.limit(1)).first() is not None
        self._seen = None if found else seen  # only now: had the read failed, the next look must not think it was done
        return found

    def _start(self, claim: Claim) -> None:
        from worker import child  # its handlers are imported in the forkserver, not here

        self._stop_measuring()
        process = self._context.Process(target=child.main, args=(claim, self.settings), name=f"job-{claim.job_id}")
        process.start()
        self._children.append(_Child(claim, process, Watch(process.pid or 0)))

    def _measure(self) -> None:
        """Once, when there is nothing to do: how fast the devices are. A job does not wait for it."""
        if self._children:
            self._busy_at = time.monotonic()
        elif self._measuring is not None and not self._measuring.is_alive():
            self._measuring.close()
            self._measuring, self._is_measured = None, True
        elif self._measuring is None and not self._is_measured and time.monotonic() >= self._busy_at + _MEASURE_AFTER_S:
            from worker import timing

            self._measuring = self._context.Process(target=timing.main, args=(self.id, self.settings), name="timing")
            self._measuring.start()

    def _stop_measuring(self) -> None:
        """Let go of it; it begins again when there is time."""
        if self._measuring is not None:
            self._measuring.kill()
            self._measuring.join()
            self._measuring.close()
            self._measuring = None

    def _collect(self) -> None:
        """See which children have ended, and say how those died that could not say it themselves."""
        for child in [child for child in self._children if not child.process.is_alive()]:
            if child.process.exitcode != 0:
                self._report_death(child)
            self._children.remove(child)  # only now: a report that failed is tried again
            child.process.close()

    def _report_death(self, child: _Child) -> None:
        cause = child.killed_because or causes.of_death(child.watch.evidence(child.process.exitcode or 0))
        try:
            with self.db.write() as session:
                status = queue.crash(session, child.claim, cause)
            _log.warning("job %s: now %s. %s", child.claim.job_id, status, cause.message)
        except LeaseLost:
            _log.info("job %s: ended by itself or belongs to another worker", child.claim.job_id)

    def _enforce(self) -> None:
        """Kill what was asked to stop and has not, after the grace."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + 0.5
        if not self._children:
            return
        for child in self._children:
            child.watch.look()
        with self.db.read() as session:
            overdue = queue.overdue(session, self.id, self.settings.cancel_grace_s)
        meant = [child for child in self._children if child.claim.job_id in overdue]
        self._kill(meant, causes.not_stopped(self.settings.cancel_grace_s))

    def _beat(self) -> None:
        self._next_beat = time.monotonic() + self.settings.beat_s
        here = {"heartbeat_at": now(), "stopped_at": None, "devices": devices()}
        with self.db.write() as session:
            row = session.execute(update(Worker).where(Worker.id == self.id).values(here).returning(Worker.id)).first()
            if row is None:  # it was silent for so long that someone had it forgotten
                session.add(self._described())
                session.flush()
                self._is_measured = False
            _held, lost = queue.beat(session, [child.claim for child in self._children], lease_s=self.settings.lease_s)
            if queue.any_silent(session):
                queue.rescue(session)
        meant = [child for child in self._children if child.claim in lost]
        self._kill(meant, Cause("lease_lost", "Its lease was lost."))

    def _kill(self, children: list[_Child], because: Cause) -> None:
        for child in children:
            if child.process.is_alive():
                child.killed_because = because
                child.process.kill()

    def _give_back(self) -> None:
        """Tell children to save their state and go; what has not gone after the grace is killed and given back."""
        self._stop_measuring()
        for child in self._children:
            child.process.terminate()
        deadline = time.monotonic() + self.settings.cancel_grace_s
        for child in self._children:
            self._await_end(child.process, deadline)
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
            self._release(child.claim)
        try:
            with self.db.write() as session:
                session.execute(update(Worker).where(Worker.id == self.id).values(stopped_at=now()))
        except UNAVAILABLE as error:
            _log.warning("that this worker stopped could not be told: %s", getattr(error, "orig", error))
        self._pulse.close()
        self.db.dispose()

    def _await_end(self, process: ForkServerProcess, deadline: float) -> None:
        """Wait for a child until `deadline`, and keep every lease meanwhile: children that save are at work."""
        while process.is_alive() and (left_s := deadline - time.monotonic()) > 0:
            process.join(min(left_s, _WAIT_S))
            if time.monotonic() >= self._next_beat:
                self._renew()

    def _renew(self) -> None:
        """Leases alone: a worker that goes is no longer there for anything else."""
        self._next_beat = time.monotonic() + self.settings.beat_s
        claims = [child.claim for child in self._children if child.process.is_alive()]
        try:
            with self.db.write() as session:
                queue.beat(session, claims, lease_s=self.settings.lease_s)
        except UNAVAILABLE as error:
            _log.warning("the leases could not be renewed: %s", getattr(error, "orig", error))

    def _release(self, claim: Claim) -> None:
        try:
            with self.db.write() as session:
                queue.obey(session, claim, causes.stopped())
        except LeaseLost:
            pass  # the child has done it, or had finished
        except UNAVAILABLE as error:
            _log.warning(
                "job %s could not be given back; its lease will run out: %s",
                claim.job_id,
                getattr(error, "orig", error),
            )


def _version(package: str) -> str:
    """Of an installed package; a tree that was never installed has none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def main() -> None:
    """The entry of `python -m worker`."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", datefmt="%H:%M:%S")
    supervisor = Supervisor(Settings())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())
    supervisor.run()
