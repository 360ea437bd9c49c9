"""Readings while a training goes on: of the machine, of its pace, and of where the time of its steps goes.

They are taken about once a second in a thread of their own and join the curves at the newest step whose values are
known. They are no function of the seed, and nothing in a training goes by them.
"""

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import psutil
import torch

from worker.job import Job
from worker.readings import Machine
from worker.train.phases import Timing
from worker.train.recorder import Pace

EVERY_S = 1.0
LEAVE_EVERY = 3  # readings: to write a series costs the same for one point as for a few


class Readings:
    """Takes readings as long as it is entered. `step` is set by the training: up to it everything has been told.

    A step has at most one, so a second in which no step was done has none, and the next is a mean over both.
    """

    def __init__(self, job: Job, timing: Timing, pace: Pace, devices: Sequence[torch.device], step: int) -> None:
        self.job, self.step = job, step
        self._timing, self._pace, self._devices = timing, pace, devices
        self._read_at, self._samples, self._read_step = time.monotonic(), pace.num_samples, step
        self._held: dict[str, tuple[list[int], list[float]]] = {}
        self._num_read = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._read_regularly, name="readings", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join()

    def _read_regularly(self) -> None:
        # Here and not before: the first step does not wait for it, and psutil counts for each thread.
        machine = Machine(self.job.storage.data_dir, {device.index or 0: _uuid(device) for device in self._devices})
        while not self._closing.wait(EVERY_S):
            step = self.step
            if step > self._read_step:
                self._read_step = step
                self._read(machine, step)
        self._leave()
        machine.close()

    def _read(self, machine: Machine, step: int) -> None:
        try:
            values = machine.read()
        except (psutil.Error, OSError):  # what the system does not tell at the moment is no reason to end a training
            values = {}
        values["time/samples_per_s"] = self._samples_per_s()
        values |= {f"time/{phase}_s": seconds for phase, seconds in self._timing.take().items()}
        for name, value in values.items():
            steps, told = self._held.setdefault(name, ([], []))
            steps.append(step)
            told.append(value)
        if self._num_read % LEAVE_EVERY == 0:  # the first at once
            self._leave()
        self._num_read += 1

    def _leave(self) -> None:
        held, self._held = self._held, {}
        for name, (steps, values) in held.items():
            self.job.metrics(name, steps, values)

    def _samples_per_s(self) -> float:
        now, samples = time.monotonic(), self._pace.num_samples
        per_s = (samples - self._samples) / (now - self._read_at)
        self._read_at, self._samples = now, samples
        return per_s


def _uuid(device: torch.device) -> str:
    """The id by which the driver's library knows a GPU, whatever numbers this process sees."""
    return f"GPU-{torch.cuda.get_device_properties(device).uuid}"
