"""Rows are dealt as a run deals them, of any number and in any mix."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from app import splitting
from app.specs.splits import GroupedSplit, SharesSplit, TimeSplit
from worker.scripted import splits


class Columns:
    """A table of whole numbers, as a split reads it."""

    def __init__(self, **columns: Any) -> None:
        self.columns = columns
        self.num_rows = len(next(iter(columns.values())))

    def ids(self, name: str) -> Any:
        return splits.numbered(pa.array(self.columns[name]))

    def numbers(self, name: str) -> Any:
        return self.columns[name].astype(float)

    def holds(self, name: str, values: Any) -> Any:
        return np.isin(self.columns[name], values)


def places(split: Any, table: Columns, used: Any) -> Any:
    """Of each row that is used its place among test, validation and training, as a run has it."""
    place_of = {splitting.BITS["test"]: 0, splitting.BITS["validation"]: 1, splitting.BITS["train"]: 2}
    return np.array([place_of[bit] for bit in splitting.deal(split, table, "kind", used)[used].tolist()])


def sizes(num_rows: int) -> list[int]:
    test, validation = round(num_rows * 0.2), round(num_rows * 0.25)
    return [test, validation, num_rows - test - validation]


SHARES: dict[str, Any] = {"train": 0.55, "validation": 0.25, "test": 0.2, "seed": 4}


@pytest.fixture(params=[7, 60, 300])
def table(request: pytest.FixtureRequest) -> Columns:
    random = np.random.default_rng(request.param)
    kind = random.choice([5, 3, 9], request.param, p=[0.6, 0.3, 0.1])
    kind[:4] = [9, 9, 3, 3]
    return Columns(kind=kind, day=random.integers(0, request.param // 2, request.param))


@pytest.fixture(params=["all", "some"])
def used(request: pytest.FixtureRequest, table: Columns) -> Any:
    some = np.ones(table.num_rows, np.bool_)
    some[5 :: 3 if request.param == "some" else 10**6] = False
    return some


def test_shares(table: Columns, used: Any) -> None:
    count = int(used.sum())
    assert (splits.dealt(count, sizes(count), 4) == places(SharesSplit(**SHARES), table, used)).all()


def test_classes(table: Columns, used: Any) -> None:
    found = splits.stratified(table.ids("kind")[used], sizes(int(used.sum())), 4)
    assert (found == places(SharesSplit(**SHARES, stratify=True), table, used)).all()


@pytest.mark.parametrize("stratify", [False, True])
def test_stretches_of_a_long_table(
    table: Columns, used: Any, monkeypatch: pytest.MonkeyPatch, *, stratify: bool
) -> None:
    for module in (splitting, splits):
        monkeypatch.setattr(module, "STRETCH", 16)
    asked, count = sizes(int(used.sum())), int(used.sum())
    classes = table.ids("kind")[used] if stratify else np.zeros(count, np.int64)
    own = splits.sizes_of_classes(classes, asked) if stratify else None
    found = splits.dealt_in_stretches(used, classes, asked, 4, own)
    assert (found == places(SharesSplit(**SHARES, stratify=stratify), table, used)).all()


def test_groups(table: Columns, used: Any) -> None:
    found = splits.grouped(table.ids("day")[used], sizes(int(used.sum())), 4)
    assert (found == places(GroupedSplit(**SHARES, column="day"), table, used)).all()


def test_moments(table: Columns, used: Any) -> None:
    shares = {name: SHARES[name] for name in ("train", "validation", "test")}
    found = splits.by_time(table.numbers("day")[used], sizes(int(used.sum())), "day")
    assert (found == places(TimeSplit(**shares, column="day"), table, used)).all()
