"""Two runs at once on the cores of this machine, beside the same two one after the other."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from app import gallery
from app.settings import Settings
from bench.table import ratios, show, spread
from tests.deck import Deck, deck

Spans = list[tuple[float, float]]  # from when to when each run trained

ROUNDS = 5
# Each for so many epochs that it trains for a second or more.
PROGRAMS = {"celsius": 5000, "heart-builtin": 200, "digits-builtin": 60, "sequences": 5}


def main() -> None:
    with ExitStack() as stack:
        train = {slots: _of(stack, slots) for slots in (1, 2)}
        rows = [_measure(name, train) for name in PROGRAMS]
    show(
        f"Two runs: the sum of their times, and from start to end at once; median of {ROUNDS} rounds (least to most)",
        ["program, twice", "one after the other", "at once", "at once, of that"],
        rows,
    )


def _of(stack: ExitStack, slots: int) -> Callable[[dict[str, Any]], Spans]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    one = stack.enter_context(deck(Settings(data_dir=folder, token="for-the-benchmark-only", slots=slots)))
    return lambda body: _train_two(one, body)


def _measure(name: str, train: dict[int, Callable[[dict[str, Any]], Spans]]) -> list[str]:
    body = gallery.definition(name)
    body["training"] |= {"num_epochs": PROGRAMS[name]}
    times = [(train[1](body), train[2](body)) for _ in range(ROUNDS + 1)][1:]
    # What comes between two that are in turn, the export of the first, is not counted.
    in_turn = [sum(ended - began for began, ended in spans) for spans, _ in times]
    at_once = [max(ended for _, ended in spans) - min(began for began, _ in spans) for _, spans in times]
    return [name, spread(in_turn, "s"), spread(at_once, "s"), ratios(in_turn, at_once)]


def _train_two(one: Deck, body: dict[str, Any]) -> Spans:
    """When each began and ended, in seconds of the database's clock. Meanwhile nothing else is to be done."""
    ids = [one.post("/runs", body)["id"] for _ in range(2)]
    for run_id in ids:
        one.wait_until_exported(run_id)
    return [_span(one, run_id) for run_id in ids]


def _span(one: Deck, run_id: str) -> tuple[float, float]:
    events = one.get(f"/runs/{run_id}/events", params={"limit": 5000})["events"]
    moments = {event["body"]["status"]: event["time"] for event in events if event["kind"] == "status"}
    return moments["running"], moments["succeeded"]


if __name__ == "__main__":
    main()
