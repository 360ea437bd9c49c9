"""Columns that give the answer away, name the rows, or come twice."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doctor.conftest import Columns, Practice, number_table

LEFT = ["a", "b", "c", "town"]


def dressed(label: Any, random: np.random.Generator) -> dict[str, Any]:
    """The target in other clothes."""
    slip = label.copy()
    slip[[3, 400]] = 1 - slip[[3, 400]]
    return {
        "same": label,
        "other_number": 7 - 3 * label,
        "word": np.where(label == 1, "sick", "well"),
        "nearly": slip,
        "score": label * 2 - 1 + random.uniform(0, 1, len(label)),
    }


@pytest.mark.parametrize("name", ["same", "other_number", "word", "nearly", "score"])
def test_a_feature_that_is_the_class_in_another_dress_is_found(practice: Practice, clean: Columns, name: str) -> None:
    clean["outcome"] = dressed(clean["label"], np.random.default_rng(0))[name]
    found = practice.find("target_leak", clean, "cross_entropy")
    assert (found.severity, found.columns) == ("error", ["outcome"])
    assert found.fix is not None and found.fix.patch == {"data": {"features": LEFT}}
    assert practice.findings(clean, "cross_entropy", features=LEFT) == []


@pytest.mark.parametrize("name", ["same", "falls", "curve"])
def test_a_feature_that_goes_with_the_number_is_found(practice: Practice, name: str) -> None:
    table = number_table()
    label = table["label"]
    table["outcome"] = {"same": label, "falls": 3 - 2 * label, "curve": np.exp(label)}[name]
    found = practice.find("target_leak", table, "mse_loss")
    assert found.columns == ["outcome"] and abs(found.evidence.get("rank_correlation", 1)) > 0.999


@given(seed=st.integers(0, 2**32 - 1), num_classes=st.integers(2, 6), as_words=st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_relabelling_is_a_leak_and_a_mixed_one_is_none(
    practice: Practice, seed: int, num_classes: int, as_words: bool
) -> None:
    random = np.random.default_rng(seed)
    label = random.integers(0, num_classes, 400)
    names = random.permutation(num_classes)[label]
    table = {"x": random.normal(size=400), "y": np.array(list("uvwxyz"))[names] if as_words else names, "label": label}
    assert "target_leak" in [one.kind for one in practice.findings(table, "cross_entropy")]
    table["y"] = random.permutation(table["y"])
    assert "target_leak" not in [one.kind for one in practice.findings(table, "cross_entropy")]


def test_the_only_feature_may_tell_all(practice: Practice) -> None:
    x = np.linspace(0, 1, 300)
    assert practice.findings({"x": x, "label": 2 * x + 1}, "mse_loss") == []
    assert practice.find("target_leak", {"x": x, "label": x}, "mse_loss").fix is None


def test_a_leak_among_hundreds_of_columns_is_found(practice: Practice) -> None:
    random = np.random.default_rng(0)
    label = random.integers(0, 2, 1500)
    table = {f"f{i}": random.normal(size=1500) for i in range(300)} | {"label": label}
    assert practice.findings(table, "cross_entropy") == []
    found = practice.find("target_leak", table | {"f123": label + 0.5}, "cross_entropy")
    assert found.columns == ["f123"]


@pytest.mark.parametrize("part", [1.0, 0.2])
def test_a_column_that_is_there_for_one_class_only_is_found(practice: Practice, clean: Columns, part: float) -> None:
    random = np.random.default_rng(0)
    there = (clean["label"] == 1) & (random.random(1000) < part)
    table: dict[str, Any] = {**clean, "dose": np.where(there, random.normal(size=1000), np.nan)}
    found = practice.find("target_leak", table, missing={"type": "mean"})
    assert found.columns == ["dose"] and found.fix is not None
    assert found.evidence.get("purity", 1) == 1 and ("label is 1" in found.explanation) == (part < 1)
    table["dose"] = random.permutation(table["dose"])
    assert "target_leak" not in [one.kind for one in practice.findings(table, missing={"type": "mean"})]


def test_a_few_values_that_are_there_for_the_frequent_class_are_chance(practice: Practice) -> None:
    random = np.random.default_rng(0)
    label = random.permutation(np.arange(2000) < 200)
    dose = np.where(~label & (random.random(2000) < 0.02), 1.5 * np.arange(2000), np.nan)
    table = {"x": random.normal(size=2000), "dose": dose, "label": label}
    assert "target_leak" not in [one.kind for one in practice.findings(table, missing={"type": "mean"})]


def test_a_rare_class_is_not_taken_for_a_leak(practice: Practice) -> None:
    random = np.random.default_rng(0)
    table = {"x": random.normal(size=5000), "k": random.integers(0, 3, 5000), "label": np.arange(5000) % 400 == 0}
    assert "target_leak" not in [one.kind for one in practice.findings(table, "binary_cross_entropy_with_logits")]


@pytest.mark.parametrize("name", ["score", "word"])
@pytest.mark.parametrize("num_ones", [20, 200])
def test_a_leak_of_a_rare_class_is_found(practice: Practice, name: str, num_ones: int) -> None:
    random = np.random.default_rng(0)
    label = random.permutation(np.arange(20_000) < num_ones)
    leak = {"score": 10 * label + random.normal(0, 0.1, 20_000), "word": np.where(label, "bad", "ok")}[name]
    table = {"amount": random.normal(size=20_000), "leak": leak, "label": label}
    found = practice.find("target_leak", table, "binary_cross_entropy_with_logits")
    assert found.columns == ["leak"]


def test_a_leak_of_a_number_that_is_mostly_the_same_is_found(practice: Practice) -> None:
    random = np.random.default_rng(0)
    label = np.where(np.arange(20_000) % 997 == 3, random.uniform(1, 2, 20_000), 5)
    other = np.where(np.arange(20_000) % 997 == 5, 1.0, 0)
    found = practice.find("target_leak", {"other": other, "leak": 3 * label, "label": label}, "mse_loss")
    assert found.columns == ["leak"]


def test_a_leak_with_gaps_is_found_however_they_fall_in_the_first_look(practice: Practice) -> None:
    label = np.random.default_rng(0).integers(0, 2, 4096)
    leak = np.where(np.arange(4096) % 8 == 0, np.nan, label + 0.5)  # every eighth row, of which each is looked at
    table = {"x": np.random.default_rng(1).normal(size=4096), "leak": leak, "label": label}
    found = practice.find("target_leak", table)
    assert found.columns == ["leak"]


IDENTIFIERS: dict[str, Any] = {
    "row": np.arange(1000),
    "number": np.random.default_rng(1).permutation(1000) + 70_000,
    "customer_id": np.random.default_rng(2).choice(10**9, 1000, replace=False),
    "taken": np.sort(np.random.default_rng(3).choice(10**9, 1000, replace=False)),
    "code": np.array([f"P{i * 7919 % 10007:05}" for i in range(1000)]),
}


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_a_feature_that_names_the_rows_is_found(practice: Practice, clean: Columns, name: str) -> None:
    found = practice.find("identifier", {name: IDENTIFIERS[name], **clean}, scale="standardize")
    assert found.columns == [name]
    assert found.fix is not None and found.fix.patch == {"data": {"features": LEFT}}


def test_amounts_and_prose_name_no_rows(practice: Practice, clean: Columns) -> None:
    random = np.random.default_rng(0)
    clean["income"] = random.choice(10**6, 1000, replace=False)
    clean["remark"] = np.array([f"said {a} and then {b}" for a, b in random.integers(0, 10**6, (1000, 2))])
    assert practice.findings(clean, scale="standardize") == []


def test_a_column_that_comes_twice_is_found(practice: Practice, clean: Columns) -> None:
    clean["inches"] = clean["a"] / 2.54 + 1e-6
    clean["again"] = clean["a"]
    found = practice.find("near_duplicate_columns", clean)
    assert found.columns == ["inches", "again"] and found.evidence["pairs"][0]["columns"] == ["a", "inches"]
    assert found.fix is not None and found.fix.patch == {"data": {"features": LEFT}}


@pytest.mark.parametrize("sparse", [False, True])
def test_a_row_of_totals_makes_no_two_columns_the_same(practice: Practice, sparse: bool) -> None:
    random = np.random.default_rng(0)
    x, z = random.normal(size=(2, 2000)) * (random.random((2, 2000)) < (0.1 if sparse else 1))
    x[5] = z[5] = 1e6
    table = {"x": x, "z": z, "label": random.integers(0, 2, 2000)}
    kinds = {one.kind for one in practice.findings(table, scale="standardize")}
    assert "near_duplicate_columns" not in kinds
    table["again"] = 2.54 * x + 1
    assert practice.find("near_duplicate_columns", table, scale="standardize").columns == ["again"]


def test_rare_flags_that_come_twice_are_found(practice: Practice, clean: Columns) -> None:
    clean |= {"count": np.arange(1000) % 100 + 0.5 * (np.arange(1000) % 7 == 0), "rare": np.zeros(1000)}
    clean["rare"][[5, 50, 500]] = [1, 2, 1]
    clean["again"] = clean["rare"] / 8
    assert practice.find("near_duplicate_columns", clean, scale="standardize").columns == ["again"]


def test_the_pixels_of_a_picture_are_left_as_they_are(practice: Practice) -> None:
    random = np.random.default_rng(0)
    table = {f"pixel{i}": random.integers(0, 9, 300) for i in range(16)} | {"label": random.integers(0, 2, 300)}
    table |= {"pixel3": table["pixel4"], "pixel0": np.zeros(300, int)}
    assert practice.findings(table, input_shape=[1, 4, 4]) == []
    assert {one.kind for one in practice.findings(table)} == {"near_duplicate_columns", "constant_columns"}
