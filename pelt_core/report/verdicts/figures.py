"""The published effects beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pelt_core.report.style import INK, WIDTH
from pelt_core.study.claims.judge import Judged

LINE = 0.3
"""Inches of height for a claim."""
NEAR = 5
"""Points up to which an axis is linear; beyond, it is logarithmic, as few effects lie there."""
TICKS = (-30, -5, -2, 0, 2, 5, 30)
APART = 0.14
"""Of a line, between the published mark and ours."""
COLOURS = {
    "supported": "#1f8d54",
    "contradicted": "#d44c60",
    "undecided at this scale": "#bd6415",
    "not run yet": INK,
}
"""Of verdicts; each is also written beside its claim."""


def beside_published(judged: Sequence[Judged]) -> Figure:
    """For each claim with a published effect that is a number: that effect, open, and ours, filled, with its interval.

    One panel a unit, as units have axes of their own. What is not run yet has its published mark alone.
    """
    units: dict[str, list[Judged]] = {}
    for one in judged:
        if isfinite(one.published) and one.claim.test["kind"] != "counts":
            units.setdefault(one.finding.unit, []).append(one)
    ratios = [len(own) + 1.5 for own in units.values()]
    figure, axes = plt.subplots(
        len(units),
        1,
        figsize=(WIDTH, LINE * sum(ratios) + 0.5),
        squeeze=False,
        height_ratios=ratios,
        layout="constrained",
    )
    for (unit, own), axis in zip(units.items(), axes[:, 0], strict=True):
        _panel(axis, own, unit)
    return figure


def _panel(axis: Axes, judged: Sequence[Judged], unit: str) -> None:
    for y, one in enumerate(judged):
        colour, shown = COLOURS[one.verdict], one.shown
        axis.plot(one.published, y - APART, "D", color=INK, markerfacecolor="none", markersize=5)
        if shown and isfinite(shown.effect):
            axis.plot([shown.low, shown.high], [y + APART, y + APART], color=colour, linewidth=1.6)
            axis.plot(shown.effect, y + APART, "o", color=colour, markersize=5)
    axis.axvline(_nothing(unit), color=INK, linewidth=0.8, linestyle=":")
    axis.set_yticks(range(len(judged)), [one.claim.id for one in judged])
    for label, one in zip(axis.get_yticklabels(), judged, strict=True):
        label.set_color(COLOURS[one.verdict])
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
    drawn = [one.published for one in judged]
    drawn += [end for one in judged if one.shown for end in (one.shown.low, one.shown.high)]
    return 1.2 * min(*drawn, -NEAR), 1.2 * max(*drawn, NEAR)


def _nothing(unit: str) -> float:
    """Where an effect is none."""
    return {"points": 0.0, "rank correlation": 0.0}.get(unit, 100.0 if unit.startswith("%") else 1.0)
