"""Memory does not grow with the table: a small one in any run, one of three gigabytes in the full one."""

from pathlib import Path

import pytest

from tests import large

pytestmark = pytest.mark.timeout(3000)


@pytest.mark.parametrize(
    "num_bytes", [pytest.param(20_000_000, id="small"), pytest.param(3_000_000_000, id="large", marks=pytest.mark.full)]
)
def test_a_large_table_is_taken_in_examined_and_trained_on_in_little_memory(tmp_path: Path, num_bytes: int) -> None:
    found = dict(large.steps(tmp_path, num_bytes))
    num_rows = found["make"]["num_rows"]
    brought, examined, trained = found["bring in"], found["examine"], found["train"]
    assert brought["num_rows"] == num_rows
    assert brought["types"] == ["float"] * 5 + ["integer", "category", "integer", "integer"]
    assert brought["own_bytes"] < 600e6 and brought["job_bytes"] < 1e9
    assert examined["findings"] == []
    assert examined["server_bytes"] < 600e6
    assert f"{round(num_rows * 0.7):,} to train" in trained["lines"][1]
    for part in ("train", "validation", "test"):
        assert trained["parts"][part]["loss"] < 0.45  # always saying the more frequent class gives 0.69
        assert trained["parts"][part]["roc_auc"] > 0.95
    assert trained["baseline"]["loss"] == pytest.approx(0.693, abs=0.001)
    assert [one["label"] for one in trained["predictions"]] == [1, 0]
    assert trained["job_bytes"] < 1e9
