"""How many times as fast, and how cost grows with the size of what is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter
from matplotlib.transforms import blended_transform_factory

from pelt_core.report.speed.numbers import short
from pelt_core.report.speed.results import Comparison, Recorded, method_of, size_of, speed, unit
from pelt_core.report.style import COLOURS, INK, MARKS, WIDTH

LINE = 0.27
"""Inches of height for a line."""
GROWS_IN = {"bottleneck": "series", "virtual tokens": "prefix"}
"""Size -> the method that has it; every other size grows around LoRA."""
CLOSE = 2.5
"""A bar fewer times as far out as the last repeat leaves no room for a number between them."""
TICKS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200)


def ratios(recorded: Recorded) -> Figure:
    """A line a comparison: small dots are repeats, the mark is their median, the bar what was to be reached."""
    comparisons = [one for one in recorded.comparisons if one.kind == "ratio"]
    if not comparisons:
        return _nothing()
    places, headings, y = [], {}, -0.3
    for one in comparisons:
        if (heading := f"{one.benchmark}, against {one.peer}") not in headings:
            headings[heading] = y + 0.3
            y += 1.3
        places.append(y)
        y += 1
    figure, axis = plt.subplots(figsize=(WIDTH, LINE * y + 0.75), layout="constrained")
    axis.set_ylim(y - 0.4, -0.6)
    axis.set_yticks(places, [one.what for one in comparisons])
    axis.tick_params(axis="y", length=0)
    at_the_left = blended_transform_factory(figure.transFigure, axis.transData)
    for heading, y in headings.items():
        axis.text(0.01, y, heading, transform=at_the_left, va="center", weight="bold", in_layout=False)
    for y, one in zip(places, comparisons, strict=True):
        _ratio(axis, y, one)
    _in_powers(axis, comparisons)
    axis.set_xlabel("times as fast")
    return figure


def growth(recorded: Recorded, what: str) -> Figure:
    """A row of panels for each size that grows: speed on the left, the most memory held on the right.

    Args:
        recorded: all results.
        what: "training" or "inference".

    """
    cells = {cell["name"].removeprefix(f"{what}, "): cell["contenders"] for cell in recorded.cells("scaling")}
    cells = {size: contenders for size, contenders in cells.items() if ", " not in size}
    if not cells:
        return _nothing()
    size = (WIDTH, 1.35 * len(cells) + 0.3)
    figure, panels = plt.subplots(len(cells), 2, figsize=size, squeeze=False, layout="constrained")
    for (fast, large), (grows, contenders) in zip(panels, cells.items(), strict=True):
        told = [one for one in contenders if one["peak_memory_bytes"]]
        _curve(fast, grows, contenders, [speed(one) for one in contenders])
        _curve(large, grows, told, [one["peak_memory_bytes"] / 1e9 for one in told])
    panels[0, 0].set_title(f"{unit(contenders[0])} a second")
    panels[0, 1].set_title("peak memory, GB")
    return figure


def _curve(axis: Axes, grows: str, contenders: Sequence[dict[str, Any]], heights: Sequence[float]) -> None:
    sizes = [size_of(one) for one in contenders]
    axis.plot(sizes, heights, "-o", color=COLOURS[GROWS_IN.get(grows, "lora")], markersize=4, linewidth=1.4)
    axis.set_xlabel(grows)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(FixedLocator(sizes))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_major_locator(MaxNLocator(4))
    axis.set_ylim(0, 1.15 * max(heights, default=1.0))
    axis.spines["left"].set_visible(True)


def _nothing() -> Figure:
    figure, axis = plt.subplots(figsize=(WIDTH, 0.8))
    axis.set_axis_off()
    axis.text(0.5, 0.5, "not recorded yet", ha="center", va="center", style="italic")
    return figure


def _ratio(axis: Axes, y: float, one: Comparison) -> None:
    method = method_of(one.cell)
    colour = COLOURS.get(method, COLOURS["none"])
    axis.plot([1, 1], [y - 0.5, y + 0.5], color=INK, linewidth=0.8, zorder=0)
    axis.plot(one.points, [y + 0.34] * len(one.points), ".", color=colour, markersize=2.5, zorder=1)
    face = "none" if one.reached is False else colour
    axis.plot(one.median, y, MARKS.get(method, "d"), color=colour, markerfacecolor=face, markersize=6)
    if one.to_reach is not None:
        axis.plot([one.to_reach] * 2, [y - 0.38, y + 0.38], color=INK, linewidth=2, zorder=1)
    bar = one.to_reach or 0
    right = bar if one.most < bar < CLOSE * one.most else one.most
    axis.annotate(short(one.median), (right, y), (6, 0), textcoords="offset points", va="center", fontsize=9.5)


def _in_powers(axis: Axes, comparisons: Sequence[Comparison]) -> None:
    ends = [1.0, *(end for one in comparisons for end in (one.least, one.most, one.to_reach) if end is not None)]
    axis.set_xscale("log")
    axis.set_xlim(min(ends) / 1.1, max(ends) * (max(ends) / min(ends)) ** 0.16)
    axis.xaxis.set_major_locator(FixedLocator(TICKS))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
