"""Figures of few-example studies, in points; how they are drawn says `pelt_core.report.lines`."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from pelt_core.report import lines


def scores(frame: pd.DataFrame, label: str, baselines: Mapping[str, float] | None = None) -> Figure:
    """The mean of every cell with its interval; small dots are single seeds, dashes the trivial baseline.

    Args:
        frame: columns heading, line, method (for the colour), state, mean, low, high, by_seed.
        label: of the axis.
        baselines: heading -> its trivial baseline.
    """
    return lines.means(frame, label, "{:.1f}", baselines)


def differences(frame: pd.DataFrame, label: str, first: str, second: str) -> Figure:
    """Paired differences around a line at zero; filled where Holm's correction leaves them significant.

    Args:
        frame: columns heading, line, method (for the colour), state, mean, low, high, significant.
        label: of the axis.
        first: what a positive difference is in favour of.
        second: what a negative one is in favour of.
    """
    return lines.differences(frame, label, first, second, "{:+.1f}")
