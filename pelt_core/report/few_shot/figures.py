"""Figures of few-example studies: horizontal dots with intervals under headings, each line labelled where it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from pelt_core.report.figures import LINE
from pelt_core.report.style import COLOURS, INK, WIDTH, mark

SMALL = 9.5
"""Points of text in a figure."""


def scores(frame: pd.DataFrame, label: str, baselines: Mapping[str, float] | None = None) -> Figure:
    """The mean of every cell with its interval; small dots are single seeds, dashes the trivial baseline.

    Args:
        frame: columns heading, line, method (for the colour), state, mean, low, high, by_seed.
        label: of the axis.
        baselines: heading -> its trivial baseline.
    """
    figure, axis, places = _canvas(frame)
    known = frame[["low", "high"]].to_numpy()[frame["mean"].notna()]
    edges = [*known.ravel(), *(v for v in (baselines or {}).values() if np.isfinite(v))] or [0.0, 100.0]
    room = (max(edges) - min(edges)) or 1.0
    axis.set_xlim(min(edges) - 0.05 * room, max(edges) + 0.22 * room)
    for y, one in zip(places, frame.itertuples(), strict=True):
        if np.isnan(one.mean):
            _say(axis, y, one.state)
            continue
        _interval(axis, y, one, mark(one.method))
        axis.plot(one.by_seed, [y + 0.34] * len(one.by_seed), ".", color=COLOURS[one.method], markersize=2.5, zorder=1)
        _beside(axis, y, one.high, f"{one.mean:.1f}")
    for heading, value in (baselines or {}).items():
        own = [y for y, name in zip(places, frame["heading"], strict=True) if name == heading]
        if own and np.isfinite(value):
            axis.plot([value, value], [min(own) - 0.5, max(own) + 0.5], color=INK, linewidth=1, linestyle=(0, (3, 2)))
    axis.set_xlabel(label)
    return figure


def differences(frame: pd.DataFrame, label: str, first: str, second: str) -> Figure:
    """Paired differences around a line at zero; filled where Holm's correction leaves them significant.

    Args:
        frame: columns heading, line, method (for the colour), state, mean, low, high, significant.
        label: of the axis.
        first: what a positive difference is in favour of.
        second: what a negative one is in favour of.
    """
    figure, axis, places = _canvas(frame)
    axis.axvline(0, color=INK, linewidth=0.8, zorder=0)
    for y, one in zip(places, frame.itertuples(), strict=True):
        if np.isnan(one.mean):
            _say(axis, y, one.state)
            continue
        look = mark(one.method)
        _interval(axis, y, one, look | {"markerfacecolor": look["color"] if one.significant else "none"})
        _beside(axis, y, np.nanmax([one.mean, one.high]), f"{one.mean:+.1f}".replace("-", "−"))
    reach = np.nanmax(np.abs(frame[["mean", "low", "high"]].to_numpy())) if frame["mean"].notna().any() else 1.0
    axis.set_xlim(-1.08 * reach, 1.35 * reach)
    for said, side, gap in ((f"← {second}", "right", -4), (f"{first} →", "left", 4)):
        axis.annotate(
            said, (0, 1.005), (gap, 0), ("data", "axes fraction"), "offset points", ha=side, va="bottom", fontsize=9
        )
    axis.set_xlabel(label)
    return figure


def _canvas(frame: pd.DataFrame) -> tuple[Figure, Axes, list[float]]:
    """An empty figure with the names of the lines on its left, and where each line goes."""
    places: list[float] = []
    headings: dict[str, float] = {}
    y = 0.0
    for heading, own in frame.groupby("heading", sort=False):
        headings[str(heading)] = y
        places += [y + 1 + i for i in range(len(own))]
        y += len(own) + 1.6
    height = y - 0.6
    figure, axis = plt.subplots(figsize=(WIDTH, LINE * height + 0.75), layout="constrained")
    axis.set_ylim(height - 0.3, -0.9)
    axis.set_yticks(places, frame["line"])
    axis.tick_params(axis="y", length=0)
    axis.locator_params(axis="x", nbins=5)
    for heading, at in headings.items():
        place = blended_transform_factory(figure.transFigure, axis.transData)
        axis.text(0.01, at, heading, transform=place, ha="left", va="center", weight="bold").set_in_layout(False)
    return figure, axis, places


def _interval(axis: Axes, y: float, one: Any, look: Mapping[str, Any]) -> None:
    axis.plot([one.low, one.high], [y, y], color=look["color"], linewidth=1.8, solid_capstyle="butt", zorder=2)
    axis.plot(one.mean, y, **{**look, "markersize": 6, "zorder": 3})


def _beside(axis: Axes, y: float, x: float, words: str) -> None:
    axis.annotate(words, (x, y), (5, 0), textcoords="offset points", va="center", fontsize=SMALL)


def _say(axis: Axes, y: float, state: str) -> None:
    place = axis.get_yaxis_transform()
    axis.text(0.5, y, state, transform=place, ha="center", va="center", fontsize=9, style="italic")
