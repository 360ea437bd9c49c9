"""Data with nothing wrong get silence: what is said to everybody is heard by nobody."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import generated
from app.specs.sources import GeneratedSource
from tests.doctor.conftest import Columns, Practice, clean_table, number_table
from worker.data import builtin


def serious(practice: Practice, columns: Columns, **data: Any) -> list[str]:
    return [finding.kind for finding in practice.findings(columns, **data) if finding.severity != "info"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("iris", {"target": "species"}),
        ("iris", {"target": "petal_length"}),
        ("wine", {"target": "grower", "scale": "standardize"}),
        ("diabetes", {"target": "progression", "scale": "standardize"}),
        ("digits", {"target": "label", "input_shape": [1, 8, 8]}),
        ("random_sequences", {"target": "label", "split": {"type": "column", "column": "part"}}),
    ],
    ids=str,
)
def test_sound_data_get_no_warning(practice: Practice, name: str, data: dict[str, Any]) -> None:
    assert serious(practice, builtin.make(name), **data) == []


@pytest.mark.parametrize("name", ["circle", "exclusive_or", "gaussians", "spiral", "moons", "plane", "multi_gaussian"])
def test_generated_points_get_no_word(practice: Practice, name: str) -> None:
    columns = generated.make(GeneratedSource.model_validate({"name": name}))
    assert practice.findings(columns, target=list(columns)[-1]) == []


def test_a_clean_table_gets_no_word(practice: Practice, clean: Columns) -> None:
    assert practice.findings(clean, "binary_cross_entropy_with_logits") == []
    assert practice.findings(number_table(), "mse_loss") == []


@given(seed=st.integers(0, 2**32 - 1), num_rows=st.integers(250, 2000), is_number=st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_clean_table_gets_a_word(practice: Practice, seed: int, num_rows: int, is_number: bool) -> None:
    columns = number_table(num_rows, seed) if is_number else clean_table(num_rows, seed)
    assert practice.findings(columns) == []


def skewed(random: np.random.Generator) -> Columns:
    """Incomes, waiting times, and purchases of which most are none: amounts with long tails."""
    bought = np.where(random.random(2000) < 0.4, random.lognormal(3, 1.2, 2000), 0)
    return {"income": random.lognormal(10, 1, 2000), "wait": random.exponential(9, 2000), "bought": bought}


def sorted_by_a_feature(random: np.random.Generator) -> Columns:
    x = np.sort(random.normal(size=2000))
    return {"x": x, "z": random.normal(size=2000), "label": 3 * x + random.normal(size=2000)}


def on_a_grid(random: np.random.Generator) -> Columns:
    x = np.linspace(-3, 3, 1000)
    return {"x": x, "z": random.normal(size=1000), "label": np.sin(x) + random.normal(0, 0.2, 1000)}


def by_birth(random: np.random.Generator) -> Columns:
    year = np.sort(random.integers(1940, 2005, 1000))
    return {"birth_year": year, "z": random.normal(size=1000), "label": random.integers(0, 2, 1000)}


@pytest.mark.parametrize("make", [skewed, sorted_by_a_feature, on_a_grid, by_birth], ids=lambda make: make.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_what_real_tables_are_like_gets_no_word(practice: Practice, make: Any, seed: int) -> None:
    random = np.random.default_rng(seed)
    columns = make(random)
    columns = {"label": random.integers(0, 2, len(next(iter(columns.values()))))} | columns
    assert practice.findings(columns, scale="standardize") == []


def test_findings_are_json_and_the_gravest_come_first(practice: Practice, clean: Columns) -> None:
    clean |= {"id": np.arange(1000), "again": clean["label"], "flag": (np.arange(1000) == 7).astype(int)}
    found = practice.look(clean)
    severities = [finding.severity for finding in found.findings]
    assert severities == sorted(severities, key=["error", "warning", "info"].index) and len(set(severities)) == 3
    for finding in found.findings:
        assert finding.model_validate_json(finding.model_dump_json()) == finding
    assert (found.num_rows, found.num_examined) == (1000, 1000)


def test_tables_with_hardly_anything_in_them_are_looked_at_without_a_fault(practice: Practice) -> None:
    for columns in (
        {"x": [1.0], "label": [1]},
        {"x": [1.0, None], "label": [1, 2]},
        {"x": ["a", None], "label": ["b", None]},
        {"x": [float("inf"), float("nan"), 1.0], "label": [1.0, 2.0, 3.0]},
        {"x": [None, None], "label": [True, False]},
        {"label": [1, 2, 3]},
        {"x": [1, 1, 1], "label": [None, None, float("nan")]},
    ):
        practice.look(columns)


NAMES = ["whole", "real", "word", "prose", "flag", "when"]


def every_type(num_rows: int, seed: int) -> dict[str, Any]:
    """A column of each type, each with a gap here and there."""
    random = np.random.default_rng(seed)
    columns: dict[str, list[Any]] = {
        "whole": random.integers(0, 5, num_rows).tolist(),
        "real": random.normal(size=num_rows).tolist(),
        "word": random.choice(["a", "b"], num_rows).tolist(),
        "prose": [f"text {i}" for i in random.integers(0, 10**6, num_rows)],
        "flag": random.choice([True, False], num_rows).tolist(),
        "when": (np.datetime64("2026-01-01", "us") + random.integers(0, 10**12, num_rows)).tolist(),
    }
    for values in columns.values():
        for i in np.flatnonzero(random.random(num_rows) < 0.1):
            values[i] = None
    return columns


SPLITS = st.one_of(
    st.fixed_dictionaries({"type": st.just("shares"), "stratify": st.booleans()}),
    st.fixed_dictionaries({"type": st.sampled_from(["grouped", "time"]), "column": st.sampled_from(NAMES)}),
    st.fixed_dictionaries({"type": st.just("k_fold"), "num_folds": st.integers(2, 9), "stratify": st.booleans()}),
    st.fixed_dictionaries(
        {
            "type": st.just("column"),
            "column": st.sampled_from(NAMES),
            "train": st.lists(st.sampled_from(["a", 1, True, 0.5]), min_size=1, max_size=2),
        }
    ),
)


@given(
    num_rows=st.integers(1, 120),
    seed=st.integers(0, 99),
    data=st.fixed_dictionaries(
        {
            "target": st.sampled_from(NAMES),
            "features": st.none() | st.lists(st.sampled_from(NAMES), min_size=1, max_size=4),
            "split": SPLITS,
            "missing": st.sampled_from([{"type": "error"}, {"type": "drop"}, {"type": "mean"}]),
            "scale": st.sampled_from(["none", "robust"]),
            "input_shape": st.sampled_from([None, [1, 2, 2]]),
        }
    ),
    loss=st.sampled_from([None, "mse_loss", "cross_entropy", "binary_cross_entropy"]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_has_an_answer(
    practice: Practice, num_rows: int, seed: int, data: dict[str, Any], loss: str | None
) -> None:
    for finding in practice.look(every_type(num_rows, seed), loss, 1000, **data).findings:
        assert finding.model_validate_json(finding.model_dump_json()) == finding
        assert finding.title and finding.explanation.endswith((".", "!"))
        assert len(finding.rows) <= 20 and all(0 <= row < num_rows for row in finding.rows)
        assert "nan" not in finding.explanation and "inf " not in finding.explanation
