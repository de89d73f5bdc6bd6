"""Figures: horizontal dots with intervals, grouped by method, labelled where they are.

All of them draw frames of `pelt_core.report.estimates`, one line an estimate, in the order of the frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pelt_core.report.names import METHOD_NAMES, backbone_name
from pelt_core.report.style import COLOURS, INK, MARKS, WIDTH

LINE = 0.235
"""Inches of height for a line."""


class _Lines:
    """Where each line of a frame goes: a heading a method, then its lines, then a little air."""

    def __init__(self, frame: pd.DataFrame, label: str) -> None:
        self.places: list[float] = []
        self.names: list[str] = []
        self.headings: dict[str, float] = {}
        y = 0.0
        for method, own in frame.groupby("method", sort=False):
            if method == "none":
                self.places, self.names, y = [*self.places, y], [*self.names, METHOD_NAMES["none"]], y + 1.4
                continue
            self.headings[str(method)] = y
            self.places += [y + 1 + i for i in range(len(own))]
            self.names += list(own[label])
            y += len(own) + 1.5
        self.height = y - 0.5

    def canvas(self, panels: Sequence[float] = (1,)) -> tuple[Figure, list[Axes]]:
        """An empty figure with the names of the lines on its left."""
        size = (WIDTH, LINE * self.height + 0.75)
        figure, axes = plt.subplots(
            1, len(panels), figsize=size, sharey=True, squeeze=False, width_ratios=panels, layout="constrained"
        )
        first = axes[0, 0]
        first.set_ylim(self.height - 0.3, -0.9)
        first.set_yticks(self.places, self.names)
        for method, y in self.headings.items():
            first.annotate(
                METHOD_NAMES[method],
                (0, y),
                xycoords=("axes fraction", "data"),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                color=COLOURS[method],
                weight="bold",
            )
        for axis in axes[0]:
            axis.tick_params(axis="y", length=0)
            axis.locator_params(axis="x", nbins=5)
            axis.spines["left"].set_visible(False)
        return figure, list(axes[0])


def estimates(frame: pd.DataFrame, label: str, unit: str) -> Figure:
    """The mean of every cell with its interval; small dots are single seeds.

    An untrained base that lies far off is named at the edge, so that the cells keep the width of the figure.

    Args:
        frame: columns method, placement, state, mean, low, high, by_seed.
        label: of the axis.
        unit: a format for the number beside each dot, e.g. "{:.3f}".
    """
    lines = _Lines(frame, "placement")
    figure, (axis,) = lines.canvas()
    _dots(axis, lines, frame, unit)
    axis.set_xlabel(label)
    return figure


def published_beside_ours(frame: pd.DataFrame, published: pd.DataFrame, backbone: str, unit: str) -> Figure:
    """Left the paper's best place of each method, right our accuracies, line by line.

    Args:
        frame: as for `estimates`, in percent.
        published: columns method, placement, value (percent), backbone.
        backbone: of our cells.
        unit: a format for the number beside each dot.
    """
    lines = _Lines(frame, "placement")
    figure, (left, right) = lines.canvas((1, 1.45))
    known = published.set_index(["method", "placement"])["value"]
    for y, cell in zip(lines.places, frame.itertuples(), strict=True):
        if (cell.method, cell.placement) in known.index:
            value = known[cell.method, cell.placement]
            left.plot(value, y, MARKS[cell.method], color=COLOURS[cell.method], markerfacecolor="none", markersize=6)
            left.annotate(unit.format(value), (value, y), (7, 0), textcoords="offset points", va="center", fontsize=9.5)
    low, high = known.min(), known.max()
    left.set_xlim(low - 0.35 * (high - low) - 0.5, high + 0.9 * (high - low) + 0.5)
    left.set_title(f"{published['backbone'].iloc[0]}\npublished, best place only")
    _dots(right, lines, frame, unit)
    right.set_title(f"{backbone_name(backbone)}\nthis study")
    figure.supxlabel("accuracy, %", fontsize=10, color=INK)
    return figure


def differences(frame: pd.DataFrame, label: str, better: str) -> Figure:
    """Paired differences between the places of each method; filled where Holm's correction leaves them significant.

    Args:
        frame: columns method, pair, state, mean, low, high, significant.
        label: of the axis.
        better: which way the first of a pair is better, "lower" or "higher".
    """
    lines = _Lines(frame, "pair")
    figure, (axis,) = lines.canvas()
    axis.axvline(0, color=INK, linewidth=0.8, zorder=0)
    for y, one in zip(lines.places, frame.itertuples(), strict=True):
        if np.isnan(one.mean):
            _empty(axis, y, one.state)
            continue
        colour = COLOURS[one.method]
        axis.plot([one.low, one.high], [y, y], color=colour, linewidth=1.8, solid_capstyle="butt")
        face = colour if one.significant else "none"
        axis.plot(one.mean, y, MARKS[one.method], color=colour, markerfacecolor=face, markersize=6)
    reach = np.nanmax(np.abs(frame[["low", "high"]].to_numpy())) if frame["mean"].notna().any() else 1.0
    axis.set_xlim(-1.08 * reach, 1.08 * reach)
    first, second = (
        ("← first is better", "second is better →")
        if better == "lower"
        else ("← second is better", "first is better →")
    )
    axis.text(0.0, 1.01, first, transform=axis.transAxes, ha="left", va="bottom", fontsize=9)
    axis.text(1.0, 1.01, second, transform=axis.transAxes, ha="right", va="bottom", fontsize=9)
    axis.set_xlabel(label)
    return figure


def _dots(axis: Axes, lines: _Lines, frame: pd.DataFrame, unit: str) -> None:
    trained = frame[(frame["method"] != "none") & frame["mean"].notna()]
    shown = trained if len(trained) else frame[frame["mean"].notna()]
    low, high = (shown["low"].min(), shown["high"].max()) if len(shown) else (0.0, 1.0)
    room = (high - low) or 1.0
    axis.set_xlim(low - 0.06 * room, high + 0.3 * room)
    for y, cell in zip(lines.places, frame.itertuples(), strict=True):
        colour, mark = COLOURS[cell.method], MARKS[cell.method]
        if np.isnan(cell.mean):
            _empty(axis, y, cell.state)
        elif not low - room <= cell.mean <= high + room:
            _off_the_axis(axis, y, cell.mean > high, unit.format(cell.mean), colour)
        else:
            left, right = axis.get_xlim()
            axis.set_xlim(min(left, cell.low - 0.06 * room), max(right, cell.high + 0.3 * room))
            axis.plot([cell.low, cell.high], [y, y], color=colour, linewidth=1.8, solid_capstyle="butt")
            axis.plot(cell.by_seed, [y + 0.34] * len(cell.by_seed), ".", color=colour, markersize=2.5, zorder=1)
            axis.plot(cell.mean, y, mark, color=colour, markersize=6)
            axis.annotate(
                unit.format(cell.mean), (cell.high, y), (5, 0), textcoords="offset points", va="center", fontsize=9.5
            )


def _empty(axis: Axes, y: float, state: str) -> None:
    at_the_right = axis.get_yaxis_transform()
    axis.text(0.75, y, state, transform=at_the_right, ha="center", va="center", fontsize=9, style="italic")


def _off_the_axis(axis: Axes, y: float, right: bool, number: str, colour: str) -> None:
    edge, words = (1, f"{number} →") if right else (0, f"← {number}")
    side = "right" if right else "left"
    axis.text(edge, y, words, transform=axis.get_yaxis_transform(), ha=side, va="center", color=colour, fontsize=9.5)
