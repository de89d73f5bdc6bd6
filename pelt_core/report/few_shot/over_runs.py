"""A number a run -> its mean over runs: for what is recorded of a run and not of its items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pelt_core.report.estimates import LEAST_SEEDS, LEVEL
from pelt_core.study import statistics

RUN = ("method", "task", "examples", "seed")


def over_runs(frame: pd.DataFrame, column: str, by: Sequence[str] = ()) -> pd.DataFrame:
    """The mean of a column over the runs of each group, with the interval of Student's t over them.

    Args:
        frame: a line a run (or a run and something else that `by` tells apart), with columns task, seed and `column`.
        column: the number.
        by: columns that tell the groups apart; none for one group of all.

    Returns:
        The columns `by`, in the order of the frame, runs and seeds (how many), mean, low, high (NaN of a single run), p
        (NaN below `LEAST_SEEDS` seeds too) and by_run (the list of the numbers).
    """
    grouped = frame.groupby(list(by), sort=False) if by else [((), frame)]
    lines = [dict(zip(by, name, strict=True)) | _estimate(own, column) for name, own in grouped]
    return pd.DataFrame(lines, columns=[*by, "runs", "seeds", "mean", "low", "high", "p", "by_run"])


def _estimate(own: pd.DataFrame, column: str) -> dict[str, Any]:
    values, seeds = own[column].to_numpy(float), own["seed"].nunique()
    line = {"runs": len(values), "seeds": seeds, "mean": values.mean() if len(values) else np.nan}
    if len(values) < 2:
        return line | {"low": np.nan, "high": np.nan, "p": np.nan, "by_run": values.tolist()}
    found = statistics.estimate(values, level=LEVEL)
    p = found.p_value if seeds >= LEAST_SEEDS else np.nan
    return line | {"low": found.low, "high": found.high, "p": p, "by_run": values.tolist()}
