"""The published effects beside ours."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isfinite

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pelt_core.report.style import INK, WIDTH
from pelt_core.study.claims.judge import Judged

LINE = 0.42
"""Inches of height for a claim."""
NEAR = 5
"""Points up to which an axis is linear; beyond, it is logarithmic, as few effects lie there."""
TICKS = (-30, -5, -2, 0, 2, 5, 30)
TITLE, PUBLISHED, OURS = -0.3, 0.03, 0.3
"""Heights in the line of a claim."""
ALL, SAME = "D", "s"
"""Marks of the published effect over all tasks of the paper and over the tasks of ours."""
COUNTS = ("counts", "percents")
COLOURS = {
    "supported": "#1f8d54",
    "contradicted": "#d44c60",
    "undecided at this scale": "#bd6415",
    "untestable here": "#7a6a58",
    "incomplete": "#9e61c7",
    "not run yet": INK,
}
"""Of verdicts; each is also written beside its claim."""


def drawn(judged: Sequence[Judged]) -> list[Judged]:
    """Those with a published effect that is a measured number; of exact counts there is none but agreement."""
    return [one for one in judged if isfinite(one.published) and one.claim.test["kind"] not in COUNTS]


def beside_published(judged: Sequence[Judged]) -> Figure:
    """For each claim of `drawn`: the published effect over all tasks, that over the tasks of ours, and ours.

    One panel a unit, as units have axes of their own. Ours has its interval and the colour of its verdict.
    """
    units: dict[str, list[Judged]] = {}
    for one in drawn(judged):
        units.setdefault(one.finding.unit, []).append(one)
    ratios = [len(own) + 1.5 for own in units.values()]
    figure, axes = plt.subplots(
        len(units),
        1,
        figsize=(WIDTH, LINE * sum(ratios) + 1.4),
        squeeze=False,
        height_ratios=ratios,
        layout="constrained",
    )
    for (unit, own), axis in zip(units.items(), axes[:, 0], strict=True):
        _panel(axis, own, unit)
    shown = {one.verdict for own in units.values() for one in own if one.shown}
    figure.legend(handles=_legend(shown), loc="outside upper left")
    return figure


def _legend(shown: Collection[str]) -> list[Line2D]:
    marks = [
        Line2D([], [], linestyle="", color=INK, markerfacecolor="none", markersize=5, marker=marker, label=label)
        for marker, label in ((ALL, "published, all tasks of the paper"), (SAME, "published, tasks of ours"))
    ]
    ours = [
        Line2D([], [], color=colour, marker="o", markersize=5, linewidth=1.6, label=f"ours, {verdict}")
        for verdict, colour in COLOURS.items()
        if verdict in shown
    ]
    return marks + ours


def _panel(axis: Axes, judged: Sequence[Judged], unit: str) -> None:
    for y, one in enumerate(judged):
        colour, shown = COLOURS[one.verdict], one.shown
        for marker, value in ((ALL, one.published), (SAME, one.published_here)):
            axis.plot(value, y + PUBLISHED, marker, color=INK, markerfacecolor="none", markersize=5)
        if shown and isfinite(shown.effect):
            axis.plot([shown.low, shown.high], [y + OURS, y + OURS], color=colour, linewidth=1.6)
            axis.plot(shown.effect, y + OURS, "o", color=colour, markersize=5)
        across = axis.get_yaxis_transform()
        axis.text(0, y + TITLE, one.claim.title, transform=across, color=colour, va="center", fontsize="small")
    axis.axvline(_nothing(unit), color=INK, linewidth=0.8, linestyle=":")
    axis.set_yticks([])
    axis.set_ylim(len(judged) - 0.4, -0.6)
    axis.set_xlabel(unit)
    if unit == "points":
        axis.set_xscale("symlog", linthresh=NEAR)
        axis.set_xticks(TICKS, [f"{tick}".replace("-", "−") for tick in TICKS])
        axis.set_xlim(*_ends(judged))
    else:
        axis.locator_params(axis="x", nbins=5)


def _ends(judged: Sequence[Judged]) -> tuple[float, float]:
    """The least and the greatest number drawn, with room for a mark."""
    ends = [value for one in judged for value in (one.published, one.published_here) if isfinite(value)]
    ends += [end for one in judged if one.shown for end in (one.shown.low, one.shown.high)]
    return 1.2 * min(*ends, -NEAR), 1.2 * max(*ends, NEAR)


def _nothing(unit: str) -> float:
    """Where an effect is none."""
    return {"points": 0.0, "rank correlation": 0.0}.get(unit, 100.0 if unit.startswith("%") else 1.0)
