"""Means over tasks that were trained on apart: a seed is another training on each."""

import numpy as np
import pytest
from scipy import stats

from pelt_core.study.statistics import COVERAGE, estimate, pooled

GRIDS = 1000


def simulated(rng, tasks, seeds, ratio, uneven, items=30):
    """Values of mean 0, and the task of each item; the seeds' effects on a task are its own.

    Args:
        rng: random numbers.
        tasks, seeds, items: how many.
        ratio: standard deviation of a seed's effect, over that of an item's value.
        uneven: so many times as large on the second half of the tasks.
    """
    spread = ratio * np.where(np.arange(tasks) < tasks / 2, 1, uneven)[:, None]
    of_seeds = np.repeat(spread * rng.standard_normal((tasks, seeds)), items, axis=0)
    of_items = rng.standard_normal((tasks * items, 1)) + rng.standard_normal((tasks * items, seeds))
    return of_seeds + of_items, np.repeat(np.arange(tasks), items)


@pytest.mark.parametrize(("ratio", "uneven"), [(0, 1), (0.3, 1), (3, 1), (3, 4)])
@pytest.mark.parametrize("tasks", [2, 4])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_intervals_cover_the_truth_and_a_true_null_is_rarely_rejected(seeds, tasks, ratio, uneven):
    rng = np.random.default_rng(11)
    found = [pooled(*simulated(rng, tasks, seeds, ratio, uneven)) for _ in range(GRIDS)]
    share = np.mean([one.low <= 0 <= one.high for one in found])
    error = 2 * (0.05 * 0.95 / GRIDS) ** 0.5
    assert COVERAGE[seeds][0] - error <= share <= COVERAGE[seeds][1] + error, share
    assert np.mean([one.p_value < 0.05 for one in found]) <= 0.06


def test_of_one_task_it_is_the_estimate():
    values, tasks = simulated(np.random.default_rng(0), 1, 3, 1, 1)
    assert pooled(values, tasks) == estimate(values)


def test_where_items_agree_two_tasks_are_welchs_t_test():
    one, other = np.random.default_rng(1).normal(size=(2, 4)) * [[1], [3]]
    values = np.concatenate([np.tile(one, (5, 1)), np.tile(other, (9, 1))])
    found = pooled(values, ["a"] * 5 + ["b"] * 9)
    assert found.mean == pytest.approx((one.mean() + other.mean()) / 2)
    assert found.p_value == pytest.approx(stats.ttest_ind(one, -other, equal_var=False).pvalue)


def test_several_tasks_say_more_than_seeds_that_they_would_share():
    rng = np.random.default_rng(2)
    widths = {pooled: [], estimate: []}
    for _ in range(100):
        values, tasks = simulated(rng, 4, 2, 3, 1)
        for kind, own in widths.items():
            found = kind(values, tasks)
            own.append(found.high - found.low)
    assert np.median(widths[pooled]) < np.median(widths[estimate])
