"""Figures of horizontal dots with intervals under headings, each line labelled where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from pelt_core.report.labels import is_far
from pelt_core.report.style import COLOURS, INK, WIDTH, mark

LINE = 0.235
"""Inches of height for a line."""
SMALL = 9.5
"""Points of text in a figure."""
REFERENCE = "Trivial baseline"
"""The name of a reference that is too far off to be drawn."""


def means(frame: pd.DataFrame, label: str, number: str, references: Mapping[str, float] | None = None) -> Figure:
    """The mean of every cell with its interval; small dots are single seeds, dashes a reference.

    A number without an interval, as papers print them, is an open mark. An untrained model, or a reference, that lies
    far from all others is named at the edge on a line of its own, so that these keep the width of the figure.

    Args:
        frame: columns heading, line, method (for the colour), state, mean, low, high, by_seed; low and high are NaN
            where there is no interval.
        label: of the axis.
        number: the format of what stands beside a dot, e.g. ``"{:.1f}"``.
        references: heading -> what to draw through its lines, a trivial baseline.
    """
    known = {heading: value for heading, value in (references or {}).items() if np.isfinite(value)}
    low, high, far = _ends(frame, known)
    frame = _with_lines(frame, far)
    figure, axis, places = _canvas(frame)
    room = (high - low) or 1.0
    axis.set_xlim(low - 0.05 * room, high + 0.22 * room)
    for y, one in zip(places, frame.itertuples(), strict=True):
        if np.isnan(one.mean):
            _say(axis, y, one.state)
        elif not low <= one.mean <= high:
            _at_the_edge(axis, y, one.mean > high, number.format(one.mean), COLOURS[one.method])
        else:
            printed = {"markerfacecolor": "none"} if np.isnan(one.low) else {}
            _interval(axis, y, one, mark(one.method) | printed)
            seeds, colour = one.by_seed, COLOURS[one.method]
            axis.plot(seeds, [y + 0.34] * len(seeds), ".", color=colour, markersize=2.5, zorder=1)
            _beside(axis, y, np.nanmax([one.mean, one.high]), number.format(one.mean))
    for heading, value in known.items():
        own = [y for y, name in zip(places, frame["heading"], strict=True) if name == heading]
        if own and heading not in far:
            axis.plot([value, value], [min(own) - 0.5, max(own) + 0.5], color=INK, linewidth=1, linestyle=(0, (3, 2)))
    axis.set_xlabel(label)
    return figure


def differences(frame: pd.DataFrame, label: str, first: str, second: str, number: str) -> Figure:
    """Paired differences around a line at zero; filled where Holm's correction leaves them significant.

    The numbers stand in a column at the right, clear of the line at zero and of the intervals.

    Args:
        frame: columns heading, line, method (for the colour), state, mean, low, high, significant.
        label: of the axis.
        first: what a positive difference is in favour of.
        second: what a negative one is in favour of.
        number: the format of what stands beside a dot, with a sign.
    """
    figure, axis, places = _canvas(frame)
    axis.axvline(0, color=INK, linewidth=0.8, zorder=0)
    for y, one in zip(places, frame.itertuples(), strict=True):
        if np.isnan(one.mean):
            _in_the_column(axis, y, one.state, style="italic")
            continue
        look = mark(one.method)
        _interval(axis, y, one, look | {"markerfacecolor": look["color"] if one.significant else "none"})
        _in_the_column(axis, y, number.format(one.mean).replace("-", "−"))
    reach = np.nanmax(np.abs(frame[["mean", "low", "high"]].to_numpy())) if frame["mean"].notna().any() else 1.0
    axis.set_xlim(-1.08 * reach, 1.5 * reach)
    for said, side, gap in ((f"← {second}", "right", -4), (f"{first} →", "left", 4)):
        axis.annotate(
            said, (0, 1.005), (gap, 0), ("data", "axes fraction"), "offset points", ha=side, va="bottom", fontsize=9
        )
    axis.set_xlabel(label)
    return figure


def side_by_side(frames: Sequence[pd.DataFrame], titles: Sequence[str], label: str) -> Figure:
    """Paired differences of the same lines, measured more than once: a column each, all of one scale.

    Filled marks are significant after Holm's correction.

    Args:
        frames: each as `differences` takes it, with the same lines in the same order.
        titles: of the columns.
        label: of the axis that they share.
    """
    figure, axes, places = _canvases(frames[0], len(frames))
    for axis, frame, title in zip(axes, frames, titles, strict=True):
        axis.axvline(0, color=INK, linewidth=0.8, zorder=0)
        axis.set_title(title, weight="bold")
        for y, one in zip(places, frame.itertuples(), strict=True):
            if np.isnan(one.mean):
                _say(axis, y, one.state)
            else:
                look = mark(one.method)
                _interval(axis, y, one, look | {"markerfacecolor": look["color"] if one.significant else "none"})
    figure.supxlabel(label, fontsize=10, color=INK)
    return figure


def _ends(frame: pd.DataFrame, references: Mapping[str, float]) -> tuple[float, float, dict[str, float]]:
    """Of the axis: all intervals, and what of references and untrained models is near them; the far references."""
    trained = frame.loc[frame["method"] != "none", ["mean", "low", "high"]].stack().dropna()
    low, high = (trained.min(), trained.max()) if len(trained) else (np.inf, -np.inf)
    far = {heading: value for heading, value in references.items() if len(trained) and is_far(value, low, high)}
    untrained = frame[(frame["method"] == "none") & frame["mean"].notna()]
    near = [(value, value) for heading, value in references.items() if heading not in far]
    near += [(o.low, o.high) for o in untrained.itertuples() if not len(trained) or not is_far(o.mean, low, high)]
    low, high = min([low, *(one for one, _ in near)]), max([high, *(other for _, other in near)])
    return (low, high, far) if np.isfinite(low) else (0.0, 100.0, far)


def _with_lines(frame: pd.DataFrame, far: Mapping[str, float]) -> pd.DataFrame:
    """The frame with a last line under each heading whose reference is far off."""
    there = frame["heading"].unique()
    own = [
        {"heading": heading, "line": REFERENCE, "method": "none", "state": "", "mean": far[heading], "by_seed": []}
        for heading in there
        if heading in far
    ]
    if not own:
        return frame
    order = {heading: place for place, heading in enumerate(there)}
    whole = pd.concat([frame, pd.DataFrame(own)], ignore_index=True)
    return whole.sort_values("heading", key=lambda headings: headings.map(order), kind="stable", ignore_index=True)


def _canvas(frame: pd.DataFrame) -> tuple[Figure, Axes, list[float]]:
    """An empty figure with the names of the lines on its left, and where each line goes."""
    figure, (axis,), places = _canvases(frame, 1)
    return figure, axis, places


def _canvases(frame: pd.DataFrame, columns: int) -> tuple[Figure, list[Axes], list[float]]:
    """As `_canvas`, with several columns beside each other."""
    places: list[float] = []
    headings: dict[str, float] = {}
    y = 0.0
    for heading, own in frame.groupby("heading", sort=False):
        headings[str(heading)] = y
        places += [y + 1 + i for i in range(len(own))]
        y += len(own) + 1.6
    height = max(y - 0.6, 1.0)
    size = (WIDTH, LINE * height + 0.75)
    figure, grid = plt.subplots(1, columns, figsize=size, layout="constrained", sharex=True, sharey=True, squeeze=False)
    axes = list(grid[0])
    axes[0].set_ylim(height - 0.3, -0.9)
    axes[0].set_yticks(places, frame["line"])
    for axis in axes:
        axis.tick_params(axis="y", length=0)
        axis.locator_params(axis="x", nbins=5 if columns == 1 else 3)
    for heading, at in headings.items():
        place = blended_transform_factory(figure.transFigure, axes[0].transData)
        axes[0].text(0.01, at, heading, transform=place, ha="left", va="center", weight="bold").set_in_layout(False)
    return figure, axes, places


def _interval(axis: Axes, y: float, one: Any, look: Mapping[str, Any]) -> None:
    axis.plot([one.low, one.high], [y, y], color=look["color"], linewidth=1.8, solid_capstyle="butt", zorder=2)
    axis.plot(one.mean, y, **{**look, "markersize": 6, "zorder": 3})


def _beside(axis: Axes, y: float, x: float, words: str) -> None:
    axis.annotate(words, (x, y), (6, 0), textcoords="offset points", va="center", fontsize=SMALL)


def _in_the_column(axis: Axes, y: float, words: str, style: str = "normal") -> None:
    place = axis.get_yaxis_transform()
    axis.text(1, y, words, transform=place, ha="right", va="center", fontsize=SMALL, style=style)


def _at_the_edge(axis: Axes, y: float, right: bool, number: str, colour: str) -> None:
    edge, words, side = (1, f"{number} →", "right") if right else (0, f"← {number}", "left")
    place = axis.get_yaxis_transform()
    axis.text(edge, y, words, transform=place, ha=side, va="center", color=colour, fontsize=SMALL)


def _say(axis: Axes, y: float, state: str) -> None:
    place = axis.get_yaxis_transform()
    axis.text(0.5, y, state, transform=place, ha="center", va="center", fontsize=9, style="italic")
