"""A profile of some steps, as somebody asked for: what ran when, for Perfetto, and which operators took the time.

The profiler (https://docs.pytorch.org/docs/stable/profiler.html) looks on: the steps compute what they would have. It
makes them slower, which their own figures show.
"""

import gzip
import json
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from sqlalchemy.orm import Session
from torch.autograd.profiler import record_function
from torch.profiler import ProfilerActivity, profile, schedule

from worker.job import Job
from worker.train.finish import artifact_event, register_artifacts
from worker.train.learner import Learner
from worker.train.phases import PHASES, Phased

WARMUP_STEPS = 1  # that the profiler needs to come to rest
MAX_OPERATORS = 40
_STEP = "ProfilerStep"


class _Labels:
    """Phases as spans of the picture."""

    def __init__(self) -> None:
        self._open: record_function | None = None

    def enter(self, phase: str) -> None:
        self.leave()
        self._open = record_function(phase)
        self._open.__enter__()  # type: ignore[no-untyped-call]

    def leave(self) -> None:
        if self._open is not None:
            self._open.__exit__(None, None, None)
            self._open = None


class Profile:
    """Of steps after a step. `learner` takes them, and after each of them `advance` is called."""

    def __init__(self, job: Job, learner: Learner, step: int, num_steps: int) -> None:
        self.job, self.plan, self.step = job, learner.plan, step
        self._num_taken = 0
        self._labels = _Labels()
        self.learner = Phased(self.plan, self._labels, learner.replicated)
        self.is_over = False
        self._profiler = profile(
            activities=_activities(self.plan.device),
            schedule=schedule(wait=0, warmup=WARMUP_STEPS, active=num_steps, repeat=1),
            on_trace_ready=self._keep,
            profile_memory=True,
        )
        self._profiler.start()
        self._labels.enter("data")

    def advance(self) -> None:
        """A step is done."""
        self._num_taken += 1
        self._labels.leave()
        self._profiler.step()
        if not self.is_over:
            self._labels.enter("data")

    def end(self) -> None:
        """No step is left to take: what there is of it is kept."""
        if not self.is_over:
            self._labels.leave()
            self._profiler.stop()

    def drop(self) -> None:
        """Nothing is kept of it."""
        if not self.is_over:
            self.is_over = True
            with suppress(RuntimeError):
                self._profiler.stop()

    def _keep(self, profiler: profile) -> None:
        """Write trace and table, and make them files of the run."""
        if self.is_over:
            return
        self.is_over = True
        name = f"profile-{self.step}"
        folder_of_run = self.job.storage.folder("runs", self.plan.run_id, f"profiles-{self.job.claim.attempt}")
        folder_of_run.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder_of_run) as folder:
            trace = Path(folder) / "trace.json"
            profiler.export_chrome_trace(str(trace))
            contents = {f"{name}.json.gz": gzip.compress(trace.read_bytes(), compresslevel=6)}
        told: dict[str, Any] = {"step": self.step + WARMUP_STEPS, "num_steps": self._num_taken - WARMUP_STEPS}
        told |= {"device": self.plan.device.type, "trace": f"{name}.json.gz"}
        contents[f"{name}-operators.json"] = json.dumps(told | summary_of(profiler.key_averages())).encode()
        files = {name: self.job.storage.write(folder_of_run / name, content) for name, content in contents.items()}
        types = {name: "application/gzip" if name.endswith(".gz") else "application/json" for name in files}

        def register(session: Session) -> None:
            register_artifacts(session, self.plan.run_id, files, types)

        self.job.commit(register, events=[artifact_event(name, file) for name, file in files.items()])
        self.job.log(f"profiled {told['num_steps']} steps after step {told['step']:,}")


def _activities(device: torch.device) -> list[ProfilerActivity]:
    return [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]


def summary_of(averages: Iterable[Any]) -> dict[str, Any]:
    """How long the steps took, and the operators that took most of it by themselves.

    Times are in seconds and memory in bytes, over all the steps. `device_s` is that of the GPU's kernels.
    """
    found = list(averages)
    steps = [one for one in found if one.key.startswith(_STEP)]
    operators = [one for one in found if not one.key.startswith(_STEP) and one.key not in PHASES]
    operators.sort(key=_weight, reverse=True)
    return {
        "took_s": sum(one.cpu_time_total for one in steps) / 1e6,
        "num_operators": len(operators),
        "operators": [_row(one) for one in operators[:MAX_OPERATORS]],
    }


def _weight(one: Any) -> tuple[float, float]:
    return (one.self_device_time_total, one.self_cpu_time_total)


def _row(one: Any) -> dict[str, Any]:
    return {
        "name": one.key,
        "count": one.count,
        "self_s": one.self_cpu_time_total / 1e6,
        "total_s": one.cpu_time_total / 1e6,
        "device_s": one.self_device_time_total / 1e6,
        "memory_bytes": one.self_cpu_memory_usage + one.self_device_memory_usage,
    }
