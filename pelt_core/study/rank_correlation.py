"""Whether two measures put the same things in the same order, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from math import atanh, tanh

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from pelt_core.study.statistics import LEVEL, BadRecords

LEAST_PAIRS = 4


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation of pairs of numbers.

    Attributes:
        value: from -1, opposite orders, to 1, the same order.
        low: lower end of the interval.
        high: upper end of the interval.
        p_value: of the hypothesis that it is 0, that neither order says anything of the other, or `against`, two-sided;
            it is below 1 - level where the interval does not hold that.
        pairs: how many.
    """

    value: float
    low: float
    high: float
    p_value: float
    pairs: int


def spearman(first: ArrayLike, second: ArrayLike, *, level: float = LEVEL, against: float = 0.0) -> RankCorrelation:
    """The rank correlation of two measures of the same things, e.g. a published effect and ours of every claim.

    The interval is Fisher's, with the variance (1 + value²/2) / (pairs - 3) of Bonett and Wright 2000
    (doi:10.1007/BF02294183). Equal or opposite orders would leave it no width: it is then taken from orders in which
    two neighbours changed place.

    Args:
        first: a number for each thing.
        second: another one, in the same order.
        level: of the interval.
        against: the correlation that the p-value holds it against.

    Raises:
        BadRecords: fewer than `LEAST_PAIRS` pairs, a missing number, or a measure that is the same for all.
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.ndim != 1 or one.shape != other.shape or len(one) < LEAST_PAIRS:
        raise BadRecords(
            f"a rank correlation needs two rows of numbers, as long as each other and at least {LEAST_PAIRS} long, "
            f"not arrays of shapes {one.shape} and {other.shape}"
        )
    if not np.isfinite([one, other]).all() or not (np.ptp(one) and np.ptp(other)):
        raise BadRecords("a rank correlation needs finite numbers that are not all the same; leave out what is missing")
    pairs = len(one)
    value = float(stats.spearmanr(one, other).statistic)
    neighbours = 1 - 12 / (pairs * (pairs**2 - 1))
    inner = min(max(value, -neighbours), neighbours)
    error = ((1 + inner**2 / 2) / (pairs - 3)) ** 0.5
    reach = float(stats.norm.isf((1 - level) / 2)) * error
    return RankCorrelation(
        value=value,
        low=min(tanh(atanh(inner) - reach), value),
        high=max(tanh(atanh(inner) + reach), value),
        p_value=float(2 * stats.norm.sf(abs(atanh(inner) - atanh(against)) / error)),
        pairs=pairs,
    )
