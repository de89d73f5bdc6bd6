"""The kinds of answers as stacked bars."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from pelt_core.report.lines import SMALL
from pelt_core.report.reasoning.errors import FORM, LETTER, NO_EQUATION, NO_LETTER, OPERATION, RIGHT, SLIP
from pelt_core.report.style import INK, WIDTH

COLOURS = {
    RIGHT: "#1f8d54",
    SLIP: "#917a12",
    OPERATION: "#d44c60",
    NO_EQUATION: "#9e61c7",
    FORM: INK,
    LETTER: "#0e83bf",
    NO_LETTER: "#bd6415",
}
"""Of kinds; these are no methods, whose names stand beside the bars."""
LINE = 0.36
"""Inches of height for a bar and the intervals below it."""
WIDE = 9
"""Points from which a segment has its number written in it."""


def stacked(frame: pd.DataFrame) -> Figure:
    """A bar a method, in segments by kind; below it, at each edge of two segments, the interval of that edge.

    An edge is the share of all kinds to its left, so that its interval is that of one share. The last edge is 100.

    Args:
        frame: as `pelt_core.report.reasoning.errors.shares` gives it.
    """
    bars = list(frame.groupby(["heading", "line"], sort=False))
    headings = list(dict.fromkeys(frame["heading"]))
    order = [bar for heading in headings for bar in bars if bar[0][0] == heading]
    height = len(order) + 0.8 * len(headings)
    figure, axis = plt.subplots(figsize=(WIDTH, LINE * height + 1.1), layout="constrained")
    y, places, before = 0.0, [], ""
    for (heading, _), own in order:
        if heading != before:
            axis.text(0, y + 0.3, heading, ha="left", va="center", weight="bold")
            y, before = y + 0.8, heading
        _bar(axis, y + 0.4, list(own.itertuples()))
        places.append(y + 0.4)
        y += 1
    axis.set_ylim(height, -0.1)
    axis.set_xlim(0, 100)
    axis.set_yticks(places, [line for (_, line), _ in order])
    axis.tick_params(axis="y", length=0)
    axis.set_xlabel("share of the answers, %")
    shown = [name for name in COLOURS if name in set(frame.loc[frame["mean"].notna(), "kind"])]
    if shown:
        patches = [Patch(color=COLOURS[name], label=name) for name in shown]
        figure.legend(
            handles=patches, loc="outside upper center", ncols=3, frameon=False, fontsize=9, labelcolor="linecolor"
        )
    return figure


def _bar(axis: Axes, y: float, segments: list[Any]) -> None:
    if np.isnan(segments[0].mean):
        axis.text(50, y, segments[0].state, ha="center", va="center", fontsize=SMALL, style="italic")
        return
    for i, one in enumerate(segments):
        left, colour = one.edge - one.mean, COLOURS[one.kind]
        axis.barh(y - 0.1, one.mean, 0.5, left=left, color=colour, linewidth=0)
        if one.mean >= WIDE:
            middle = left + one.mean / 2
            axis.text(middle, y - 0.1, f"{one.mean:.0f}", ha="center", va="center", fontsize=9, color="white")
        if i < len(segments) - 1:
            below = y + 0.22 + 0.07 * i
            axis.plot([one.edge_low, one.edge_high], [below, below], color=colour, linewidth=1.3)
