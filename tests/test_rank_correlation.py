import numpy as np
import pytest
from scipy import stats

from pelt_core.study.rank_correlation import spearman
from pelt_core.study.statistics import BadRecords


def normal_pairs(rng, correlation, pairs):
    first, second = rng.standard_normal((2, pairs))
    return first, correlation * first + (1 - correlation**2) ** 0.5 * second


def true_value(correlation):
    """Spearman's correlation of two normal numbers (Pearson 1907)."""
    return 6 / np.pi * np.arcsin(correlation / 2)


def test_value_and_p_value_are_those_of_scipy():
    first, second = normal_pairs(np.random.default_rng(0), 0.3, 200)
    found, theirs = spearman(first, second), stats.spearmanr(first, second)
    assert found.value == pytest.approx(theirs.statistic)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=0.3)
    assert found.pairs == 200


def test_interval_agrees_with_a_bootstrap():
    first, second = normal_pairs(np.random.default_rng(1), 0.7, 400)
    found = spearman(first, second)
    theirs = stats.bootstrap(
        (first, second),
        lambda x, y: stats.spearmanr(x, y).statistic,
        paired=True,
        vectorized=False,
        n_resamples=500,
        rng=1,
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx(theirs, abs=0.02)


@pytest.mark.parametrize("pairs", [10, 20, 50])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_intervals_cover_the_truth(pairs, correlation):
    rng = np.random.default_rng(2)
    found = [spearman(*normal_pairs(rng, correlation, pairs)) for _ in range(1000)]
    truth = true_value(correlation)
    assert 0.93 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.98  # with the error of 1,000 shares


@pytest.mark.parametrize("pairs", [4, 6, 8, 12, 30])
def test_orders_that_have_nothing_to_do_with_each_other_are_rarely_found_alike(pairs):
    rng = np.random.default_rng(3)
    found = [spearman(*normal_pairs(rng, 0.0, pairs)) for _ in range(1000)]
    assert np.mean([one.p_value < 0.05 for one in found]) <= 0.06
    assert all((one.p_value < 0.05) == (not one.low <= 0 <= one.high) for one in found)


def test_the_same_order_of_few_is_not_certain():
    found = spearman([1, 2, 3, 4, 5, 6], [2, 3, 5, 7, 11, 13])
    assert (found.value, found.high) == (pytest.approx(1), pytest.approx(1))
    assert 0 < found.low < 0.7
    turned = spearman([1, 2, 3, 4, 5, 6], [13, 11, 7, 5, 3, 2])
    assert (turned.low, turned.high) == (pytest.approx(-1), pytest.approx(-found.low))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([1, 2, 3], [1, 2, 3], "at least 4"),
        ([1, 2, 3, 4], [1, 2, 3, 4, 5], "shapes"),
        ([1, 2, 3, np.nan], [1, 2, 3, 4], "finite"),
        ([1, 1, 1, 1], [1, 2, 3, 4], "not all the same"),
    ],
)
def test_pairs_that_cannot_be_used_are_refused(first, second, message):
    with pytest.raises(BadRecords, match=message):
        spearman(first, second)
