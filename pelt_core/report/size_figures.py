"""Scores, or losses, against the number of trained parameters."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pelt_core.report.names import method_name
from pelt_core.report.results import NOT_RUN
from pelt_core.report.style import COLOURS, INK, WIDTH, mark

LABEL = 0.17
"""Inches of height for a name beside others."""


def against_parameters(
    frame: pd.DataFrame, comparable: tuple[float, float], level: Sequence[str], labels: tuple[str, str]
) -> Figure:
    """A mean against the number of trained parameters, every point with its name at the right.

    Args:
        frame: columns method, mean, low, high, parameters.
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
    axis.margins(x=0.08, y=0.06)
    _names(axis, known.sort_values("mean", ascending=False), level)
    axis.set_xlabel(labels[0])
    axis.set_ylabel(labels[1])
    axis.tick_params(axis="y", length=3)
    return figure


def _names(axis: Axes, known: pd.DataFrame, level: Sequence[str]) -> None:
    """The names in a column at the right, as far apart as they are high, each with a line to its point."""
    low, high = axis.get_ylim()
    left, right = axis.get_xlim()
    gap = (high - low) / max(8, len(known))
    places = spread(known["mean"].to_numpy(), gap)
    for y, one in zip(places, known.itertuples(), strict=True):
        start = right if one.method in level else one.parameters
        axis.annotate(
            method_name(one.method),
            (start, one.mean),
            (1.06, (y - low) / (high - low)),
            textcoords="axes fraction",
            va="center",
            fontsize=8,
            color=COLOURS[one.method],
            arrowprops={
                "arrowstyle": "-",
                "color": COLOURS[one.method],
                "linewidth": 0.5,
                "alpha": 0.6,
                "relpos": (0, 0.5),
            },
        )
    axis.set(xlim=(left, right), ylim=(low, high))


def spread(places: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Falling numbers moved until neighbours are `gap` apart, groups of them about their common middle."""
    groups = [[place] for place in places]
    moved = True
    while moved:
        moved = False
        for above, below in zip(groups, groups[1:], strict=False):
            lowest = np.mean(above) - gap * (len(above) - 1) / 2
            highest = np.mean(below) + gap * (len(below) - 1) / 2
            if lowest - highest < gap * (1 - 1e-9):
                above += below
                groups.remove(below)
                moved = True
                break
    moved_apart = [np.mean(own) + gap * ((len(own) - 1) / 2 - np.arange(len(own))) for own in groups]
    return np.concatenate([places[:0], *moved_apart])
