"""Gaps, constants, outliers, sizes and categories of single columns."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from app.specs.columns import Column
from tests.doctor.conftest import Columns, Practice
from worker.data.statistics import describe_table

LEFT = ["a", "b", "c", "town"]


def test_a_column_that_is_mostly_missing_is_found(practice: Practice, clean: Columns) -> None:
    table: dict[str, Any] = {**clean, "dose": [1.5 * i if i % 3 == 0 else None for i in range(1000)]}
    found = practice.find("missing_values", table, missing={"type": "mean"}, scale="standardize")
    assert found.evidence["shares"] == {"dose": 0.666} and found.columns == ["dose"]
    assert found.fix is not None and found.fix.patch == {"data": {"features": LEFT}}
    table["dose"] = [None if i % 3 == 0 else 1.5 * i for i in range(1000)]
    kinds = [one.kind for one in practice.findings(table, missing={"type": "mean"}, scale="standardize")]
    assert "missing_values" not in kinds


def test_rows_without_a_target_are_told(practice: Practice, clean: Columns) -> None:
    label = clean["label"].astype(float)
    label[:30] = np.nan
    found = practice.find("missing_target", clean | {"label": pa.array(label, from_pandas=True)})
    assert found.evidence == {"num_missing": 30, "share": 0.03} and found.severity == "info"
    assert "missing_target" not in [one.kind for one in practice.findings(clean)]


def test_a_column_that_never_or_hardly_ever_changes_is_found(practice: Practice, clean: Columns) -> None:
    clean |= {"unit": np.full(1000, "cm"), "version": np.full(1000, 3)}
    found = practice.find("constant_columns", clean)
    assert (found.severity, found.columns) == ("warning", ["unit", "version"])
    assert found.fix is not None and found.fix.patch == {"data": {"features": LEFT}}
    clean["version"][[4, 77, 500]] = 9
    nearly = practice.find("nearly_constant_columns", clean)
    assert (nearly.severity, nearly.columns, nearly.rows) == ("info", ["version"], [4, 77, 500])
    clean["version"][:20] = 9
    assert [one.columns for one in practice.findings(clean)] == [["unit"]]


@pytest.mark.parametrize(
    ("missing", "is_constant"),
    [
        ({"type": "mean"}, True),
        ({"type": "drop"}, True),
        ({"type": "constant", "value": 3}, True),
        ({"type": "constant", "value": 0}, False),
        ({"type": "mean", "indicator": True}, False),
    ],
    ids=str,
)
def test_a_column_whose_gaps_are_filled_with_its_only_value_is_constant(
    practice: Practice, clean: Columns, missing: dict[str, Any], is_constant: bool
) -> None:
    table: dict[str, Any] = {**clean, "dose": [None if i < 100 else 3.0 for i in range(1000)]}
    found = [one for one in practice.findings(table, missing=missing) if one.kind == "constant_columns"]
    assert [one.columns for one in found] == ([["dose"]] if is_constant else [])
    assert all("apart from gaps" in one.explanation for one in found)


@pytest.mark.parametrize("places", [[17], [1, 500, 998]])
def test_values_that_are_far_away_are_found_with_their_rows(
    practice: Practice, clean: Columns, places: list[int]
) -> None:
    clean["c"][places] = 1e3
    found = practice.find("outliers", clean)
    assert (found.severity, found.columns, found.rows) == ("warning", ["c"], places)
    assert found.evidence["ranges"]["c"]["count"] == len(places)
    assert found.fix is not None and found.fix.patch == {"data": {"columns": {"c": {"clip_share": 0.01}}}}
    for steps in ({"clip_share": 0.01}, {"high": 5}, {"scale": "robust"}):
        assert "outliers" not in [one.kind for one in practice.findings(clean, columns={"c": steps})]


def test_a_slip_among_skewed_amounts_is_found_by_their_logarithms(practice: Practice) -> None:
    random = np.random.default_rng(0)
    income = random.lognormal(10, 0.7, 1000)
    income[[7, 70]] = 1e11
    found = practice.find(
        "outliers", {"income": income, "label": random.integers(0, 2, 1000)}, columns={"income": {"scale": "min_max"}}
    )
    assert found.rows == [7, 70] and "by their logarithms" in found.explanation


def test_the_furthest_values_are_shown_wherever_they_stand(
    practice: Practice, clean: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.preparing.table._MAX_ROWS", 16)
    random = np.random.default_rng(0)
    table = {name: np.tile(values, 4) for name, values in clean.items()}
    rows = random.permutation(4000)[:30]
    table["c"][rows] = 1e3 + np.arange(30)
    found = practice.find("outliers", table)
    assert found.evidence["ranges"]["c"]["count"] == 30
    assert found.rows == rows[::-1][:20].tolist()


def test_outliers_in_many_columns_are_mended_by_one_step_for_all(practice: Practice) -> None:
    table = {f"f{i}": np.random.default_rng(i).normal(size=200) for i in range(8)}
    for values in table.values():
        values[3] = -500
    found = practice.find("outliers", table | {"label": np.arange(200) % 2})
    assert found.fix is not None and found.fix.patch == {"data": {"scale": "robust"}}
    assert len(found.columns) == 8


def test_one_far_value_in_a_large_table_is_not_lost_in_the_sample(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.doctor.sample.MAX_CELLS", 1)
    x = np.random.default_rng(0).normal(size=9000)
    x[7777] = 1e6
    found = practice.look({"x": x, "label": np.arange(9000) % 2}, scale="standardize")
    assert found.num_examined == 1000
    assert [one.rows for one in found.findings if one.kind == "outliers"] == [[7777]]


def test_inputs_of_very_different_sizes_are_found(practice: Practice, clean: Columns) -> None:
    clean["a"] = clean["a"] * 5000
    found = practice.find("unscaled_inputs", clean)
    assert found.columns[0] == "a" and 4000 < found.evidence["spread_ratio"] < 6000
    assert found.fix is not None and found.fix.patch == {"data": {"scale": "standardize"}}
    assert practice.findings(clean, scale="standardize") == []
    own = practice.find(
        "unscaled_inputs", clean, scale="standardize", columns={"a": {"scale": "none"}, "b": {"scale": "none"}}
    )
    assert own.fix is not None
    assert own.fix.patch["data"]["columns"] == {"a": {"scale": None}, "b": {"scale": None}}


def test_a_column_far_from_zero_is_found(practice: Practice, clean: Columns) -> None:
    clean["c"] = clean["c"] + 2000
    found = practice.find("unscaled_inputs", clean)
    assert found.columns == ["c"] and found.evidence["mean_over_std"] > 1000


def test_inputs_that_are_all_large_are_found(practice: Practice) -> None:
    random = np.random.default_rng(0)
    table = {"a": random.uniform(0, 1e6, 500), "b": random.uniform(0, 1e6, 500), "label": random.integers(0, 2, 500)}
    found = practice.find("unscaled_inputs", table)
    assert (found.title, found.evidence["size"]) == ("The inputs are large", pytest.approx(1e6 / 3**0.5, rel=0.1))
    assert found.fix is not None and found.fix.patch == {"data": {"scale": "standardize"}}
    table |= {"a": table["a"] / 1e5, "b": table["b"] / 1e5}
    assert practice.findings(table) == []


@pytest.mark.parametrize("num_small", [9, 20, 30])
def test_a_large_column_among_many_small_ones_is_found(practice: Practice, num_small: int) -> None:
    random = np.random.default_rng(0)
    table = {f"c{i}": random.integers(0, 5, 500) for i in range(num_small)} | {"label": random.integers(0, 2, 500)}
    assert practice.findings(table) == []
    table["salary"] = random.integers(0, 10**6, 500)
    assert practice.find("unscaled_inputs", table).columns[0] == "salary"


def test_numbers_of_words_are_fed_as_they_are(practice: Practice) -> None:
    random = np.random.default_rng(0)
    length = random.integers(2, 13, 500)
    table = {f"word{i}": np.where(i < length, random.integers(1, 30_000, 500), 0) for i in range(12)}
    assert practice.findings(table | {"label": random.integers(0, 2, 500)}) == []
    years = {f"year{i}": random.integers(1990, 2020, 500) for i in range(12)}
    assert practice.find("unscaled_inputs", years | {"label": random.integers(0, 2, 500)})


def test_a_time_in_seconds_is_far_from_zero_but_its_parts_are_not(practice: Practice, clean: Columns) -> None:
    seconds = np.random.default_rng(0).integers(0, 10**7, 1000)
    clean["when"] = np.datetime64("2026-01-01T00:00:00", "us") + seconds * np.timedelta64(1, "s")
    assert practice.find("unscaled_inputs", clean).columns[0] == "when"
    kinds = [one.kind for one in practice.findings(clean, columns={"when": {"parts": ["hour"]}})]
    assert "unscaled_inputs" not in kinds


def test_the_quartiles_of_the_ingestion_are_taken_where_it_tells_them(
    practice: Practice, clean: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = [-500.0, -300.0, -100.0, 0.0, 100.0, 300.0, 500.0]

    def told(path: Path) -> list[Column]:
        return [one.model_copy(update={"quantiles": wide}) if one.name == "c" else one for one in describe_table(path)]

    clean["c"][7] = 1e3
    assert practice.find("outliers", clean).rows == [7]
    monkeypatch.setattr("tests.doctor.conftest.describe_table", told)
    assert "outliers" not in [one.kind for one in practice.findings(clean)]


def test_pixels_up_to_255_are_found_and_put_between_0_and_1(practice: Practice) -> None:
    random = np.random.default_rng(0)
    table = {f"pixel{i}": random.integers(0, 256, 300) for i in range(16)} | {"label": random.integers(0, 2, 300)}
    found = practice.find("unscaled_inputs", table, input_shape=[1, 4, 4])
    assert found.fix is not None and found.fix.patch == {"data": {"scale": "min_max"}}
    assert practice.findings(table, input_shape=[1, 4, 4], scale="min_max") == []


def test_categories_that_become_hundreds_of_inputs_are_found(practice: Practice, clean: Columns) -> None:
    clean["street"] = np.array([f"street {i}" for i in np.random.default_rng(0).integers(0, 150, 1000)])
    found = practice.find("many_categories", clean)
    assert found.columns == ["street"] and found.evidence["num_categories"]["street"] == 150
    assert found.fix is not None
    assert found.fix.patch == {"data": {"columns": {"street": {"categories": "hashed", "num_buckets": 64}}}}
    assert practice.findings(clean, columns={"street": {"categories": "hashed"}}) == []
    assert practice.findings(clean, categories="ordinal") == []
