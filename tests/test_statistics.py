import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.power import TTestPower

from pelt_core.study.statistics import COVERAGE, BadRecords, difference, estimate, holm

GRIDS = 1000
MOST = {seeds: most + 2 * (most * (1 - most) / GRIDS) ** 0.5 for seeds, (_, most) in COVERAGE.items()}
"""Two standard errors of a share of `GRIDS` above the shares that are stated."""


def simulated(rng, seeds, items=(100,), item_sd=1.0, noise_sd=1.0, ratio=0.0):
    """Values of items crossed with seeds, of mean 0: one array a data set.

    Args:
        rng: random numbers.
        seeds: how many.
        items: how many in each data set; the sets share the effect of a seed.
        item_sd: of what the seeds share on an item.
        noise_sd: of what they do not share.
        ratio: standard deviation of the mean of the seeds' effects, over that of the items' mean.
    """
    of_items = np.sqrt(sum((item_sd**2 + noise_sd**2 / seeds) / n for n in items)) / len(items)
    shift = ratio * of_items * seeds**0.5 * rng.standard_normal(seeds)
    return [shift + item_sd * rng.standard_normal((n, 1)) + noise_sd * rng.standard_normal((n, seeds)) for n in items]


def covered(seeds, truth=0.0, values=simulated, **design):
    """The share of simulated grids whose interval holds the truth."""
    rng, found = np.random.default_rng(7), []
    for _ in range(GRIDS):
        groups = values(rng, seeds, **design)
        found.append(estimate(np.concatenate(groups), np.repeat(np.arange(len(groups)), [len(g) for g in groups])))
    return np.mean([one.low <= truth <= one.high for one in found])


DESIGNS = {
    "items": {"noise_sd": 0.3},
    "half of both": {},
    "noise": {"item_sd": 0.2},
    "data sets": {"items": (30, 60, 200)},
}


@pytest.mark.parametrize("ratio", [0.0, 1.0])
@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_intervals_cover_the_truth(seeds, design, ratio):
    share = covered(seeds, ratio=ratio, **design)
    assert 0.93 <= share <= MOST[seeds], share


def answered(rng, seeds, items=(200,), spread=1.0):
    """Right or wrong answers: the log-odds of an item and a seed add up."""
    of_items, of_seeds = spread * rng.standard_normal((items[0], 1)), 0.1 * rng.standard_normal(seeds)
    return [(rng.random((items[0], seeds)) < 1 / (1 + np.exp(1 - of_items - of_seeds))).astype(float)]


@pytest.mark.parametrize("spread", [1.0, 3.0])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_intervals_of_accuracies_cover_the_truth(seeds, spread):
    odds = np.random.default_rng(0).normal(-1, np.hypot(spread, 0.1), 1_000_000)
    share = covered(seeds, truth=np.mean(1 / (1 + np.exp(-odds))), values=answered, spread=spread)
    assert 0.93 <= share <= MOST[seeds], share


@pytest.mark.parametrize("ratio", [0.0, 1.0, 5.0])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_a_difference_of_nothing_is_rarely_found(seeds, ratio):
    rng = np.random.default_rng(3)
    one, other = ([simulated(rng, seeds, ratio=ratio)[0] for _ in range(GRIDS)] for _ in range(2))
    p_values = np.array([difference(*both).p_value for both in zip(one, other, strict=True)])
    assert np.mean(p_values < 0.05) <= 0.06


@pytest.mark.parametrize(("level", "most"), [(0.05, 0.06), (0.05 / 9, 0.02), (0.001, 0.01)])
@pytest.mark.parametrize("shared", [0.0, 0.7])
def test_accuracies_that_agree_by_chance_are_no_finding(shared, level, most):
    """Two methods right as often, on other items in one of twenty: two seeds have the same difference now and then."""
    rng, p_values = np.random.default_rng(4), []
    for _ in range(GRIDS):
        both, own = (rng.choice([-1, 0, 1], (600, seeds), p=[0.025, 0.95, 0.025]) for seeds in (1, 2))
        p_values.append(estimate(np.where(rng.random((600, 1)) < shared, both, own)).p_value)
    assert np.mean(np.array(p_values) < level) <= most


def test_two_seeds_with_the_same_score_on_other_items_are_not_certain():
    values = np.zeros((100, 2))
    values[0, 0] = values[1, 1] = 1
    found = estimate(values)
    assert found.p_value > 0.01 and found.standard_error == pytest.approx(0.5**0.5 * 0.1 / 200**0.5, rel=0.02)


def test_one_seed_is_the_t_test_over_items():
    values = np.random.default_rng(0).normal(0.2, 1.0, 40)
    found, theirs = estimate(values), stats.ttest_1samp(values, 0.0)
    assert (found.low, found.high) == pytest.approx(theirs.confidence_interval())
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert found.standard_error == pytest.approx(stats.sem(values))
    assert found.seeds == 1


def test_seeds_on_which_items_agree_in_nothing_are_the_t_test_over_seeds():
    rng = np.random.default_rng(1)
    values = rng.standard_normal((50, 4))
    values -= values.mean(axis=1, keepdims=True) - rng.standard_normal(4) - 1.0
    found, theirs = estimate(values), stats.ttest_1samp(values.mean(axis=0), 0.0)
    assert (found.low, found.high) == pytest.approx(theirs.confidence_interval())
    assert found.p_value == pytest.approx(theirs.pvalue)


