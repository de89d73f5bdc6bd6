"""Frames of estimates of studies of answers: one line a cell, and paired differences of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pelt_core.report.missing import DIVERGED, NOT_RUN
from pelt_core.report.tested import UNTESTED, as_columns
from pelt_core.study import statistics
from pelt_core.study.answer_scores import AnswerScores, measured
from pelt_core.study.run import AnswerRun


def by_name(frame: pd.DataFrame) -> dict[str, Any]:
    """Short name of the method -> its line of a frame that has one a method."""
    return {one.method: one for one in frame.itertuples()}


def cells(
    scores: AnswerScores, by: Sequence[str] = ("method",), sets: Sequence[str] = (), **where: Any
) -> pd.DataFrame:
    """The mean of every cell with its interval, each data set counting the same; NaN where nothing is recorded.

    Args:
        scores: of the studies, by one measure.
        by: columns of `pelt_core.study.answer_scores.CELL` that tell the cells apart.
        sets: over these data sets; all that the measure is taken on if empty.
        where: columns and the value, or list of values, that select runs.

    Returns:
        The columns `by`, in the order of the grid, and state (why there is no estimate, or empty), seeds, mean, low,
        high, by_seed (a list of means).
    """
    lines = dict.fromkeys(tuple(field(scores, run, name) for name in by) for run in selected(scores, sets, **where))
    found = [dict(zip(by, line, strict=True)) for line in lines]
    body = [one | _estimate(scores, sets, {**where, **one}) for one in found]
    return pd.DataFrame(body, columns=[*by, "state", "seeds", "mean", "low", "high", "by_seed"])


def difference(
    scores: AnswerScores, first: Mapping[str, Any], second: Mapping[str, Any], sets: Sequence[str] = ()
) -> dict[str, Any]:
    """The mean of first − second, paired by data set, item and seed, each data set counting the same.

    Args:
        scores: of the studies, by one measure.
        first: columns that select the runs of the first side.
        second: of the second side; the untrained model is the same with every seed.
        sets: as in `cells`.

    Returns:
        state, seeds, items, mean, low, high, p, detectable; the last two NaN below `LEAST_SEEDS`.
    """
    found = paired(scores.values(sets, **first), scores.values(sets, **second))
    if found["state"] and DIVERGED in (unknown(scores, sets, **side)["state"] for side in (first, second)):
        found["state"] = DIVERGED
    return found


def paired(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, Any]:
    """As `difference`, of the values themselves, see `pelt_core.study.answer_scores.AnswerScores.values`."""
    seeds, items = one.columns.intersection(other.columns), one.index.intersection(other.index)
    if not len(seeds) or not len(items):
        return {"state": NOT_RUN, "seeds": 0, "items": 0, **UNTESTED}
    values = (one - other).loc[items, seeds]
    found = statistics.estimate(values.to_numpy(), items.get_level_values("task").tolist())
    return {"state": "", "seeds": found.seeds, "items": len(items), **as_columns(found)}


def selected(scores: AnswerScores, sets: Sequence[str] = (), **where: Any) -> list[AnswerRun]:
    """The runs of the grid, recorded or not, that take the measure and have these fields; `method` is short."""
    wanted = {name: value if isinstance(value, (list, tuple)) else [value] for name, value in where.items()}
    return [
        run
        for run in scores.runs
        if set(measured(run, scores.measure)) & set(sets or measured(run, scores.measure))
        and all(field(scores, run, name) in wanted[name] for name in wanted)
    ]


def field(scores: AnswerScores, run: AnswerRun, name: str) -> Any:
    """A field of a run; of its method, the short name."""
    return scores.names[run.method] if name == "method" else getattr(run, name)


def _estimate(scores: AnswerScores, sets: Sequence[str], chosen: dict[str, Any]) -> dict[str, Any]:
    values = scores.values(sets, **chosen)
    if values.empty:
        return unknown(scores, sets, **chosen)
    untrained = (values.nunique(axis=1) == 1).all() and chosen.get("method") == "none"
    return summary(values.iloc[:, :1] if untrained else values, scores.how.scale if scores.how.sign > 0 else np.inf)


def summary(values: pd.DataFrame, ceiling: float = np.inf) -> dict[str, Any]:
    """The mean of values by (task, id) and seed, each data set counting the same: the columns of `cells` from state on.

    Args:
        values: see `pelt_core.study.answer_scores.AnswerScores.values`.
        ceiling: beyond which no interval reaches; the least is 0.
    """
    one = statistics.estimate(values.to_numpy(), values.index.get_level_values("task").tolist())
    return {
        "state": "",
        "seeds": one.seeds,
        "mean": one.mean,
        "low": max(one.low, 0.0),
        "high": min(one.high, ceiling),
        "by_seed": values.groupby(level="task").mean().mean().tolist(),
    }


def unknown(scores: AnswerScores, sets: Sequence[str] = (), **where: Any) -> dict[str, Any]:
    """As `summary`, of a cell without values: why there are none."""
    statuses = {scores.rows[run.key]["status"] for run in selected(scores, sets, **where) if run.key in scores.rows}
    state = DIVERGED if DIVERGED in statuses else NOT_RUN
    return {"state": state, "seeds": 0, **dict.fromkeys(("mean", "low", "high"), np.nan), "by_seed": []}
