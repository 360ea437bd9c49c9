"""A hundred thousand runs: how long the server takes to list, filter, sort and page them."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

from app.db import Database
from app.db.migrate import migrate
from app.db.tables import Dataset, Job, Run, RunSetting, RunTag, Series
from app.ids import first_id_at
from app.runs import listing
from bench.table import show, spread

NUM_RUNS, PIECE = 100_000, 10_000
ROUNDS = 5
QUERIES: list[tuple[str, dict[str, Any]]] = [
    ("newest first", {}),
    ("page at 50,000", {"offset": 50_000}),
    ("status:running", {"filter": "status:running"}),
    ("status:failed -tag:tag7", {"filter": "status:failed -tag:tag7"}),
    ("optimizer.lr>=0.01 (half of them)", {"filter": "optimizer.lr>=0.01"}),
    ("optimizer.type:adam loss<0.2 (a tenth)", {"filter": "optimizer.type:adam loss<0.2"}),
    ("loss<0.001 (a hundred)", {"filter": "loss<0.001"}),
    ("sorted by loss", {"sort": "loss"}),
    ("sorted by -optimizer.lr", {"sort": "-optimizer.lr"}),
    ("status:failed sorted by -loss", {"filter": "status:failed", "sort": "-loss"}),
    ("sorted by name", {"sort": "name"}),
    ("sorted by -duration", {"sort": "-duration"}),
    ("words in a name", {"filter": "run 99 mnist"}),
    ("project:p3 tag:tag5", {"filter": "project:p3 tag:tag5"}),
]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'bench.sqlite3'}")
        migrate(database)
        fill(database, NUM_RUNS)
        rows = [_measure(database, name, asked) for name, asked in QUERIES]
        database.dispose()
    show(
        f"{NUM_RUNS:,} runs in SQLite: a page of 50, with the number that match",
        ["asked", "a page", "budget", "with the count of all", "match"],
        rows,
    )


def fill(database: Database, num_runs: int) -> None:
    """Runs as if they had been trained: settings, tags, results, each in its place. Ids grow with time."""
    chance = np.random.default_rng(0)
    with database.write() as session:
        session.add(Dataset(id="d" * 26, name="mnist", status="ready", source={}, created_at=0.0))
    for start in range(0, num_runs, PIECE):
        with database.write() as session:
            _fill_piece(session, chance, range(start, min(num_runs, start + PIECE)))
    if database.is_sqlite:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")


def _fill_piece(session: Session, chance: np.random.Generator, numbers: range) -> None:
    count = len(numbers)
    ids = [first_id_at(1_700_000_000 + i) for i in numbers]
    jobs = [first_id_at(1_500_000_000 + i) for i in numbers]
    statuses = chance.choice(["succeeded", "failed", "cancelled", "running"], count, p=[0.9, 0.07, 0.0299, 0.0001])
    rates, losses = 10 ** chance.uniform(-4, -0.3, count), chance.random(count)
    kinds = chance.choice(["adam", "sgd", "adamw"], count)
    tables: dict[Any, list[dict[str, Any]]] = {Job: [], Run: [], RunSetting: [], RunTag: [], Series: []}
    for k, i in enumerate(numbers):
        at = 1_700_000_000.0 + i
        ended = None if statuses[k] == "running" else at + 60 * float(losses[k])
        tables[Job].append(
            {
                "id": jobs[k], "kind": "train", "status": str(statuses[k]), "payload": {}, "created_at": at,
                "started_at": at, "finished_at": ended, "position": at,
            }
        )  # fmt: skip
        tables[Run].append(
            {
                "id": ids[k], "name": f"mnist run {i}", "job_id": jobs[k], "dataset_id": "d" * 26,
                "spec": {"model": {"name": "m", "layers": []}}, "inspection": {}, "num_parameters": 1,
                "tags": [f"tag{i % 10}"], "created_at": at, "project": f"p{i % 7}",
            }
        )  # fmt: skip
        settings = {"optimizer.lr": float(rates[k]), "batch_size": 32.0, "num_epochs": 10.0, "seed": float(i)}
        words = {"optimizer.type": str(kinds[k]), "loss.type": "cross_entropy", "data.target": "digit"}
        both = [(key, value, None) for key, value in settings.items()] + [
            (key, None, text) for key, text in words.items()
        ]
        tables[RunSetting] += [{"run_id": ids[k], "key": key, "number": n, "text": text} for key, n, text in both]
        tables[RunTag].append({"run_id": ids[k], "tag": f"tag{i % 10}"})
        for name, value in (("train/loss", losses[k] * 0.9), ("validation/loss", losses[k])):
            tables[Series].append(
                {
                    "job_id": jobs[k], "name": name, "num_points": 10, "last_step": 10, "last": float(value),
                    "min": float(value), "max": 1.0, "num_nan": 0, "num_pos_inf": 0, "num_neg_inf": 0,
                }
            )  # fmt: skip
    for row, rows in tables.items():
        table: Table = row.__table__
        session.execute(insert(table), [{**_defaults(row), **one} for one in rows])


def _defaults(row: Any) -> dict[str, Any]:
    """What the tables fill in by themselves, which a bulk insert does not."""
    if row is Job:
        return {"priority": 0, "attempt": 1, "num_crashes": 0, "last_seq": 1}
    if row is Run:
        return {"notes": "", "is_favorite": False, "origin": "worker"}
    return {}


def _measure(database: Database, name: str, asked: dict[str, Any]) -> list[str]:
    times: dict[bool, list[float]] = {False: [], True: []}
    matching = 0
    for i in range(2 * ROUNDS):
        count = bool(i % 2)
        began = time.perf_counter()
        with database.read() as session:
            page = listing.find(session, **asked, count=count)
            page.model_dump_json()
        times[count].append(time.perf_counter() - began)
        matching = page.num_matching or 0
    return [name, spread(times[False]), "50 ms", spread(times[True]), f"{matching:,}"]


if __name__ == "__main__":
    main()
