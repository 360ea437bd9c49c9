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
