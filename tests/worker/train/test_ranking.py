"""How scores rank rows: scikit-learn's figure, and of many rows that of some of them."""

from collections.abc import Callable

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


def ranked(scores: list[float], positive: list[bool], limit: int = 1000, at_once: int = 3) -> float | None:
    ranking = Ranking(limit)
    for i in range(0, len(scores), at_once):
        ranking.add(torch.tensor(scores[i : i + at_once]), torch.tensor(positive[i : i + at_once]))
    return ranking.roc_auc()


@settings(deadline=None, max_examples=50)
@given(both)
def test_roc_auc_is_scikit_learns_with_ties(rows: Rows) -> None:
    scores, positive = ([*column] for column in zip(*rows, strict=True))
    assert ranked(scores, positive) == pytest.approx(reference.roc_auc_score(positive, scores))


@pytest.mark.parametrize(
    "scaled",
    [lambda x: x, lambda x: 1 / (1 + np.exp(-x - 9)), lambda x: 2000 + x / 10, lambda x: np.maximum(x, 0)],
    ids=["logits", "probabilities near 1", "far from 0", "many ties"],
)
@pytest.mark.parametrize("share", [0.3, 0.002])
def test_of_many_rows_some_are_ranked_whatever_their_scale(scaled: Callable[..., np.ndarray], share: float) -> None:
    random = np.random.default_rng(0)
    positive = random.random(200_000) < share
    scores = scaled(random.normal(size=len(positive)) + positive).astype(np.float32)
    found = ranked(scores.tolist(), positive.tolist(), limit=20_000, at_once=4096)
    # Of 10,000 to 20,000 rows of a kind its deviation is 0.003; the four hundred of the rare kind are all kept.
    assert found == pytest.approx(reference.roc_auc_score(positive, scores), abs=0.015)


def test_zeros_of_both_signs_are_ties() -> None:
    assert ranked([0.0, -0.0, 0.0, -0.0], [True, False, True, False]) == 0.5


@pytest.mark.parametrize("limit", [1, 1000])
def test_one_class_alone_ranks_nothing(limit: int) -> None:
    assert ranked([0.1, 0.2], [True, True], limit, at_once=1) is None
    assert Ranking().roc_auc() is None
