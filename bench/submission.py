"""From POST /runs to the first training step, with a warm worker on SQLite: what a click feels like."""

import json
import tempfile
import time
from pathlib import Path

from app.settings import Settings
from bench.table import show, spread
from tests.deck import Deck, deck

ROUNDS = 15


def main() -> None:
    program = json.loads((Path(__file__).parents[1] / "examples" / "celsius.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), token="for-the-benchmark-only")
        with deck(settings) as one:
            one.wait_until_exported(one.post("/runs", program)["id"])  # the dataset, and a first of everything
            times = [_submit(one, program) for _ in range(ROUNDS)]
    to_claim, to_step, to_end = zip(*times, strict=True)
    show(
        "Celsius to Fahrenheit, submitted over REST; times on the database's clock",
        ["from submission to", "figure", "budget"],
        [
            ["claimed by the worker", spread(to_claim), ""],
            ["first step recorded, durable", spread(to_step), "150 ms median"],
            ["succeeded, with its evaluation", spread(to_end), ""],
        ],
    )


def _submit(one: Deck, program: dict[str, object]) -> tuple[float, float, float]:
    run_id = one.post("/runs", program)["id"]
    one.wait_until_exported(run_id)
    events = one.get(f"/runs/{run_id}/events", params={"limit": 5000})["events"]
    queued = events[0]["time"]
    claimed = next(e["time"] for e in events if e["kind"] == "status" and e["body"]["status"] == "running")
    stepped = next(e["time"] for e in events if e["kind"] == "metrics")
    ended = next(e["time"] for e in events if e["kind"] == "status" and e["body"]["status"] == "succeeded")
    time.sleep(0.2)
    return claimed - queued, stepped - queued, ended - queued


if __name__ == "__main__":
    main()
