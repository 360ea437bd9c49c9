"""Drawing a run of ten million points: what the server reads and answers, at every zoom."""

import json
import tempfile
import time
from pathlib import Path

import numpy as np

from app import curves, events, queue
from app.columns import Points
from app.db import Database
from app.db.migrate import migrate
from app.queue import JobKind
from bench.table import show, spread

NUM_STEPS, BATCH = 10_000_000, 50_000
SPIKE_AT, NAN_AT = 6_543_210, 1_234_567
ROUNDS = 5


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'bench.sqlite3'}")
        migrate(database)
        job_id = _record(database)
        rows = [_read(database, job_id, span) for span in (NUM_STEPS, 1_000_000, 100_000, 10_000, 1000)]
        database.dispose()
    show(
        f"A series of {NUM_STEPS:,} points with one spike and one NaN, around the spike",
        ["steps shown", "read and answered", "drawn", "spike", "NaN", "bytes", "budget"],
        rows,
    )


def _record(database: Database) -> str:
    values = np.random.default_rng(0).random(NUM_STEPS).astype(np.float32)
    values[SPIKE_AT - 1], values[NAN_AT - 1] = 1000.0, np.nan
    with database.write() as session:
        job_id = queue.enqueue(session, JobKind.TRAIN, {})
    for i, start in enumerate(range(0, NUM_STEPS, BATCH)):
        points = Points.of("train/loss", np.arange(start + 1, start + BATCH + 1), values[start : start + BATCH])
        with database.write() as session:
            events.insert(session, job_id, i + 2, 0.0, [events.New("metrics", points=[points])])
    return job_id


def _read(database: Database, job_id: str, span: int) -> list[str]:
    start = 1 if span == NUM_STEPS else SPIKE_AT - span // 2
    times, text, found = [], "", None
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with database.read() as session:
            found = curves.read_series(
                session, job_id, "train/loss", from_step=start, to_step=start + span - 1, max_points=1000
            )
        assert found
        text = json.dumps(found.as_json())
        times.append(time.perf_counter() - began)
    assert found
    spike = "shown" if found.buckets.max.max() == 1000 else "LOST"
    holds_nan = start <= NAN_AT < start + span
    nan = ("shown" if found.buckets.num_nan.sum() == 1 else "LOST") if holds_nan else "outside"
    return [f"{span:,}", spread(times), str(len(found.buckets)), spike, nan, f"{len(text):,}", "150 ms"]


if __name__ == "__main__":
    main()
