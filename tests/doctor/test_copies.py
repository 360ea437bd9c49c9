"""Rows that come more than once."""

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from app.doctor import sample
from tests.doctor.conftest import Columns, Practice, clean_table, number_table
from worker.data.formats.fields import array_field, category_field, image_field


def with_copies(columns: Columns, rows: list[int]) -> Columns:
    """The table with some of its rows once more at its end."""
    return {name: np.concatenate([values, values[rows]]) for name, values in columns.items()}


def test_copies_are_counted_and_shown(practice: Practice, clean: Columns) -> None:
    found = practice.find("duplicate_rows", with_copies(clean, list(range(50, 80))))
    assert (found.severity, found.evidence["count"]) == ("warning", 30)
    assert found.rows == list(range(1000, 1020))
    assert practice.find("duplicate_rows", with_copies(clean, [5])).severity == "info"


@given(seed=st.integers(0, 2**32 - 1), num_copies=st.integers(1, 60))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_as_many_copies_are_found_as_there_are(practice: Practice, seed: int, num_copies: int) -> None:
    rows = np.random.default_rng(seed).integers(0, 300, num_copies).tolist()
    found = practice.find("duplicate_rows", with_copies(clean_table(300, seed), rows))
    assert found.evidence["count"] == num_copies


def test_copies_across_the_split_are_told_in_pairs(practice: Practice, clean: Columns) -> None:
    table = with_copies(clean, list(range(700, 850)))  # in order: the last 150 rows, the copies among them, test
    split = {"type": "shares", "shuffle": False, "train": 0.75, "validation": 0.1, "test": 0.15}
    found = practice.find("rows_in_train_and_test", table, split=split)
    assert found.fix is not None
    mended = practice.findings(table, split=split, **found.fix.patch["data"])
    assert not {"rows_in_train_and_test", "duplicate_rows"} & {one.kind for one in mended}
    assert found.severity == "warning" and found.evidence["count"] > 100
    for kept, copy in found.evidence["pairs"]:
        assert kept >= 977 and copy < 863
        assert all(values[kept] == values[copy] for values in table.values())
    grouped = table | {"person": np.concatenate([np.arange(1000), np.arange(700, 850)])}
    by_person = practice.findings(grouped, split={"type": "grouped", "column": "person"})
    assert "rows_in_train_and_test" not in [one.kind for one in by_person]


def test_a_column_that_puts_a_row_into_two_parts_means_it(practice: Practice, clean: Columns) -> None:
    clean["part"] = np.where(np.arange(1000) < 800, "all", "more")
    split = {"type": "column", "column": "part", "train": ["all"], "test": ["all"]}
    assert practice.findings(clean, split=split) == []


def test_the_same_features_with_another_class_are_found_with_the_best_that_is_left(
    practice: Practice, clean: Columns
) -> None:
    table = with_copies(clean, list(range(100)))
    table["label"][1000:] = 1 - table["label"][1000:]
    found = practice.find("contradictions", table)
    assert (found.severity, found.evidence["count"]) == ("warning", 200)
    assert found.evidence["best_accuracy"] == pytest.approx(1000 / 1100, abs=1e-5)
    first, second = found.rows[:2]
    assert table["a"][first] == table["a"][second] and table["label"][first] != table["label"][second]


def test_numbers_contradict_only_when_far_apart(practice: Practice) -> None:
    table = with_copies(number_table(), list(range(100)))
    table["label"][1000:] += 0.01
    assert "contradictions" not in [one.kind for one in practice.findings(table)]
    table["label"][1000:] += 5
    assert practice.find("contradictions", table).evidence["count"] == 200


def test_where_few_rows_are_possible_copies_are_no_surprise(practice: Practice) -> None:
    random = np.random.default_rng(0)
    table = {"a": random.integers(0, 3, 500), "b": random.integers(0, 3, 500), "label": random.integers(0, 2, 500)}
    found = practice.findings(table)
    assert {"duplicate_rows", "contradictions"} <= {one.kind for one in found}
    assert {one.severity for one in found} == {"info"}
    assert "9 different rows" in practice.find("duplicate_rows", table).explanation


