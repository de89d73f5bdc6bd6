"""Scores, or losses, against the number of trained parameters."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pelt_core.report.labels import SMALL, Name, name_column
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import method_name
from pelt_core.report.style import COLOURS, INK, WIDTH, mark

LABEL = 0.18
"""Inches of height for a name beside others."""


def against_parameters(
    frame: pd.DataFrame, comparable: tuple[float, float], level: Sequence[str], labels: tuple[str, str]
) -> Figure:
    """A mean against the number of trained parameters, every point with its name at the right.

    Above stands how many methods are not shown, as they have no mean.

    Args:
        frame: columns method, mean, low, high, parameters; the mean is NaN where there is none.
        comparable: least and greatest number of parameters of the shaded band; NaN for none.
        level: methods that are drawn as a line across, as their size is none that could be chosen.
        labels: of the axis of parameters and of that of means.
    """
    known = frame[frame["mean"].notna()]
    points = known[~known["method"].isin(level)].sort_values("mean", ascending=False)
    figure, axis = plt.subplots(figsize=(WIDTH, LABEL * max(8, len(known)) + 1.0), layout="constrained")
    axis.set_xscale("log")
    if np.isfinite(comparable).all():
        axis.axvspan(*comparable, color=INK, alpha=0.13, linewidth=0)
    for one in points.itertuples():
        axis.plot([one.parameters] * 2, [one.low, one.high], color=COLOURS[one.method], linewidth=0.9, alpha=0.55)
        axis.plot(one.parameters, one.mean, **mark(one.method), markersize=6)
    for one in known[known["method"].isin(level)].itertuples():
        axis.axhline(one.mean, color=COLOURS[one.method], linewidth=0.9, linestyle=(0, (3, 2)))
    if known.empty:
        axis.text(0.5, 0.5, NOT_RUN, transform=axis.transAxes, ha="center", va="center", style="italic")
    elif len(known) < len(frame):
        said = f"not shown: {len(frame) - len(known)} of {len(frame)} methods, without results"
        axis.set_title(said, loc="left", fontsize=SMALL, style="italic")
    axis.margins(x=0.08, y=0.06)
    ends = dict(zip(known["method"], known["parameters"], strict=True)) | dict.fromkeys(level, axis.get_xlim()[1])
    name_column(
        axis, [Name(method_name(o.method), ends[o.method], o.mean, COLOURS[o.method]) for o in known.itertuples()]
    )
    axis.set_xlabel(labels[0])
    axis.set_ylabel(labels[1])
    axis.tick_params(axis="y", length=3)
    return figure
