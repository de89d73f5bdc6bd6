"""Frames of estimates of few-example studies, in points: one line a cell, and paired differences of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pelt_core.data.glue.tasks import task
from pelt_core.report.few_shot.state import cell_state, selected
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.tested import UNTESTED, as_columns
from pelt_core.study import statistics
from pelt_core.study.scores import POINTS, Scores
from pelt_core.study.statistics import LEAST_SEEDS

SIGNED = ("matthews", "spearman")
"""Metrics that go down to -1."""


def cells(scores: Scores, by: Sequence[str] = ("examples", "task", "method"), **where: Any) -> pd.DataFrame:
    """The mean of every cell with its interval; NaN where nothing is recorded.

    Args:
        scores: of the studies.
        by: fields of a run (see `pelt_core.study.scores.CELL`) that tell the cells apart. Without `task`, a cell is the
            mean over the tasks, each counting the same, at the seeds that all of them have; it counts as not run while
            a task is lacking.
        where: fields that select runs, each with a value or a list of values.

    Returns:
        The columns `by`, in the order of the grid, and state (why there is no estimate, or empty), seeds, mean, low,
        high, deviation (between the seeds' scores), by_seed (the list of these).

    Raises:
        ValueError: a cell has several runs of one task and seed.
    """
    found = []
    for line in _lines(scores, by, where):
        chosen = {**where, **dict(zip(by, line, strict=True))}
        tasks = [name for (name,) in _lines(scores, ("task",), chosen)]
        found.append(dict(zip(by, line, strict=True)) | _estimate(scores, chosen, tasks))
    columns = [*by, "state", "seeds", "mean", "low", "high", "deviation", "by_seed"]
    return pd.DataFrame(found, columns=columns)


def recorded_tasks(scores: Scores, **where: Any) -> list[str]:
    """The tasks that an average can be taken over.

    They are those for which the grid has every method, and on which every method with any finished run has one.
    """
    grid = pd.DataFrame(_lines(scores, ("task", "method"), where), columns=["task", "method"])
    methods_in_grid = grid.groupby("task")["method"].nunique()
    whole = set(methods_in_grid.index[methods_in_grid == grid["method"].nunique()])
    finished = scores.table[scores.table["key"].isin([run.key for run in selected(scores, **where)])]
    methods = finished.groupby("task")["method"].nunique()
    every = finished["method"].nunique()
    return [n for (n,) in _lines(scores, ("task",), where) if n in whole and methods.get(n, 0) == every > 0]


def well_recorded(scores: Scores, methods: Sequence[str], examples: int, tasks: Sequence[str]) -> list[str]:
    """Those of these tasks on which all methods share several seeds; where there is none, those with one."""
    own = scores.table[scores.table["method"].isin(methods) & (scores.table["examples"] == examples)]
    shared = {}
    for name in tasks:
        seeds = [set(own.loc[(own["task"] == name) & (own["method"] == method), "seed"]) for method in methods]
        shared[name] = len(set.intersection(*seeds))
    return [n for n in tasks if shared[n] >= LEAST_SEEDS] or [n for n in tasks if shared[n]]


def difference(scores: Scores, first: Mapping[str, Any], second: Mapping[str, Any], **where: Any) -> dict[str, Any]:
    """The mean of first − second, paired by task, item and seed, each task counting the same.

    Args:
        scores: of the studies.
        first: fields that select the runs of the first side.
        second: of the second side.
        where: of both.

    Returns:
        state, tasks (which), seeds (how many), mean, low, high, p, detectable; the last two NaN below `LEAST_SEEDS`.
    """
    return paired(scores.values(**where, **first), scores.values(**where, **second))


def paired(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, Any]:
    """As `difference`, of the values themselves, see `pelt_core.study.scores.Scores.values`."""
    if one.empty or other.empty:
        return of_differences(pd.DataFrame())
    seeds, items = one.columns.intersection(other.columns), one.index.intersection(other.index)
    return of_differences(one.loc[items, seeds] - other.loc[items, seeds])


def of_differences(values: pd.DataFrame) -> dict[str, Any]:
    """As `difference`, of what each item adds to it: one column a seed, one line an item, by (task, id)."""
    if values.empty:
        return {"state": NOT_RUN, "tasks": [], "seeds": 0, **UNTESTED}
    sets = values.index.get_level_values("task")
    found = statistics.pooled(values.to_numpy(), sets)
    return {"state": "", "tasks": list(sets.unique()), "seeds": found.seeds, **as_columns(found)}


def _estimate(scores: Scores, chosen: dict[str, Any], tasks: list[str]) -> dict[str, Any]:
    values = scores.values(**{**chosen, "task": tasks})
    there = set() if values.empty else set(values.index.get_level_values("task"))
    if there != set(tasks) or not values.shape[1]:
        states = {cell_state(scores, **{**chosen, "task": name}) for name in set(tasks) - there}
        nothing = dict.fromkeys(("mean", "low", "high", "deviation"), np.nan)
        return {
            "state": NOT_RUN if NOT_RUN in states or not states else states.pop(),
            "seeds": 0,
            **nothing,
            "by_seed": [],
        }
    one = statistics.pooled(values.to_numpy(), values.index.get_level_values("task"))
    by_seed = values.groupby(level="task").mean().mean()
    floor = -POINTS if {task(name).metric for name in tasks} & set(SIGNED) else 0
    return {
        "state": "",
        "seeds": one.seeds,
        "mean": one.mean,
        "low": max(one.low, floor),
        "high": min(one.high, POINTS),
        "deviation": by_seed.std() if len(by_seed) > 1 else np.nan,
        "by_seed": by_seed.tolist(),
    }


def _lines(scores: Scores, by: Sequence[str], where: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The values of these fields in the selected runs, each combination once, in the order of the grid."""
    return list(dict.fromkeys(tuple(scores.field(run, name) for name in by) for run in selected(scores, **where)))
