"""Rows are dealt out whole, in the promised numbers, and the same way each time."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app import splitting
from app.errors import JobFailure
from app.specs.checks.sizes import part_sizes
from app.specs.data import DataSpec
from app.specs.splits import AnySplit, ColumnSplit, GroupedSplit, KFoldSplit, SharesSplit, TimeSplit
from app.splitting import BITS, Rows, deal, evenly, rows_of


@pytest.fixture(scope="module", params=[splitting.STRETCH, 7], autouse=True)
def stretch(request: pytest.FixtureRequest) -> Iterator[int]:
    """All that is promised of tables that are dealt as a whole is promised of long ones, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splitting, "STRETCH", request.param)
        yield request.param


class Table:
    """Columns in memory. One that nobody should ask for is not there."""

    def __init__(self, num_rows: int, **columns: Any) -> None:
        self.num_rows = num_rows
        self._columns = {name: np.asarray(values) for name, values in columns.items()}

    def ids(self, name: str) -> NDArray[Any]:
        return np.unique(self._columns[name], return_inverse=True)[1]

    def numbers(self, name: str) -> NDArray[np.float64]:
        return self._columns[name].astype(np.float64)

    def holds(self, name: str, values: Sequence[Any]) -> NDArray[np.bool_]:
        return np.isin(self._columns[name], np.array(values))


def dealt(split: AnySplit, table: Table, used: Any = None) -> dict[str, Rows]:
    parts = deal(split, table, "target", used)
    return {part: rows_of(parts, part) for part in BITS}


def is_whole(parts: dict[str, Rows], num_rows: int) -> bool:
    return sorted(np.concatenate(list(parts.values())).tolist()) == list(range(num_rows))


shares = st.tuples(st.integers(1, 100), st.integers(0, 100), st.integers(0, 100)).map(
    lambda parts: dict(zip(("train", "validation", "test"), (part / sum(parts) for part in parts), strict=True))
)
seeds = st.integers(0, 2**32 - 1)


@given(st.integers(1, 200), shares, st.booleans(), seeds)
def test_every_row_is_in_one_part_and_the_parts_have_the_promised_sizes(
    num_rows: int, parts: dict[str, float], shuffle: bool, seed: int
) -> None:
    split = SharesSplit(**parts, shuffle=shuffle, seed=seed)
    promised = part_sizes(DataSpec(target="target", split=split), {}, num_rows)
    assert promised is not None
    if promised["train"] < 0:
        return
    found = dealt(split, Table(num_rows))
    assert is_whole(found, num_rows)
    assert {part: len(rows) for part, rows in found.items()} == promised


@given(st.data(), st.integers(2, 12), st.integers(0, 5), seeds)
def test_the_folds_are_of_one_size_and_each_row_validates_once(
    data: st.DataObject, num_folds: int, more: int, seed: int
) -> None:
    num_rows = num_folds * data.draw(st.integers(1, 9)) + more
    test = data.draw(st.sampled_from([0.0, 0.2]))
    if num_rows - round(num_rows * test) < num_folds:
        return
    validated, tests = [], set()
    for fold in range(num_folds):
        split = KFoldSplit(num_folds=num_folds, fold=fold, test=test, seed=seed)
        found = dealt(split, Table(num_rows))
        assert is_whole(found, num_rows)
        sizes = part_sizes(DataSpec(target="target", split=split), {}, num_rows)
        assert {part: len(rows) for part, rows in found.items()} == sizes
        validated += found["validation"].tolist()
        tests.add(tuple(found["test"].tolist()))
    assert len(tests) == 1
    assert sorted([*validated, *tests.pop()]) == list(range(num_rows))


