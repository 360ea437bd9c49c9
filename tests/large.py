"""A table that is larger than memory may be: made, taken in and trained on, each by a process whose memory is watched.

`python -m tests.large FOLDER NUM_BYTES`: makes a CSV of that many bytes, takes it in and trains a model for one epoch,
each in a process of its own, and prints a line of JSON for each.
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

ROWS_AT_ONCE = 100_000
NUM_FEATURES = 5
CITIES = np.array(["Zürich", "Bern", "Basel", "Genève", "Lausanne"])


def make(folder: Path, num_bytes: int) -> dict[str, Any]:
    """Write the table: numbers, counts, words, and a label that follows from two of the numbers."""
    random = np.random.default_rng(0)
    num_rows = 0
    with (folder / "upload.bin").open("wb") as file:
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
    return {"num_rows": num_rows, "num_bytes": (folder / "upload.bin").stat().st_size}


def ingest(folder: Path) -> dict[str, Any]:
    """Check, convert and describe the table, as the worker does with a file that came in pieces."""
    from app.tabular.behind import Behind
    from app.tabular.intake import Intake
    from app.tabular.refusals import Limits
    from worker.data import reading
    from worker.data.statistics import describe_table
    from worker.heap import keep_freed

    keep_freed()
    checked, table = folder / "checked.csv", folder / "data.parquet"
    with (folder / "upload.bin").open("rb") as file, checked.open("wb") as sink, Behind() as behind:
        intake = Intake(sink, Limits(1 << 40, 1 << 20), behind=behind)
        while piece := file.read(1 << 20):
            intake.feed(piece)
        taken = intake.finish()
    with table.open("wb") as target:
        num_rows = reading.convert(checked, taken.dialect, target, lambda num_rows: None)
    checked.unlink()
    columns = describe_table(table)
    (folder / "columns.json").write_text(json.dumps([column.model_dump(mode="json") for column in columns]))
    return {"num_rows": num_rows, "types": [column.type for column in columns]}


def train(folder: Path) -> dict[str, Any]:
    """Split, fit and train for one epoch, with the rows in a file, as the worker does."""
    import torch

    from app.specs.columns import Column
    from app.specs.data import DataSpec
    from worker.data.prepare import prepare
    from worker.data.shelf import Shelf
    from worker.train.batches import Batches
    from worker.train.setup import part_of

    columns = [Column.model_validate(one) for one in json.loads((folder / "columns.json").read_text())]
    features = tuple(column.name for column in columns if column.name not in ("id", "label"))
    data = DataSpec.model_validate({"target": "label", "features": features, "scale": "standardize"})
    shelf = Shelf(folder, memory_bytes=0)
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    prepared = prepare(folder / "data.parquet", data, loss.__name__, columns, shelf=shelf)
    part = part_of(prepared.train)
    model = torch.nn.Sequential(torch.nn.LazyLinear(32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
    torch.manual_seed(0)
    optimizer = None
    value = float("nan")
    for inputs, targets in Batches(part, 4096, 0, True, torch.device("cpu")).epoch(0):
        outputs = model(inputs)
        optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=0.003)
        found = loss(outputs, targets)
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
        value = found.item()
    return {"num_rows": len(part), "loss": value}


def _peak_bytes() -> int:
    """The most that this process had in memory. ru_maxrss is none: it counts the process that started this one, too."""
    told = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", told)[1]) << 10  # type: ignore[index]


STEPS = {"ingest": ingest, "train": train}


def watched(folder: Path, step: str) -> dict[str, Any]:
    """Do a step in a process of its own; what came of it, with seconds and the most memory that it held, in bytes."""
    command = [sys.executable, "-m", "tests.large", str(folder), step]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


def main() -> None:
    """One step, or all of them."""
    folder, what = Path(sys.argv[1]), sys.argv[2]
    if what in STEPS:
        began = time.perf_counter()
        found = STEPS[what](folder)
        found |= {
            "seconds": round(time.perf_counter() - began, 2),
            "cpu_seconds": round(time.process_time(), 2),
            "peak_bytes": _peak_bytes(),
        }
        print(json.dumps(found))  # noqa: T201
        return
    folder.mkdir(parents=True, exist_ok=True)
    made = make(folder, int(float(what)))
    print("make", json.dumps(made))  # noqa: T201
    for step in STEPS:
        found = watched(folder, step)
        speed = made["num_bytes"] / found["seconds"] / 1e6
        print(step, json.dumps(found | {"megabytes_per_second": round(speed, 1)}))  # noqa: T201


if __name__ == "__main__":
    main()
