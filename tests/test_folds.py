"""Folds are those of scikit-learn: row by row without shuffling, and with it in all that chance leaves open."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit

from app import splitting
from app.specs.checks.sizes import part_sizes
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.splits import KFoldSplit
from tests.test_splitting import Table, dealt

Folds = list[tuple[list[int], list[int]]]
CLASSES = np.random.default_rng(0).permutation(np.repeat([2, 0, 1], [37, 20, 9]))
NUM_ROWS = len(CLASSES)
GROUPS = np.random.default_rng(1).integers(0, 17, NUM_ROWS)


@pytest.fixture(scope="module", params=[splitting.STRETCH, 7], autouse=True)
def stretch(request: pytest.FixtureRequest) -> Iterator[None]:
    """A table that is dealt as a whole, and one that is long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splitting, "STRETCH", request.param)
        yield


def folds(table: Table, used: Any = None, **said: Any) -> Folds:
    num_folds = said["num_folds"]
    found = [dealt(KFoldSplit(fold=fold, **said), table, used) for fold in range(num_folds)]
    return [(one["train"].tolist(), one["validation"].tolist()) for one in found]


def theirs(splitter: Any, *of: Any) -> Folds:
    return [(train.tolist(), test.tolist()) for train, test in splitter.split(*of)]


@given(st.integers(2, 9), st.integers(0, 60))
def test_folds_in_order_are_those_of_k_fold(num_folds: int, more: int) -> None:
    num_rows = num_folds + more
    mine = folds(Table(num_rows), num_folds=num_folds, shuffle=False)
    assert mine == theirs(KFold(num_folds), np.empty(num_rows))