def test_the_seed_alone_decides_who_goes_where() -> None:
    first, again, other = (dealt(SharesSplit(seed=seed), Table(100))["test"].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_without_shuffling_the_end_of_the_table_is_kept_for_the_end() -> None:
    found = dealt(SharesSplit(shuffle=False), Table(100))
    assert [(part[0], part[-1]) for part in found.values()] == [(0, 69), (70, 84), (85, 99)]


def test_a_stratified_part_has_the_mix_of_the_whole() -> None:
    codes = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [200, 120, 80]))
    found = dealt(SharesSplit(stratify=True), Table(400, target=codes))
    for rows in found.values():
        assert np.bincount(codes[rows]).tolist() == [len(rows) * n // 400 for n in (200, 120, 80)]
    assert is_whole(found, 400)
    folds = dealt(KFoldSplit(num_folds=4, stratify=True), Table(400, target=codes))
    assert np.bincount(codes[folds["validation"]]).tolist() == [50, 30, 20]


@given(st.lists(st.integers(2, 60), min_size=2, max_size=8), shares, seeds)
def test_each_class_is_within_a_row_of_its_share_and_the_sizes_hold(
    counts: list[int], parts: dict[str, float], seed: int
) -> None:
    codes = np.repeat(np.arange(len(counts)), counts)
    split = SharesSplit(**parts, stratify=True, seed=seed)
    promised = part_sizes(DataSpec(target="target", split=split), {}, len(codes))
    assert promised is not None
    if promised["train"] < 0:
        return
    found = dealt(split, Table(len(codes), target=codes))
    assert is_whole(found, len(codes))
    for part, rows in found.items():
        assert abs(len(rows) - promised[part]) <= 1
        wanted = np.array(counts) * promised[part] / len(codes)
        assert (np.abs(np.bincount(codes[rows], minlength=len(counts)) - wanted) <= 2).all()


def test_a_class_of_one_row_cannot_be_kept_in_every_part() -> None:
    with pytest.raises(JobFailure, match="mix of classes"):
        dealt(SharesSplit(stratify=True), Table(20, target=[1] + [0] * 19))


def test_groups_stay_together_and_the_parts_come_near_their_shares() -> None:
    random = np.random.default_rng(0)
    patients = random.integers(0, 150, 2000)
    found = dealt(GroupedSplit(column="patient"), Table(2000, patient=patients))
    assert is_whole(found, 2000)
    held = [set(patients[rows]) for rows in found.values()]
    assert not held[0] & held[1] and not held[0] & held[2] and not held[1] & held[2]
    for part, share in (("train", 0.7), ("validation", 0.15), ("test", 0.15)):
        assert abs(len(found[part]) / 2000 - share) < 0.02
    other = dealt(GroupedSplit(column="patient", seed=1), Table(2000, patient=patients))
    assert other["test"].tolist() != found["test"].tolist()


def test_the_latest_rows_are_kept_for_the_test_whatever_their_order_in_the_table() -> None:
    days = np.random.default_rng(0).permutation(100)
    found = dealt(TimeSplit(column="day"), Table(100, day=days))
    assert is_whole(found, 100)
    assert days[found["train"]].max() < days[found["validation"]].min()
    assert days[found["validation"]].max() < days[found["test"]].min()
    assert [len(rows) for rows in found.values()] == [70, 15, 15]


def test_rows_that_are_chosen_evenly_do_not_keep_step_with_the_table() -> None:
    rows = evenly(100_000, 1000)
    assert len(rows) == 1000 and (np.diff(rows) > 0).all() and (rows // 100 == np.arange(1000)).all()
    assert (evenly(100_000, 1000) == rows).all()
    for period in (2, 10):
        counts = np.bincount(rows % period, minlength=period)
        assert counts.min() > 0.6 * 1000 / period
    assert evenly(7, 7).tolist() == list(range(7))


@given(
    counts=st.lists(st.integers(1, 30), min_size=3, max_size=40),
    seed=st.integers(0, 99),
    validation=st.sampled_from([0.0, 0.1, 0.25]),
    test=st.sampled_from([0.0, 0.15, 0.3]),
)
def test_a_moment_lies_in_one_part(counts: list[int], seed: int, validation: float, test: float) -> None:
    days = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    split = TimeSplit(column="day", train=1 - validation - test, validation=validation, test=test)
    found = dealt(split, Table(len(days), day=days))
    assert is_whole(found, len(days))
    seen = [set(days[rows].tolist()) for rows in found.values()]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]
    latest = [max(days, default=-1) for days in seen]
    for before, after in ((0, 1), (1, 2), (0, 2)):
        assert not seen[after] or latest[before] < min(seen[after])
    asked = (True, round(validation * len(days)) > 0, round(test * len(days)) > 0)
    assert [bool(days) for days in seen] == list(asked)
    off = abs(len(found["test"]) - round(test * len(days)))
    assert off <= max(counts) + 1 or len(counts) < 6, "a border is moved by a moment at most"


def test_fewer_moments_than_parts_are_told() -> None:
    with pytest.raises(JobFailure, match="2 different values, and 3 parts"):
        dealt(TimeSplit(column="day"), Table(50, day=np.arange(50) % 2))


def test_a_column_says_who_goes_where() -> None:
    table = Table(4, part=["a", "b", "c", "a"])
    found = dealt(ColumnSplit(column="part", train=("a",), validation=("b", "c"), test=("b", "c")), table)
    assert {part: rows.tolist() for part, rows in found.items()} == {
        "train": [0, 3],
        "validation": [1, 2],
        "test": [1, 2],
    }


@pytest.mark.parametrize(
    "split", [SharesSplit(), SharesSplit(stratify=True), TimeSplit(column="day"), GroupedSplit(column="day")]
)
def test_rows_that_are_not_used_are_in_no_part(split: AnySplit) -> None:
    used = np.arange(60) % 3 > 0
    table = Table(60, day=np.arange(60) // 2, target=np.arange(60) % 2)
    found = dealt(split, table, used)
    assert sorted(np.concatenate(list(found.values())).tolist()) == np.flatnonzero(used).tolist()
    by_column = ColumnSplit(column="day", train=(0, 1), test=(2,))
    assert dealt(by_column, table, used)["train"].tolist() == [1, 2]


@pytest.mark.parametrize("stratify", [False, True])
def test_each_row_is_as_likely_to_be_tested_as_any_other_and_so_is_each_pair(stratify: bool) -> None:
    num_rows, num_seeds = 20, 4000
    table = Table(num_rows, target=[0] * num_rows)
    tests = np.zeros((num_seeds, num_rows))
    for seed in range(num_seeds):
        split = SharesSplit(train=0.5, validation=0.2, test=0.3, seed=seed, stratify=stratify)
        tests[seed, dealt(split, table)["test"]] = 1
    # Five deviations of a binomial; a pair is tested with 6/20 * 5/19, wherever its rows stand.
    together = tests.T @ tests / num_seeds
    assert np.abs(tests.mean(axis=0) - 0.3).max() < 5 * (0.3 * 0.7 / num_seeds) ** 0.5
    apart = ~np.eye(num_rows, dtype=bool)
    assert np.abs(together[apart] - 6 / 20 * 5 / 19).max() < 5 * (0.079 * 0.921 / num_seeds) ** 0.5
