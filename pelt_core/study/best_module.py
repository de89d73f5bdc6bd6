"""The best of several methods, chosen on test rows as a paper does, or on development rows as one can in practice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd

from pelt_core.study.scores import Scores


def best(
    scores: Scores,
    frames: Mapping[str, pd.DataFrame],
    by: Literal["score", "dev_score"],
    each: Literal["task", "grid"] = "task",
    **cell: Any,
) -> pd.DataFrame:
    """What the best of several methods says of every item.

    By a score on test rows it is the best over all seeds, as the papers choose, which favours it: the highest of
    several uncertain means is too high. By a score on development rows it is chosen for every seed anew.

    Args:
        scores: of the study.
        frames: method -> one line an item, by (task, id), one column a seed, in points; the same lines and columns of
            all methods. Of methods with equal scores the first is taken.
        by: the column of `Scores.table` that decides.
        each: whether one is chosen for each task, or by the mean over tasks for all of them.
        cell: columns of `Scores.table` and the value that selects the methods' runs.

    Returns:
        Lines and columns as of `frames`.
    """
    shape = next(iter(frames.values()))
    tasks = shape.index.unique("task")
    own = scores.table[scores.table["method"].isin(list(frames)) & scores.table["task"].isin(tasks)]
    for name, value in cell.items():
        own = own[own[name] == value]
    qualities = own.pivot(index=["task", "method"], columns="seed", values=by)[shape.columns]
    if each == "grid":
        qualities = pd.concat({task: qualities.groupby("method").mean() for task in tasks}, names=["task"])
    if by == "score":
        over_seeds = qualities.mean(axis=1)
        qualities = pd.DataFrame({seed: over_seeds for seed in qualities.columns})
    parts = []
    for task in tasks:
        winners = qualities.loc[task].loc[list(frames)].idxmax()
        columns = {seed: frames[winner][seed].xs(task, drop_level=False) for seed, winner in winners.items()}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts)
