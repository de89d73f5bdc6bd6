"""A number a run -> its mean over tasks and seeds: for what is recorded of a run and not of its items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pelt_core.study import statistics
from pelt_core.study.statistics import LEAST_SEEDS

RUN = ("method", "task", "examples", "seed")


def over_runs(frame: pd.DataFrame, column: str, by: Sequence[str] = ()) -> pd.DataFrame:
    """The mean of a column over the tasks of each group, with an interval that is about these tasks and other seeds.

    Runs of one task and seed share their rows: their mean counts as one number. A task is no draw from others like
    it, so that only its seeds vary, see `pelt_core.study.statistics.estimate` with the tasks as sets and the seeds as
    their items. Tasks with one seed are left out where others have several.

    Args:
        frame: a line a run (or a run and something else that `by` tells apart), with columns task, seed and `column`.
        column: the number.
        by: columns that tell the groups apart; none for one group of all.

    Returns:
        The columns `by`, in the order of the frame, runs and seeds (how many), mean, low, high and p (NaN below
        `LEAST_SEEDS` seeds) and by_run (the list of the numbers).
    """
    grouped = frame.groupby(list(by), sort=False) if by else [((), frame)]
    lines = [dict(zip(by, name, strict=True)) | _estimate(own, column) for name, own in grouped]
    return pd.DataFrame(lines, columns=[*by, "runs", "seeds", "mean", "low", "high", "p", "by_run"])


def _estimate(own: pd.DataFrame, column: str) -> dict[str, Any]:
    seeds = own.groupby("task")["seed"].nunique()
    several = own["task"].isin(seeds.index[seeds >= LEAST_SEEDS])
    own = own[several] if several.any() else own
    line = {"runs": len(own), "seeds": own["seed"].nunique(), "by_run": own[column].astype(float).tolist()}
    repeated = own.groupby(["task", "seed"])[column].mean()
    tasks = repeated.index.get_level_values("task")
    if not several.any():
        return line | {"mean": repeated.groupby(tasks).mean().mean(), "low": np.nan, "high": np.nan, "p": np.nan}
    found = statistics.estimate(repeated.to_numpy(), tasks.tolist())
    return line | {"mean": found.mean, "low": found.low, "high": found.high, "p": found.p_value}
