"""The numbers of a tested estimate as columns of a frame, and their correction over all of its lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pelt_core.study.statistics import LEAST_SEEDS, LEVEL, Estimate, holm

TESTED = ("mean", "low", "high", "p", "detectable")
"""A mean with its interval, its p-value, and the smallest effect that could have been detected."""
UNTESTED = dict.fromkeys(TESTED, np.nan)
"""Where nothing is recorded."""


def as_columns(found: Estimate) -> dict[str, Any]:
    """The columns `TESTED`; p and detectable are NaN below `LEAST_SEEDS` seeds."""
    several = found.seeds >= LEAST_SEEDS
    return {
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "p": found.p_value if several else np.nan,
        "detectable": found.smallest_detectable if several else np.nan,
    }


def with_holm(frame: pd.DataFrame) -> pd.DataFrame:
    """Differences with p_holm, corrected over all lines of the frame, and significant."""
    p_holm = holm(frame["p"])
    return frame.assign(p_holm=p_holm, significant=p_holm < 1 - LEVEL)
