"""Columns against a target: the right measure for each pair, what is left out, what is looked at of a large table."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from app.errors import Unprocessable
from app.exploring import pairs, relations, table
from app.exploring.asking import read_column
from app.exploring.pairs import picture_of
from app.exploring.relations import relate
from app.exploring.schemas import Boxes, PairOut, RelationsOut, Scatter, Shares
from app.exploring.sides import ReadAs
from app.splitting import evenly
from tests.exploring.conftest import Stored

Store = Callable[..., Stored]
RANDOM = np.random.default_rng(0)
N = 600
KIND = RANDOM.integers(0, 3, N)
X = RANDOM.normal(size=N) + KIND


def columns() -> dict[str, Any]:
    gaps = [None if i % 10 == 0 else float(value) for i, value in enumerate(X)]
    gaps[1] = float("inf")
    return {
        "x": X,
        "gaps": gaps,
        "cube": X**3,
        "kind": np.array(["ant", "bee", "cat"])[KIND],
        "same": [1] * N,
        "note": [f"note {i}" for i in range(N)],
        "day": np.datetime64("2024-01-01") + np.arange(N).astype("timedelta64[D]").astype("timedelta64[us]"),
        "is": KIND == 0,
        "class": KIND,
    }


def related(stored: Stored, target: str, read_as: ReadAs | None = None) -> RelationsOut:
    path, known = stored
    column, kind = read_column(known, target, "target", read_as)
    return relate(path, list(known.values()), N, column, kind)


def pictured(stored: Stored, name: str, target: str) -> PairOut:
    path, known = stored
    (column, kind), (goal, goal_kind) = (
        read_column(known, name, "column"),
        read_column(known, target, "target"),
    )
    return picture_of(path, N, (column.name, kind), (goal.name, goal_kind))


def test_each_pair_is_measured_by_what_both_are(store: Store) -> None:
    found = related(store(columns()), "x")
    assert (found.target, found.read_as, found.num_rows, found.num_examined) == ("x", "number", N, N)
    by = {one.column: one for one in found.relations}
    assert {one.column for one in found.relations[:2]} == {"cube", "gaps"}
    strengths = [one.strength for one in found.relations if one.strength is not None]
    assert strengths == sorted(strengths, reverse=True) and len(strengths) == 6
    assert by["cube"].pearson == pytest.approx(pearsonr(X, X**3).statistic)
    assert by["cube"].spearman == pytest.approx(1)
    assert by["cube"].strength == pytest.approx(1)
    assert (by["gaps"].num_rows, by["gaps"].num_left_out) == (N - N // 10 - 1, N // 10 + 1)
    assert by["day"].spearman == pytest.approx(spearmanr(np.arange(N), X).statistic)
    assert {name: one.measure for name, one in by.items()} == {
        "gaps": "correlation",
        "cube": "correlation",
        "kind": "correlation_ratio",
        "same": None,
        "note": None,
        "day": "correlation",
        "is": "correlation_ratio",
        "class": "correlation",
    }
    assert [one.column for one in found.relations[-2:]] == ["same", "note"]
    assert "single value" in (by["same"].note or "") and "texts" in (by["note"].note or "")


def test_a_target_of_few_whole_numbers_is_one_of_classes_unless_one_says_otherwise(store: Store) -> None:
    stored = store(columns())
    found = related(stored, "class")
    assert found.read_as == "classes"
    assert {one.column: one.measure for one in found.relations}["kind"] == "cramers_v"
    assert found.relations[0].column == "kind" and found.relations[0].strength == pytest.approx(1)
    found = related(stored, "class", "number")
    assert {one.column: one.measure for one in found.relations}["x"] == "correlation"


@pytest.mark.parametrize(
    ("target", "read_as", "place"),
    [("size", None, "target"), ("note", None, "target"), ("x", "classes", "read_as"), ("kind", "number", "read_as")],
)
def test_what_cannot_be_compared_is_told_with_its_place(store: Store, target: str, read_as: Any, place: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        related(store(columns()), target, read_as)
    assert [one.loc for one in caught.value.errors] == [["query", place]]


def test_of_a_large_table_an_even_choice_of_rows_is_looked_at(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relations, "MAX_ROWS", 60)
    monkeypatch.setattr(table, "_ROWS_AT_ONCE", 7)
    found = related(store(columns()), "x")
    assert (found.num_rows, found.num_examined) == (N, 60)
    by = {one.column: one for one in found.relations}
    rows = evenly(N, 60)
    assert by["cube"].pearson == pytest.approx(pearsonr(X[rows], X[rows] ** 3).statistic)
    assert by["gaps"].num_rows == np.count_nonzero(rows % 10), "every tenth value is missing, not every one of these"


def test_two_numbers_are_points(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "MAX_POINTS", 50)
    found = pictured(store(columns()), "cube", "x")
    assert isinstance(found.picture, Scatter)
    assert found.relation.spearman == pytest.approx(1)
    rows = evenly(N, 50)
    assert found.picture.y == X[rows].tolist()
    assert found.picture.x == (X[rows] ** 3).tolist()


@pytest.mark.parametrize(("column", "target"), [("x", "kind"), ("kind", "x")])
def test_a_number_and_classes_are_boxes_whichever_is_the_target(store: Store, column: str, target: str) -> None:
    picture = pictured(store(columns()), column, target).picture
    assert isinstance(picture, Boxes)
    assert (picture.number, picture.category, picture.num_others) == ("x", "kind", 0)
    counts = [box.count for box in picture.boxes]
    assert counts == sorted(counts, reverse=True) and sum(counts) == N
    box = next(box for box in picture.boxes if box.value == "bee")
    values = X[KIND == 1]
    assert (box.q1, box.median, box.q3) == pytest.approx(np.quantile(values, [0.25, 0.5, 0.75]).tolist())
    reach = 1.5 * (box.q3 - box.q1)
    inside = values[(values >= box.q1 - reach) & (values <= box.q3 + reach)]
    assert (box.low, box.high, box.num_outside) == (inside.min(), inside.max(), len(values) - len(inside))


def test_classes_in_classes_are_shares_with_the_rare_ones_together(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "MAX_PARTS", 2)
    monkeypatch.setattr(pairs, "MAX_VALUES", 1)
    picture = pictured(store(columns()), "is", "kind").picture
    assert isinstance(picture, Shares)
    assert (picture.values, picture.num_others, picture.has_other) == (["false"], 1, True)
    sizes = {name: int((i == KIND).sum()) for i, name in enumerate(("ant", "bee", "cat"))}
    order = sorted(sizes, key=lambda name: -sizes[name])
    assert picture.classes == order[:2]
    rest = sum(sizes[name] for name in order[2:] if name != "ant")
    assert picture.counts == [[0 if name == "ant" else sizes[name] for name in order[:2]] + [rest]]


def test_where_nothing_is_there_of_both_there_is_no_picture(store: Store) -> None:
    stored = store({"a": [1.0, None, 2.0], "b": [None, 3.0, None]})
    path, _ = stored
    found = picture_of(path, 3, ("a", "number"), ("b", "number"))
    assert found.picture is None and found.relation.num_left_out == 3


def test_numbers_at_the_edge_of_a_float_have_boxes_too(store: Store) -> None:
    path, _ = store({"x": [1e308, -1e308, 1.0, 2.0], "k": ["a", "a", "a", "a"]})
    picture = picture_of(path, 4, ("x", "number"), ("k", "classes")).picture
    assert isinstance(picture, Boxes) and np.isfinite([picture.boxes[0].q1, picture.boxes[0].q3]).all()
