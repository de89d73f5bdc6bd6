"""Frames of estimates: one line a cell, or one line a pair of places."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd

from pelt_core import data
from pelt_core.report.results import DIVERGED, NOT_RUN, Cell, Measure, Results
from pelt_core.study import statistics
from pelt_core.study.statistics import LEAST_SEEDS

LEVEL = 0.95
"""Of every interval and, as 1 - LEVEL, of every test."""


@cache
def by_cell(results: Results, measure: Measure, sets: tuple[str, ...] = ()) -> pd.DataFrame:
    """The mean of every cell with its interval; NaN where nothing is recorded.

    Args:
        results: of a grid.
        measure: what to average.
        sets: over these data sets, each counting the same; all that the measure is taken on if empty.

    Returns:
        Columns method, placement, state (see `Results.state`), mean, low, high, by_seed (a list of means).
    """
    return pd.DataFrame(_cell(results, cell, measure, sets) for cell in results.cells)


def _cell(results: Results, cell: Cell, measure: Measure, sets: tuple[str, ...]) -> dict[str, object]:
    line: dict[str, object] = {"method": cell.method, "placement": cell.placement, "state": results.state(cell)}
    values = results.values(cell, measure, sets)
    if values.empty:
        return line | {"mean": np.nan, "low": np.nan, "high": np.nan, "by_seed": []}
    one = statistics.estimate(values.to_numpy(), _sets(values), level=LEVEL)
    by_seed = values.groupby(level="set").mean().mean().tolist()
    floor, ceiling = (0.0, 1.0) if measure == "correct" else (0.0, np.inf)
    return line | {"mean": one.mean, "low": max(one.low, floor), "high": min(one.high, ceiling), "by_seed": by_seed}


def scaled(frame: pd.DataFrame, factor: float) -> pd.DataFrame:
    """The same estimates in another unit."""
    numbers = frame[["mean", "low", "high"]] * factor
    return frame.assign(**numbers, by_seed=[[factor * value for value in seeds] for seeds in frame["by_seed"]])


def pairs(results: Results, measure: Measure) -> pd.DataFrame:
    """The paired difference between each two places of each method, with Holm's correction over all of them.

    The later place in the grid comes first, so that a pair reads "both − MLP". Only seeds and questions that both
    cells have count, and a p-value and a smallest detectable difference take at least `LEAST_SEEDS` of them.

    Returns:
        Columns method, first, second, pair, state (why there is no difference, or empty), seeds (how many), mean, low,
        high, p, p_holm, significant, detectable.
    """
    lines = [
        _pair(results, first, second, measure)
        for method in dict.fromkeys(cell.method for cell in results.trained)
        for second, first in combinations([cell for cell in results.trained if cell.method == method], 2)
    ]
    frame = pd.DataFrame(lines)
    p_holm = statistics.holm(frame["p"])
    return frame.assign(p_holm=p_holm, significant=p_holm < 1 - LEVEL)


def _pair(results: Results, first: Cell, second: Cell, measure: Measure) -> dict[str, object]:
    places = first.placement, second.placement
    line: dict[str, object] = {
        "method": first.method,
        "first": places[0],
        "second": places[1],
        "pair": " − ".join(places),
        "state": "",
        "seeds": 0,
        "p": np.nan,
        "detectable": np.nan,
    }
    one, other = (results.values(cell, measure) for cell in (first, second))
    seeds, items = one.columns.intersection(other.columns), one.index.intersection(other.index)
    if not len(seeds) or not len(items):
        state = DIVERGED if DIVERGED in (results.state(first), results.state(second)) else NOT_RUN
        return line | {"state": state} | dict.fromkeys(("mean", "low", "high"), np.nan)
    one, other = one.loc[items, seeds], other.loc[items, seeds]
    found = statistics.difference(one.to_numpy(), other.to_numpy(), _sets(one), level=LEVEL)
    line |= {"seeds": found.seeds, "mean": found.mean, "low": found.low, "high": found.high}
    tested = {"p": found.p_value, "detectable": found.smallest_detectable} if found.seeds >= LEAST_SEEDS else {}
    return line | tested


def _sets(values: pd.DataFrame) -> list[str]:
    return values.index.get_level_values("set").tolist()


def is_choice(name: str) -> bool:
    """Whether the answers of a data set are letters."""
    return data.answer_kind(name) == "letter"