def test_standard_error_is_that_of_the_two_way_layout():
    (values,) = simulated(np.random.default_rng(2), 4, items=(30,), ratio=1.0)
    items, seeds = np.indices(values.shape)
    frame = pd.DataFrame({"value": values.ravel(), "item": items.ravel(), "seed": seeds.ravel()})
    table = anova_lm(ols("value ~ C(item) + C(seed)", frame).fit())
    square = table["sum_sq"] / table["df"]
    variance = (square["C(item)"] + square["C(seed)"] - square["Residual"]) / values.size
    assert estimate(values).standard_error == pytest.approx(variance**0.5)


def test_interval_and_test_agree():
    rng = np.random.default_rng(4)
    for seeds in (1, 2, 3, 5):
        (values,) = simulated(rng, seeds, ratio=0.5)
        found = estimate(values)
        assert estimate(values - found.low).p_value == pytest.approx(0.05)
        narrow = estimate(values, level=0.8)
        assert estimate(values - narrow.high).p_value == pytest.approx(0.2)
        assert found.low < narrow.low < narrow.high < found.high


def test_each_set_counts_the_same_however_many_items_it_has():
    values, sets = np.r_[np.zeros(90), np.ones(10)], ["large"] * 90 + ["small"] * 10
    assert estimate(values).mean == pytest.approx(0.1)
    found = estimate(values, sets)
    assert found.mean == pytest.approx(0.5)
    assert found.standard_error == 0  # items differ only between sets, and these are given


def test_two_sets_are_welchs_t_test():
    rng = np.random.default_rng(8)
    one, other = rng.normal(0.3, 1.0, 20), rng.normal(0.0, 4.0, 12)
    found = estimate(np.r_[one, -other], ["one"] * 20 + ["other"] * 12)
    theirs = stats.ttest_ind(one, other, equal_var=False)
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert (2 * found.low, 2 * found.high) == pytest.approx(theirs.confidence_interval())


def test_pairing_removes_what_items_and_seeds_share():
    rng = np.random.default_rng(2)
    (first,) = simulated(rng, 3, items=(200,), ratio=3.0)
    found = difference(first, first - 0.1 + 0.05 * rng.standard_normal(first.shape))
    assert 0.08 < found.low < 0.1 < found.high < 0.12
    assert found.p_value < 0.01
    assert estimate(first).standard_error > 20 * found.standard_error


def test_the_base_model_has_no_seed():
    rng = np.random.default_rng(4)
    (trained,), (base,) = simulated(rng, 3), simulated(rng, 1)
    assert difference(trained + 1, base).mean == pytest.approx(trained.mean() + 1 - base.mean())


@pytest.mark.parametrize("n", [20, 100])
def test_smallest_detectable_is_that_of_statsmodels(n):
    values = np.random.default_rng(6).standard_normal(n)
    wanted = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8) * values.std(ddof=1)
    assert estimate(values).smallest_detectable == pytest.approx(wanted, rel=0.01)


def test_smallest_detectable_is_found_in_four_of_five():
    rng = np.random.default_rng(9)
    grids = [simulated(rng, 5, ratio=0.5)[0] for _ in range(GRIDS)]
    effect = np.mean([estimate(values).smallest_detectable for values in grids])
    assert np.mean([estimate(values + effect).p_value < 0.05 for values in grids]) == pytest.approx(0.8, abs=0.06)


def test_holm_is_that_of_the_textbook():
    """Each of the ordered p-values times the number of those not smaller, never falling, at most 1."""
    assert holm([0.01, 0.04, 0.03, 0.6]) == pytest.approx([0.04, 0.09, 0.09, 0.6])
    assert holm([np.nan, 0.02, np.nan, 0.6]) == pytest.approx([np.nan, 0.04, np.nan, 0.6], nan_ok=True)
    assert np.isnan(holm([np.nan])).all() and holm([]).size == 0


def test_values_without_spread_have_no_width():
    found = estimate(np.full((5, 2), 0.25))
    assert (found.low, found.high) == (0.25, 0.25) and 0 < found.p_value < 1e-12
    assert estimate(np.zeros((5, 2))).p_value == 1


def test_a_p_value_has_a_floor():
    values = 1e6 + np.random.default_rng(0).standard_normal(500)
    assert 0 < estimate(values).p_value < 1e-12


def test_coverage_is_stated_for_the_numbers_of_seeds_that_are_simulated():
    assert set(COVERAGE) == {2, 3, 5}


@pytest.mark.parametrize(
    ("values", "message"),
    [([], "shape"), ([[1.0, np.nan]], "1 missing"), (np.zeros((2, 2, 2)), "shape"), ([[1.0, 2.0]], "single item says")],
)
def test_values_that_cannot_be_used_are_refused(values, message):
    with pytest.raises(BadRecords, match=message):
        estimate(values)


def test_a_set_of_one_item_is_named():
    with pytest.raises(BadRecords, match="single item in svamp says nothing"):
        estimate([1.0, 2.0, 3.0], ["gsm8k", "gsm8k", "svamp"])


def test_cells_that_do_not_match_are_refused():
    with pytest.raises(BadRecords, match="50 items and 3 seeds cannot be paired with 49 items and 3 seeds"):
        difference(np.zeros((50, 3)), np.zeros((49, 3)))
    with pytest.raises(BadRecords, match="3 seeds cannot be paired with 50 items and 2 seeds"):
        difference(np.zeros((50, 3)), np.zeros((50, 2)))
    with pytest.raises(BadRecords, match="4 items but 3 names"):
        estimate(np.zeros(4), ["a", "b", "c"])
