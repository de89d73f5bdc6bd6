import numpy as np
import pytest
from scipy import stats

from pelt_core.study.statistics import BadRecords, difference, estimate, smallest_detectable


def simulated(rng, items, seeds, item_sd=1.0, seed_sd=0.0, noise_sd=0.5, mean=0.0):
    """Values of crossed items and seeds: every seed answers the same items."""
    return (
        mean
        + item_sd * rng.standard_normal((items, 1))
        + seed_sd * rng.standard_normal((1, seeds))
        + noise_sd * rng.standard_normal((items, seeds))
    )


def coverage(repetitions=200, **design):
    rng = np.random.default_rng(1)
    found = [estimate(simulated(rng, mean=0.3, **design), resamples=400) for _ in range(repetitions)]
    return np.mean([e.low <= 0.3 <= e.high for e in found])


@pytest.mark.parametrize(
    ("design", "low", "high"),
    [
        ({"items": 100, "seeds": 1}, 0.90, 0.99),
        ({"items": 100, "seeds": 3}, 0.90, 0.99),  # drawing items anew for each seed covers .79 here
        ({"items": 100, "seeds": 8, "seed_sd": 0.3}, 0.88, 0.99),
        ({"items": 300, "seeds": 3, "seed_sd": 0.3}, 0.70, 0.95),  # three seeds never suffice for 95 %
    ],
)
def test_intervals_cover_the_truth(design, low, high):
    assert low <= coverage(**design) <= high


def test_one_seed_agrees_with_the_t_interval():
    values = np.random.default_rng(0).normal(2.0, 1.0, 400)
    exact = stats.ttest_1samp(values, 0.0).confidence_interval()
    found = estimate(values)
    assert found.mean == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(exact, abs=0.01)
    assert found.seeds == 1


def test_standard_error_of_two_seeds_is_unbiased():
    """The bootstrap without rescaling would show half of the seeds' variance."""
    values = np.tile([[1.0, 3.0]], (500, 1))
    assert estimate(values).standard_error == pytest.approx(stats.sem([1.0, 3.0]), rel=0.05)


def test_each_set_counts_the_same_however_many_items_it_has():
    values, sets = np.r_[np.zeros(90), np.ones(10)], ["large"] * 90 + ["small"] * 10
    assert estimate(values).mean == pytest.approx(0.1)
    found = estimate(values, sets)
    assert found.mean == pytest.approx(0.5)
    assert found.standard_error == pytest.approx(0, abs=1e-12)  # items are drawn within their set


def test_pairing_removes_what_items_and_seeds_share():
    rng = np.random.default_rng(2)
    first = simulated(rng, 200, 3, seed_sd=0.5, noise_sd=0.0)
    second = first - 0.1 + 0.05 * rng.standard_normal(first.shape)
    found = difference(first, second)
    assert 0.08 < found.low < 0.1 < found.high < 0.12
    assert found.p_value < 0.01
    assert estimate(first).standard_error > 20 * found.standard_error


def test_a_difference_of_nothing_is_not_significant():
    rng = np.random.default_rng(3)
    p_values = [
        difference(simulated(rng, 100, 4), simulated(rng, 100, 4), resamples=400, seed=i).p_value for i in range(200)
    ]
    assert 0.01 < np.mean(np.array(p_values) < 0.05) < 0.10


def test_the_base_model_has_no_seed():
    rng = np.random.default_rng(4)
    trained, base = simulated(rng, 50, 3, mean=1.0), simulated(rng, 50, 1)
    assert difference(trained, base).mean == pytest.approx(trained.mean() - base.mean())


def test_the_same_numbers_give_the_same_interval():
    values = np.random.default_rng(5).random((30, 2))
    assert estimate(values) == estimate(values)
    assert estimate(values) != estimate(values, seed=1)


def test_smallest_detectable_is_found_in_four_of_five():
    rng, effect = np.random.default_rng(6), smallest_detectable(0.1)
    found = rng.normal(effect, 0.1, 20_000)
    assert np.mean(found > stats.norm.ppf(0.975) * 0.1) == pytest.approx(0.8, abs=0.01)
    values = rng.standard_normal(400)
    assert estimate(values).smallest_detectable == pytest.approx(2.8 / 20, rel=0.1)


@pytest.mark.parametrize(
    ("values", "message"), [([], "shape"), ([[1.0, np.nan]], "1 missing"), (np.zeros((2, 2, 2)), "shape")]
)
def test_values_that_cannot_be_used_are_refused(values, message):
    with pytest.raises(BadRecords, match=message):
        estimate(values)


def test_cells_that_do_not_match_are_refused():
    with pytest.raises(BadRecords, match="50 items and 3 seeds cannot be paired with 49 items and 3 seeds"):
        difference(np.zeros((50, 3)), np.zeros((49, 3)))
    with pytest.raises(BadRecords, match="3 seeds cannot be paired with 50 items and 2 seeds"):
        difference(np.zeros((50, 3)), np.zeros((50, 2)))
    with pytest.raises(BadRecords, match="4 items but 3 names"):
        estimate(np.zeros(4), ["a", "b", "c"])