@pytest.mark.parametrize("limit", ["MAX_PRINTED_CELLS", "MAX_COMPARED"])
def test_of_a_table_that_is_too_large_an_even_choice_is_compared(
    practice: Practice, clean: Columns, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(sample, limit, 1)
    monkeypatch.setattr(sample, "MAX_CELLS", 1)
    table = {name: np.repeat(values, 4) for name, values in clean.items()}  # each row four times
    found = practice.find("duplicate_rows", table)
    assert (found.evidence["num_examined"], found.evidence["num_rows"]) == (2000, 4000)
    assert found.evidence["count"] == 1000
    assert practice.look(table).num_examined == 1000


def pictures(as_images: bool, num_rows: int = 300) -> tuple[list[Any], pa.Field]:
    """Cells of which no two are the same."""
    values = np.random.default_rng(0).integers(0, 255, (num_rows, 8, 8), dtype=np.uint8)
    if not as_images:
        return list(values.reshape(num_rows, -1).astype(np.float32)), array_field("picture", pa.float32(), [8, 8])
    cells = []
    for one in values:
        Image.fromarray(one).save(encoded := io.BytesIO(), "PNG")
        cells.append(encoded.getvalue())
    return cells, image_field("picture")


def with_labels(cells: list[Any], field: pa.Field, label: list[str]) -> pa.Table:
    return pa.table([pa.array(cells, field.type), pa.array(label)], pa.schema([field, category_field("label")]))


@pytest.mark.parametrize("as_images", [True, False])
def test_copies_of_images_and_arrays_are_found_within_and_across_the_split(practice: Practice, as_images: bool) -> None:
    cells, field = pictures(as_images)
    label = ["cat" if i % 2 else "dog" for i in range(300)]
    split = {"type": "shares", "shuffle": False, "train": 0.8, "validation": 0.1, "test": 0.1}
    assert practice.findings(with_labels(cells, field, label), "cross_entropy", split=split) == []
    cells[290:] = cells[10:20]
    label[295:] = ["bird"] * 5
    found = {one.kind: one for one in practice.findings(with_labels(cells, field, label), "cross_entropy", split=split)}
    assert (found["duplicate_rows"].severity, found["duplicate_rows"].rows) == ("warning", [290, 291, 292, 293, 294])
    assert found["rows_in_train_and_test"].evidence["pairs"] == [[290 + i, 10 + i] for i in range(5)]
    assert sorted(found["contradictions"].rows) == [15, 16, 17, 18, 19, 295, 296, 297, 298, 299]


def test_cells_without_a_value_and_both_zeros_are_alike(practice: Practice) -> None:
    cells, field = pictures(as_images=False)
    cells[3] = cells[30] = cells[31] = None
    cells[4], cells[5] = np.zeros(64, np.float32), -np.zeros(64, np.float32)
    found = practice.find("duplicate_rows", with_labels(cells, field, ["a"] * 300))
    assert found.rows == [5, 30, 31]


def test_of_images_that_are_too_large_an_even_choice_is_compared(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells, field = pictures(as_images=True, num_rows=2500)
    cells[1::2] = cells[::2]
    table = with_labels(cells, field, ["a", "b"] * 1250)
    assert practice.find("contradictions", table).evidence["count"] == 2500
    monkeypatch.setattr(sample, "MAX_PRINTED_BYTES", 1)
    assert practice.find("contradictions", table).evidence["num_examined"] == 2000


def test_of_a_time_series_rows_may_repeat_and_neighbours_give_nothing_away(practice: Practice) -> None:
    day = np.arange(400)
    level = np.round(np.sin(day / 9), 1)
    table = {"day": day, "level": level, "sold": level * 2}
    split = {"type": "time", "column": "day"}
    alone = {finding.kind for finding in practice.findings(table, "mse_loss", target="sold", split=split)}
    assert alone & {"target_leak", "duplicate_rows", "rows_in_train_and_test"}
    window = {"length": 8, "horizon": 2, "time": "day"}
    found = practice.findings(table, "mse_loss", target="sold", split=split, window=window)
    assert not {finding.kind for finding in found} & {"target_leak", "duplicate_rows", "rows_in_train_and_test"}
    itself = practice.findings(table, "mse_loss", target="sold", split=split, window=window | {"ahead": 0})
    assert "target_leak" in {finding.kind for finding in itself}


def test_a_column_that_is_left_out_of_a_time_series_leaves_the_target_in(practice: Practice) -> None:
    random = np.random.default_rng(0)
    table = {"day": np.arange(400), "same": np.full(400, 3), "sold": random.normal(0, 1, 400)}
    window = {"length": 8, "time": "day"}
    found = practice.find(
        "constant_columns", table, "mse_loss", target="sold", split={"type": "time", "column": "day"}, window=window
    )
    assert found.fix is not None and found.fix.patch == {"data": {"features": ["sold"]}}
