"""Recording points durably: what a worker's flush costs, beside TensorBoard's writer; and the space of a point.

Each round records two series in batches of a thousand steps, every batch one fenced transaction on SQLite with
synchronous=FULL and the roll-ups in it. TensorBoard's writer, whose time grows with the points, gets a tenth of them,
and is flushed once, at the end.
"""

import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from app import events, queue
from app.columns import Points
from app.db import Database, now
from app.db.migrate import migrate
from app.db.tables import Worker
from app.queue import JobKind
from bench.table import show, spread

NUM_STEPS, BATCH = 200_000, 1000
SERIES = ("train/loss", "optimizer/grad_norm")
ROUNDS = 3


def main() -> None:
    ours, theirs, ours_bytes, theirs_bytes = [], [], 0.0, 0.0
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            seconds, size = _traindeck(Path(folder))
            ours.append(seconds)
            ours_bytes = size / (NUM_STEPS * len(SERIES))
        with tempfile.TemporaryDirectory() as folder:
            seconds, size = _tensorboard(Path(folder), NUM_STEPS // 10)
            theirs.append(seconds * 10)
            theirs_bytes = size / (NUM_STEPS // 10 * len(SERIES))
    points = NUM_STEPS * len(SERIES)
    rate = points / sorted(ours)[ROUNDS // 2]
    their_rate = points / sorted(theirs)[ROUNDS // 2]
    show(
        f"{points:,} points, one run",
        ["what", "Traindeck", "TensorBoard SummaryWriter", "ratio", "budget"],
        [
            ["time", spread(ours, "s"), spread(theirs, "s"), "", ""],
            ["points/s, durable", f"{rate:,.0f}", f"{their_rate:,.0f}", f"{rate / their_rate:.1f}×", "300,000"],
            ["bytes a point", f"{ours_bytes:.1f}", f"{theirs_bytes:.1f}", f"{ours_bytes / theirs_bytes:.2f}×", "20"],
        ],
    )


def _traindeck(folder: Path) -> tuple[float, int]:
    database = Database(f"sqlite:///{folder / 'bench.sqlite3'}")
    migrate(database)
    with database.write() as session:
        session.add(
            Worker(
                id="w",
                name="w",
                host="h",
                pid=1,
                slots=1,
                devices=[],
                versions={},
                started_at=now(),
                heartbeat_at=now(),
            )
        )
        session.flush()
        queue.enqueue(session, JobKind.TRAIN, {})
        claim = queue.claim(session, "w", lease_s=60)
    assert claim
    values = np.random.default_rng(0).random((len(SERIES), NUM_STEPS)).astype(np.float32)
    empty = _size(database)
    began = time.perf_counter()
    for start in range(0, NUM_STEPS, BATCH):
        steps = np.arange(start + 1, start + BATCH + 1)
        batch = [Points.of(name, steps, values[i, start : start + BATCH]) for i, name in enumerate(SERIES)]
        with database.write() as session:
            fence = queue.fence(session, claim, lease_s=60, num_events=1)
            events.insert(session, claim.job_id, fence.last_seq, fence.time, [events.New("metrics", points=batch)])
    took = time.perf_counter() - began
    size = _size(database) - empty
    database.dispose()
    return took, size


def _size(database: Database) -> int:
    """Bytes of the database's pages, whatever still lies in its log."""
    with database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())


def _tensorboard(folder: Path, num_steps: int) -> tuple[float, int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.utils.tensorboard import SummaryWriter
    values = np.random.default_rng(0).random((len(SERIES), num_steps)).astype(np.float32)
    began = time.perf_counter()
    writer = SummaryWriter(str(folder))
    for step in range(num_steps):
        for i, name in enumerate(SERIES):
            writer.add_scalar(name, float(values[i, step]), step + 1)
    writer.close()
    return time.perf_counter() - began, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
