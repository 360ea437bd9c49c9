"""How scores rank rows: scikit-learn's figure while rows are few, as near as can be told when they are counted."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from worker.train.ranking import Ranking

Rows = list[tuple[float, bool]]
both = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40).filter(
    lambda rows: len({positive for _, positive in rows}) == 2
)


def ranked(scores: list[float], positive: list[bool], limit: int, at_once: int = 3) -> float | None:
    ranking = Ranking(limit)
    for i in range(0, len(scores), at_once):
        ranking.add(torch.tensor(scores[i : i + at_once]), torch.tensor(positive[i : i + at_once]))
    return ranking.roc_auc()


@settings(deadline=None, max_examples=50)
@given(both, st.sampled_from([5, 1000]))
def test_roc_auc_is_scikit_learns_with_ties(rows: Rows, limit: int) -> None:
    scores, positive = ([*column] for column in zip(*rows, strict=True))
    expected = reference.roc_auc_score(positive, scores)
    assert ranked(scores, positive, limit) == pytest.approx(expected)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 100), st.floats(-4, 4))
def test_many_scores_are_ranked_as_nearly_as_their_bits_tell(seed: int, shift: float) -> None:
    random = np.random.default_rng(seed)
    positive = random.random(2000) < 0.3
    scores = (random.normal(size=2000) + positive + shift).astype(np.float32)
    expected = reference.roc_auc_score(positive, scores)
    assert ranked(scores.tolist(), positive.tolist(), limit=100, at_once=64) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("limit", [1, 1000])
def test_one_class_alone_ranks_nothing(limit: int) -> None:
    assert ranked([0.1, 0.2], [True, True], limit, at_once=1) is None
    assert Ranking().roc_auc() is None
