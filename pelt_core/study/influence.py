"""How much each item adds to a score that is no mean over items, so that it can be treated as one.

An accuracy is the mean of what every item is worth, 0 or 1. An F1, a Matthews or a rank correlation is not, but close
to one: with `s` the score of all `n` items and `s_-i` that of all but item `i`, item `i` is worth

    v_i = s + (n - 1) (mean_j s_-j - s_-i),

whose mean is `s` and whose variance over `n` is the jackknife's estimate of the variance of `s` (Efron and Stein 1981,
doi:10.1214/aos/1176345462). For an accuracy `v_i` is 0 or 1 again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from pelt_core.data.glue.metrics import metric
from pelt_core.data.glue.tasks import task

Array = NDArray[np.float64]


def influence(name: str, predictions: ArrayLike, labels: ArrayLike) -> Array:
    """What each item adds to a task's metric, `(items,)`; their mean is the metric.

    For a rank correlation the ranks are those among all items, whichever is left out.

    Args:
        name: of the task.
        predictions: a class's number an item, or a score for STS-B.
        labels: what is right, in the same order.

    Raises:
        UnknownTask: there is no such task.
        BadPredictions: see `pelt_core.data.glue.metrics.metric`.
    """
    given, right = np.asarray(predictions), np.asarray(labels)
    (score,) = metric(name, given.tolist(), right.tolist()).values()
    without = _WITHOUT[task(name).metric](given, right)
    return score + (len(given) - 1) * (without.mean() - without)


def _accuracies(given: Array, right: Array) -> Array:
    hits = (given == right).astype(float)
    return (hits.sum() - hits) / (len(hits) - 1)


def _f1s(given: Array, right: Array) -> Array:
    positive, relevant = (given == 1).astype(float), (right == 1).astype(float)
    hits = positive * relevant
    return _ratio(2 * (hits.sum() - hits), positive.sum() - positive + relevant.sum() - relevant)


def _pearsons(one: Array, other: Array) -> Array:
    """The linear correlation without each item in turn, from sums without it."""
    n = len(one) - 1
    x, y = one - one.mean(), other - other.mean()
    sx, sy = -x, -y  # sums without an item: all of them add up to 0
    xx, yy, xy = (x**2).sum() - x**2, (y**2).sum() - y**2, (x * y).sum() - x * y
    return _ratio(xy - sx * sy / n, np.sqrt(np.maximum((xx - sx**2 / n) * (yy - sy**2 / n), 0)))


def _spearmans(given: Array, right: Array) -> Array:
    return _pearsons(rankdata(given), rankdata(right))


def _ratio(above: Array, below: Array) -> Array:
    """0 where a metric is not defined, as `metric` has it."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 1e-12)


# Matthews' correlation is the linear one of two classes' numbers.
_WITHOUT: dict[str, Callable[[Array, Array], Array]] = {
    "accuracy": _accuracies,
    "f1": _f1s,
    "matthews": _pearsons,
    "spearman": _spearmans,
}
