"""The measures are those of SciPy, and for what SciPy has not, those of their papers."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, f_oneway, pearsonr, spearmanr

from app.association import contingency, correlation_ratio, cramers_v, pearson, spearman

RANDOM = np.random.default_rng(0)
pairs = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=60)


@given(pairs)
def test_correlations_are_those_of_scipy(values: list[tuple[int, int]]) -> None:
    x, y = np.array(values, np.float64).T
    if np.ptp(x) and np.ptp(y):
        assert pearson(x, y) == pytest.approx(pearsonr(x, y).statistic, abs=1e-12)
        assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
    else:
        assert (pearson(x, y), spearman(x, y)) == (None, None)


@given(pairs)
def test_the_correlation_ratio_is_that_of_the_analysis_of_variance(values: list[tuple[int, int]]) -> None:
    groups, y = np.array(values).T
    groups, y = groups - groups.min(), y.astype(np.float64)
    parts = [y[groups == one] for one in np.unique(groups)]
    eta = correlation_ratio(groups, y)
    if len(parts) < 2 or not np.ptp(y):
        assert eta is None
        return
    assert eta is not None
    if any(np.ptp(one) for one in parts):
        between, within = len(parts) - 1, len(y) - len(parts)
        f = f_oneway(*parts).statistic
        assert eta**2 == pytest.approx(f * between / (f * between + within), abs=1e-12)
    else:  # the groups say all
        assert eta == pytest.approx(1)


def _bergsma(x: Any, y: Any) -> float:
    """Equations of the paper, from SciPy's chi-squared."""
    table = contingency(x, y)
    n, (r, c) = table.sum(), table.shape
    phi2 = chi2_contingency(table, correction=False).statistic / n
    phi2 = max(0, phi2 - (r - 1) * (c - 1) / (n - 1))
    r, c = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    return math.sqrt(phi2 / (min(r, c) - 1))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=12, max_size=80))
def test_cramers_v_is_corrected_as_bergsma_does(values: list[tuple[int, int]]) -> None:
    x, y = np.array(values).T
    if len(np.unique(x)) < 2 or len(np.unique(y)) < 2:
        assert cramers_v(x, y) is None
    else:
        assert cramers_v(x, y) == pytest.approx(min(1, _bergsma(x, y)), abs=1e-9)


def test_what_is_the_same_has_one_and_what_is_independent_about_zero() -> None:
    x, y = RANDOM.integers(0, 5, (2, 4000))
    assert cramers_v(x, 4 - x) == pytest.approx(1)
    assert cramers_v(x, y) < 0.03
    assert correlation_ratio(x, x.astype(float) * 7 - 3) == pytest.approx(1)


def test_codes_that_never_come_change_nothing() -> None:
    x, y = np.array([0, 9, 9, 0, 9]), np.array([1.0, 2.0, 4.0, 1.5, 3.0])
    assert correlation_ratio(x, y) == pytest.approx(correlation_ratio(np.minimum(x, 1), y))


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_values_of_any_size_keep_their_digits(scale: float) -> None:
    x, y = RANDOM.normal(size=(2, 100))
    assert pearson(x * scale, y) == pytest.approx(pearson(x, y))
    assert pearson(x + 1e9, x) == pytest.approx(1, abs=1e-6)


def test_two_rows_are_one_line_and_no_rows_none() -> None:
    assert pearson(np.array([1.0, 2.0]), np.array([5.0, 3.0])) == pytest.approx(-1)
    nothing = np.empty(0)
    assert (pearson(nothing, nothing), correlation_ratio(nothing.astype(int), nothing)) == (None, None)