def test_folds_at_random_have_the_sizes_of_k_fold_and_are_the_same_for_a_seed() -> None:
    first, again, other = (folds(Table(23), num_folds=4, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    expected = theirs(KFold(4, shuffle=True, random_state=1), np.empty(23))
    assert [len(one) for _, one in first] == [len(one) for _, one in expected]


@pytest.mark.parametrize("num_folds", [2, 5, 9])
def test_stratified_folds_in_order_are_those_of_stratified_k_fold(num_folds: int) -> None:
    mine = folds(Table(NUM_ROWS, target=CLASSES), num_folds=num_folds, stratify=True, shuffle=False)
    assert mine == theirs(StratifiedKFold(num_folds), np.empty(NUM_ROWS), CLASSES)


@pytest.mark.parametrize("num_folds", [2, 5, 9])
def test_stratified_folds_at_random_have_the_classes_of_stratified_k_fold(num_folds: int) -> None:
    """Within one row, for what rounding leaves over may go to another fold."""
    mine = folds(Table(NUM_ROWS, target=CLASSES), num_folds=num_folds, stratify=True)
    expected = theirs(StratifiedKFold(num_folds, shuffle=True, random_state=0), np.empty(NUM_ROWS), CLASSES)
    counts, wanted = ([np.bincount(CLASSES[one], minlength=3) for _, one in some] for some in (mine, expected))
    assert np.abs(np.array(counts) - np.array(wanted)).max() <= 1


@given(st.integers(2, 6), st.lists(st.integers(0, 14), min_size=30, max_size=80))
def test_folds_of_groups_are_those_of_group_k_fold(num_folds: int, groups: list[int]) -> None:
    if len(set(groups)) < num_folds:
        return
    mine = folds(Table(len(groups), patient=groups), num_folds=num_folds, group="patient", shuffle=False)
    assert mine == theirs(GroupKFold(num_folds), np.empty(len(groups)), None, groups)


def test_groups_of_different_sizes_go_where_group_k_fold_puts_them_whatever_the_seed() -> None:
    groups = np.repeat(np.arange(9), np.arange(1, 10))
    expected = theirs(GroupKFold(4), np.empty(45), None, groups)
    for seed in range(3):
        assert folds(Table(45, patient=groups), num_folds=4, group="patient", seed=seed) == expected


@pytest.mark.parametrize("num_folds", [2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_stratified_folds_of_groups_are_those_of_stratified_group_k_fold(num_folds: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    groups, classes = random.integers(0, 25, 200), random.choice(3, 200, p=[0.6, 0.3, 0.1])
    table = Table(200, target=classes, patient=groups)
    mine = folds(table, num_folds=num_folds, group="patient", stratify=True, shuffle=False)
    assert mine == theirs(StratifiedGroupKFold(num_folds), np.empty(200), classes, groups)


@given(st.integers(2, 9), st.integers(1, 60), st.randoms(use_true_random=False))
def test_folds_by_time_are_those_of_time_series_split(num_folds: int, more: int, random: Any) -> None:
    """Of rows that stand in any order: scikit-learn takes them as they stand."""
    moments = list(range(num_folds + more))
    random.shuffle(moments)
    order = np.argsort(moments)
    mine = folds(Table(len(moments), day=moments), num_folds=num_folds, time="day")
    expected = theirs(TimeSeriesSplit(num_folds), np.empty(len(moments)))
    assert mine == [(sorted(order[train]), sorted(order[test])) for train, test in expected]


def test_rows_of_one_moment_are_in_one_fold_and_what_comes_later_is_not_trained_on() -> None:
    days = np.random.default_rng(0).integers(0, 30, 300)
    for train, validation in folds(Table(300, day=days), num_folds=5, time="day"):
        assert days[train].max() < days[validation].min()


@pytest.mark.parametrize(
    "said",
    [
        {"shuffle": False},
        {"group": "patient"},
        {"group": "patient", "stratify": True},
        {"group": "patient", "stratify": True, "shuffle": False},
    ],
    ids=str,
)
def test_the_test_is_the_same_for_every_fold_and_each_row_validates_once(said: dict[str, Any]) -> None:
    table = Table(NUM_ROWS, target=CLASSES, patient=GROUPS)
    parts = [dealt(KFoldSplit(num_folds=3, fold=fold, test=0.25, **said), table) for fold in range(3)]
    tests = {tuple(one["test"].tolist()) for one in parts}
    assert len(tests) == 1
    rows = [*next(iter(tests)), *(row for one in parts for row in one["validation"].tolist())]
    assert sorted(rows) == list(range(NUM_ROWS))
    assert abs(len(parts[0]["test"]) / NUM_ROWS - 0.25) < 0.1
    if "group" in said:
        held = [set(GROUPS[one["validation"]]) for one in parts] + [set(GROUPS[parts[0]["test"]])]
        assert sum(map(len, held)) == len(set(GROUPS))


def test_of_folds_by_time_the_latest_rows_are_the_test_of_all() -> None:
    days = np.random.default_rng(3).permutation(50)
    for fold in range(4):
        split = KFoldSplit(num_folds=4, fold=fold, test=0.2, time="day")
        found = dealt(split, Table(50, day=days))
        assert sorted(days[found["test"]]) == list(range(40, 50))
        assert sorted(days[found["train"]]) == list(range(8 * (fold + 1)))
        column = Column(name="day", type="integer", num_distinct=50)
        promised = part_sizes(DataSpec(target="target", split=split), {"day": column}, 50)
        assert {part: len(rows) for part, rows in found.items()} == promised


@pytest.mark.parametrize("said", [{}, {"stratify": True}, {"group": "patient", "stratify": True}, {"group": "patient"}])
def test_rows_that_are_not_used_take_nobodys_place(said: dict[str, Any]) -> None:
    used = np.random.default_rng(2).random(NUM_ROWS) < 0.7
    rows = np.flatnonzero(used)
    mine = folds(Table(NUM_ROWS, target=CLASSES, patient=GROUPS), used, num_folds=3, shuffle=False, **said)
    alone = folds(Table(len(rows), target=CLASSES[rows], patient=GROUPS[rows]), num_folds=3, shuffle=False, **said)
    assert mine == [(rows[train].tolist(), rows[test].tolist()) for train, test in alone]


def test_a_split_that_says_none_of_it_is_written_as_before() -> None:
    assert set(KFoldSplit().model_dump()) == {"type", "num_folds", "fold", "test", "seed", "stratify"}
