"""A mean against the bounds that a claim sets it: one test a bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pelt_core.study.claims.finding import Test
from pelt_core.study.statistics import LEAST_SEEDS, Estimate


def against(
    name: str, values: pd.DataFrame, test: Mapping[str, Any], estimate: Callable[..., Estimate]
) -> Iterator[Test]:
    """One test for each claimed bound of the mean of `values`.

    Args:
        name: of what is compared.
        values: one column a seed, one line an item, by (task, id).
        test: `above` or `below`, the bounds, or both, in the unit of the values.
        estimate: `pelt_core.study.statistics.pooled` where a seed is another training on each task, or `estimate` where
            one training is asked on all of them.
    """
    matrix, sets = values.to_numpy(), values.index.get_level_values("task").tolist()
    found = estimate(matrix, sets)
    testable = found.seeds >= LEAST_SEEDS
    for side, sign in (("above", 1), ("below", -1)):
        if side in test:
            p = estimate(matrix - test[side], sets).p_value
            yield Test(
                name=name if not test[side] else f"{name} {side} {test[side]:g}",
                effect=found.mean,
                low=found.low,
                high=found.high,
                gain=sign * (found.mean - test[side]),
                p=p if testable else np.nan,
                detectable=found.smallest_detectable if testable else np.nan,
            )


def name(weights: Mapping[str, float]) -> str:
    """A weighted sum of cells in words: `lora − 0.5 series − 0.5 parallel`."""
    first, *others = weights.items()
    return first[0] + "".join(
        f" {'−' if weight < 0 else '+'} {'' if abs(weight) == 1 else f'{abs(weight):g} '}{name}"
        for name, weight in others
    )
