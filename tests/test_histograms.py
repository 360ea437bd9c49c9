import json

import pytest

from app.histograms import EDGES, NUM_BINS, of_layer, packed, unpacked


def test_bins_lie_alike_on_both_sides_of_zero() -> None:
    assert list(EDGES) == sorted(EDGES)
    assert list(EDGES) == [-edge for edge in reversed(EDGES)]
    assert NUM_BINS % 2 == 1
    assert EDGES[NUM_BINS // 2] == pytest.approx(1e-6)


@pytest.mark.parametrize(
    "counts", [[0] * NUM_BINS, [3] + [0] * (NUM_BINS - 2) + [1], [0] * 20 + [5, 0, 7] + [0] * (NUM_BINS - 23)]
)
def test_counts_come_back_from_what_is_told(counts: list[int]) -> None:
    told = json.loads(json.dumps(packed(counts)))
    assert unpacked(told) == counts
    assert len(told["counts"]) <= NUM_BINS


def test_a_layer_is_told_at_the_steps_at_which_it_was_seen() -> None:
    seen = {"weights": packed([0] * 30 + [4] + [0] * (NUM_BINS - 31)) | {"num_not_finite": 2}}
    found = of_layer([{"step": 1, "layers": {"a": seen}}, {"step": 5, "layers": {"b": seen}}], "a")
    assert [(point["step"], point["num_not_finite"]) for point in found["weights"]] == [(1, 2)]
    assert found["gradients"] == []
