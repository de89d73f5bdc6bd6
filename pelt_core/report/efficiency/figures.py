"""Scores against costs: a panel a kind of cost, with the Pareto front."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pelt_core.report.efficiency.quality import SPENT, Quality, on_front, spent
from pelt_core.report.labels import SMALL, Name, is_far, name_column
from pelt_core.report.names import method_name
from pelt_core.report.style import COLOURS, INK, WIDTH, mark
from pelt_core.study.costs import Costs

LINE = 0.2
"""Inches of height for a label."""


def pareto(costs: Costs, shown: Quality) -> Figure:
    """The mean score against each kind of cost; cheap is left, good is up, and the front is the line through the best.

    Args:
        costs: recorded, or nothing.
        shown: the scores.
    """
    both = [spent(costs, kind).join(shown.frame.add_suffix("_score"), how="inner") for kind in SPENT]
    if both[0].empty:
        return _nothing()
    height = LINE * len(both[0]) + 0.85
    figure, axes = plt.subplots(len(SPENT), 1, figsize=(WIDTH, height * len(SPENT)), layout="constrained")
    for axis, (kind, label), frame in zip(axes, SPENT.items(), both, strict=True):
        if kind == "parameters":
            axis.set_xscale("log")
        _front(axis, frame.loc[on_front(costs, shown, kind)])
        for method, one in frame.iterrows():
            _point(axis, str(method), one)
        axis.set_xlabel(label)
        axis.set_ylabel("score, points")
        axis.spines["left"].set_visible(True)
        axis.tick_params(axis="y", left=True, length=3)
        axis.locator_params(axis="y", nbins=5)
        _labels(axis, frame, shown.baseline)
    return figure


def _point(axis: Axes, method: str, one: pd.Series) -> None:
    colour = COLOURS[method]
    axis.plot([one["value"]] * 2, [one["low_score"], one["high_score"]], color=colour, linewidth=1.2, zorder=1)
    axis.plot([one["low"], one["high"]], [one["mean_score"]] * 2, color=colour, linewidth=1.2, zorder=1)
    axis.plot(one["value"], one["mean_score"], markersize=6, zorder=2, **mark(method))


def _front(axis: Axes, frame: pd.DataFrame) -> None:
    axis.step(frame["value"], frame["mean_score"], where="post", color=INK, linewidth=1, zorder=0)


def _labels(axis: Axes, frame: pd.DataFrame, baseline: float) -> None:
    """The names on the right; a trivial baseline far below the methods is named at the lower edge instead of drawn."""
    names = [
        Name(method_name(str(method)), one["value"], one["mean_score"], COLOURS[str(method)])
        for method, one in frame.iterrows()
    ]
    if is_far(baseline, frame["low_score"].min(), frame["high_score"].max()):
        said = f"↓ trivial baseline {baseline:.1f}".replace("-", "−")
        axis.text(0.98, 0.02, said, transform=axis.transAxes, ha="right", va="bottom", fontsize=SMALL)
    else:
        axis.axhline(baseline, color=INK, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
        names.append(Name("trivial baseline", axis.get_xlim()[1], baseline, INK))
    name_column(axis, names)


def _nothing() -> Figure:
    figure, axis = plt.subplots(figsize=(WIDTH, 0.8))
    axis.set_axis_off()
    axis.text(0.5, 0.5, "not run yet", ha="center", va="center", style="italic")
    return figure
