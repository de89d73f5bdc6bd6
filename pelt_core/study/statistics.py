"""How sure a mean is: a bootstrap over seeds and items, for one cell and for the difference of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from pelt_core.errors import PeltError

Array = NDArray[np.float64]
COVERAGE = {2: 0.78, 3: 0.83}
"""Number of seeds -> share of repetitions of a simulation in which a 95 % interval of `estimate` covered the truth,
where seeds differed as much as the items' mean was uncertain."""


class BadRecords(PeltError, ValueError):
    """Per-item records from which nothing can be estimated."""


@dataclass(frozen=True)
class Estimate:
    """A mean and what the data say about it.

    Attributes:
        mean: over items and seeds.
        low: lower end of the interval.
        high: upper end of the interval.
        standard_error: standard deviation of the bootstrapped means.
        p_value: of the hypothesis that the mean is 0, two-sided; meant for differences.
        seeds: how many; with one seed the interval speaks of other questions only, not of other trainings.
    """

    mean: float
    low: float
    high: float
    standard_error: float
    p_value: float
    seeds: int

    @property
    def smallest_detectable(self) -> float:
        """The true difference that such data would show in four of five repetitions; see `smallest_detectable`."""
        return smallest_detectable(self.standard_error)


def estimate(
    values: ArrayLike,
    sets: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 4000,
    seed: int = 0,
) -> Estimate:
    """Mean and percentile interval of per-item values under new seeds and new items.

    Every seed answers the same items, so the two are crossed: each resample draws seeds, and items within each data
    set, and the drawn items serve all drawn seeds (the pigeonhole bootstrap, Owen 2007, doi:10.1214/07-AOAS122, which
    `scipy.stats.bootstrap` has not). Drawing items anew for each seed would count an item once a seed, as if three
    seeds had answered three times as many questions. Draws are rescaled by sqrt(n / (n - 1)) around the mean
    (Rao and Wu 1988, doi:10.1080/01621459.1988.10478591), without which two seeds show half their variance. Even
    so the interval is too narrow where two or three seeds differ as much as the items' mean is uncertain: see
    `COVERAGE`.

    Args:
        values: a number for each item and seed, ``(items, seeds)`` or ``(items,)``.
        sets: the data set of each item; the mean is then that of the sets' means, each set counting the same.
        level: of the interval.
        resamples: how many.
        seed: of the random numbers.

    Raises:
        BadRecords: there are no values, or one is missing.
    """
    matrix = _matrix(values)
    labels = np.zeros(len(matrix)) if sets is None else np.asarray(sets)
    if len(labels) != len(matrix):
        raise BadRecords(f"{len(matrix)} items but {len(labels)} names of data sets; give one for each item")
    rng = np.random.default_rng(seed)
    groups = [matrix[labels == label] for label in np.unique(labels)]
    by_seed = np.mean([_draws(rng, len(group), resamples) @ group for group in groups], axis=0)
    means = (by_seed * _draws(rng, matrix.shape[1], resamples)).sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    beyond = min(np.mean(means <= 0), np.mean(means >= 0))
    return Estimate(
        mean=float(np.mean([group.mean() for group in groups])),
        low=float(low),
        high=float(high),
        standard_error=float(means.std()),
        p_value=float(min(1.0, 2 * (beyond * resamples + 1) / (resamples + 1))),
        seeds=matrix.shape[1],
    )


def difference(first: ArrayLike, second: ArrayLike, sets: Sequence[str] | None = None, **options: float) -> Estimate:
    """The mean of ``first - second``, paired: item by item, and seed by seed where both have the same seeds.

    Args:
        first: ``(items, seeds)``.
        second: ``(items, seeds)`` of the same items and seeds in the same order, or ``(items, 1)``, e.g. of the
            untrained backbone, which has no seed.
        sets: as in `estimate`.
        options: as in `estimate`.

    Raises:
        BadRecords: the two do not match.
    """
    one, other = _matrix(first), _matrix(second)
    if len(one) != len(other) or (one.shape[1] != other.shape[1] and 1 not in (one.shape[1], other.shape[1])):
        raise BadRecords(
            f"values of {one.shape[0]} items and {one.shape[1]} seeds cannot be paired with {other.shape[0]} items and "
            f"{other.shape[1]} seeds; keep the items and seeds that both have"
        )
    return estimate(one - other, sets, **options)  # type: ignore[arg-type]


def smallest_detectable(standard_error: float, level: float = 0.95, power: float = 0.8) -> float:
    """The true effect whose estimate lies beyond the interval around 0 with probability `power`.

    (z_{(1 + level) / 2} + z_power) * standard_error, with z the quantiles of the normal distribution.
    """
    return float((stats.norm.ppf((1 + level) / 2) + stats.norm.ppf(power)) * standard_error)


def _matrix(values: ArrayLike) -> Array:
    matrix = np.asarray(values, dtype=float)
    matrix = matrix[:, None] if matrix.ndim == 1 else matrix
    if matrix.ndim != 2 or matrix.size == 0 or not np.isfinite(matrix).all():
        raise BadRecords(
            f"an estimate needs a finite number for each item and seed, not an array of shape {matrix.shape} "
            f"with {np.count_nonzero(~np.isfinite(matrix))} missing values; keep the items that every seed has"
        )
    return matrix


def _draws(rng: np.random.Generator, n: int, resamples: int) -> Array:
    """Weights of n units in each resample, ``(resamples, n)``: how often each was drawn, rescaled, over n."""
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=resamples)
    return (1 + (drawn - 1) * (n / max(n - 1, 1)) ** 0.5) / n
