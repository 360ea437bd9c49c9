"""A table that is larger than memory may be: made, brought in over REST, examined and trained on by a real deck.

`python -m tests.large FOLDER NUM_BYTES`: makes a CSV of that many bytes and prints a line of JSON for each thing that
is done with it, with the most memory that was held meanwhile.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.csv

from app.settings import Settings
from tests.deck import Deck, deck, wait_for

NAME = "large.csv"
ROWS_AT_ONCE = 100_000
PIECE = 8 << 20
NUM_FEATURES = 5
CITIES = np.array(["Zürich", "Bern", "Basel", "Genève", "Lausanne"])


def make(folder: Path, num_bytes: int) -> dict[str, Any]:
    """Write the table: numbers, counts, words, and a label that follows from two of the numbers."""
    random = np.random.default_rng(0)
    num_rows = 0
    with (folder / NAME).open("wb") as file:
        while file.tell() < num_bytes:
            x = random.normal(50, 20, (ROWS_AT_ONCE, NUM_FEATURES)).round(4)
            label = x[:, 0] + 0.5 * x[:, 1] + random.normal(0, 5, ROWS_AT_ONCE) > 75
            table = pa.table(
                {f"x{i}": x[:, i] for i in range(NUM_FEATURES)}
                | {
                    "id": np.arange(num_rows, num_rows + ROWS_AT_ONCE),
                    "city": CITIES[random.integers(0, len(CITIES), ROWS_AT_ONCE)],
                    "count": random.integers(0, 1000, ROWS_AT_ONCE),
                    "label": label.astype(np.int64),
                }
            )
            options = pyarrow.csv.WriteOptions(include_header=num_rows == 0, quoting_style="none")
            pyarrow.csv.write_csv(table, file, options)
            num_rows += ROWS_AT_ONCE
    return {"num_rows": num_rows, "num_bytes": (folder / NAME).stat().st_size}


class Watch:
    """The most memory that a deck's processes held at one moment since it was asked last, in bytes.

    Of a job all that its process holds, with the libraries that were loaded before it was forked, and what of that is
    its own. Of the worker as a whole proportional set sizes, where a page that processes share counts once.
    """

    def __init__(self, running: Deck) -> None:
        self._running, self._ended = running, threading.Event()
        self._most: dict[str, int] = {}
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def peaks(self) -> dict[str, int]:
        found, self._most = self._most, {}
        return {f"{name}_bytes": most for name, most in found.items()}

    def _look(self) -> None:
        while not self._ended.wait(0.05):
            with suppress(psutil.Error):
                self._note("server", [self._running.processes["server"].pid], "pss")
                jobs = [one.pid for one in self._running.job_processes()]
                self._note("job", jobs, "rss")
                self._note("own", jobs, "uss")
                worker = psutil.Process(self._running.processes["worker 1"].pid)
                self._note("worker", [worker.pid, *(one.pid for one in worker.children(recursive=True))], "pss")

    def _note(self, name: str, pids: list[int], kind: str) -> None:
        held = sum(getattr(psutil.Process(pid).memory_full_info(), kind) for pid in pids)
        self._most[name] = max(held, self._most.get(name, 0))


@contextmanager
def watched(folder: Path) -> Iterator[tuple[Deck, Watch]]:
    """A deck whose processes are watched. Whatever a table takes, its rows are read from a file in training."""
    settings = Settings(
        data_dir=folder / "data", token="large", slots=1, max_upload_bytes=1 << 40, data_in_memory_bytes=0
    )
    settings.data_dir.mkdir()
    with deck(settings) as running:
        watch = Watch(running)
        try:
            yield running, watch
        finally:
            watch.end()


def bring_in(running: Deck, path: Path, timeout_s: float) -> dict[str, Any]:
    """Send a table in pieces, which then is there no more, and wait until it is read. Seconds are of the reading."""
    num_bytes = path.stat().st_size
    upload = running.post("/uploads", {"filename": path.name, "size_bytes": num_bytes})["id"]
    began = time.perf_counter()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            offset = file.tell() - len(piece)
            assert running.http.put(f"/uploads/{upload}?offset={offset}", content=piece).is_success
    path.unlink()
    sent = time.perf_counter()
    dataset = running.post("/datasets", {"name": "large", "source": {"type": "upload", "upload": upload}})["id"]

    def ready() -> dict[str, Any] | None:
        found = running.get(f"/datasets/{dataset}")
        assert found["status"] != "failed", found
        return found if found["status"] == "ready" else None

    found = wait_for(ready, timeout_s)
    seconds = time.perf_counter() - sent
    return {
        "dataset": dataset,
        "num_rows": found["num_rows"],
        "types": [column["type"] for column in found["columns"]],
        "sent_in_s": round(sent - began, 1),
        "seconds": round(seconds, 1),
        "megabytes_per_second": round(num_bytes / seconds / 1e6, 1),
    }


DATA = {
    "target": "label",
    "features": [*(f"x{i}" for i in range(NUM_FEATURES)), "city", "count"],
    "scale": "standardize",
    "split": {"type": "shares", "train": 0.7, "validation": 0.15, "test": 0.15, "stratify": True},
}
LOSS = "binary_cross_entropy_with_logits"


def examine(running: Deck, dataset: str) -> dict[str, Any]:
    """What the doctor says of a run on the table."""
    began = time.perf_counter()
    answer = running.http.post(f"/datasets/{dataset}/doctor", json={"data": DATA, "loss": LOSS}, timeout=600)
    assert answer.is_success, answer.text
    return {
        "findings": [finding["title"] for finding in answer.json()["findings"]],
        "seconds": round(time.perf_counter() - began, 1),
    }


def train(running: Deck, dataset: str, timeout_s: float) -> dict[str, Any]:
    """Train for an epoch, with the validation after it and the evaluation of every part; predict a row."""
    layers = [{"type": "linear", "out_features": 32}, {"type": "relu"}, {"type": "linear", "out_features": 1}]
    training = {
        "loss": {"type": LOSS},
        "optimizer": {"type": "adam", "lr": 0.003},
        "num_epochs": 1,
        "batch_size": 4096,
        "metrics": [{"type": "accuracy"}],
    }
    began = time.perf_counter()
    body = {"name": "large", "model": {"layers": layers}, "dataset": dataset, "data": DATA, "training": training}
    run = running.wait_until_ended(running.post("/runs", body)["id"], timeout_s)
    assert run["status"] == "succeeded", run["error"]
    seconds = round(time.perf_counter() - began, 1)
    running.wait_until_exported(run["id"])
    row = {f"x{i}": 50 for i in range(NUM_FEATURES)} | {"city": "Bern", "count": 7}
    predicted = running.post(f"/runs/{run['id']}/predict", {"rows": [row | {"x0": 90}, row | {"x0": 10}]})
    found = running.get(f"/runs/{run['id']}/evaluation")
    return {
        "seconds": seconds,
        "lines": [line["text"] for line in running.get(f"/runs/{run['id']}/logs")["lines"][:3]],
        "parts": {
            part: {name: figures[name] for name in ("loss", "accuracy", "roc_auc")}
            for part, figures in found["parts"].items()
        },
        "baseline": found["baseline"],
        "predictions": predicted["predictions"],
    }


def steps(folder: Path, num_bytes: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """All of it, thing by thing."""
    made = make(folder, num_bytes)
    yield "make", made
    timeout_s = 120 + num_bytes / 5e6
    with watched(folder) as (running, watch):
        brought = bring_in(running, folder / NAME, timeout_s)
        yield "bring in", brought | watch.peaks()
        yield "examine", examine(running, brought["dataset"]) | watch.peaks()
        yield "train", train(running, brought["dataset"], timeout_s) | watch.peaks()


def main() -> None:
    folder, num_bytes = Path(sys.argv[1]), int(float(sys.argv[2]))
    folder.mkdir(parents=True, exist_ok=True)
    for step, found in steps(folder, num_bytes):
        print(step, json.dumps(found), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
