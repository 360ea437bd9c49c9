"""The classic timing: 1,000 times exp over a vector of 230,400 floats, on each device that a worker has.

It is that of Theano's tutorial (https://theano-pymc.readthedocs.io/en/latest/tutorial/using_gpu.html), by which one saw
whether the GPU was used. It runs in a process of its own, behind all that matters: see `worker.supervisor`.
"""

import os
import time
from typing import TYPE_CHECKING

from sqlalchemy import update

from app.db import Database
from app.db.tables import Worker
from app.settings import Settings
from worker.child import die_with_parent

if TYPE_CHECKING:
    import torch

NUM_TIMES, NUM_FLOATS = 1_000, 230_400
_NUM_WARMUP = 20  # times that do not count: threads start, a GPU wakes


def main(worker_id: str, settings: Settings) -> None:
    """Measure, and write the figures into the worker's row."""
    die_with_parent()
    os.nice(19)
    timings = measure()
    db = Database(settings.database_url)
    with db.write() as session:
        session.execute(update(Worker).where(Worker.id == worker_id).values(timings=timings))
    db.dispose()


def measure() -> dict[str, float]:
    """The seconds that each device takes, by its name."""
    import torch  # not before: the supervisor knows this module by name, and stays small

    names = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    return {name: round(_time_exp(torch.device(name)), 6) for name in names}


def _time_exp(device: "torch.device") -> float:
    import torch

    numbers = torch.linspace(-1, 1, NUM_FLOATS, device=device)
    found = torch.empty_like(numbers)
    for _ in range(_NUM_WARMUP):
        torch.exp(numbers, out=found)
    _wait_for(device)
    begun_at = time.perf_counter()
    for _ in range(NUM_TIMES):
        torch.exp(numbers, out=found)
    _wait_for(device)
    return time.perf_counter() - begun_at


def _wait_for(device: "torch.device") -> None:
    """A GPU takes orders in advance: until it has carried them out."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
