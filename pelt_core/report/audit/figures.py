"""Heat maps: training sets against evaluation sets, a panel for each family."""

from __future__ import annotations

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, NullLocator

from pelt_core.report.audit.record import FAMILIES, Record, called
from pelt_core.report.style import INK, WIDTH

CELL = 0.25
"""Inches of height for a training set."""
NAMES = 1.0
"""Inches of height for the names of a panel's columns."""
SMALLEST = 1e-4
"""The share at which the colours begin."""
SHADES = sns.blend_palette(sns.color_palette("flare", 12)[:10], as_cmap=True)
SCALE = LogNorm(SMALLEST, 1)


def overlaps(record: Record, key: str) -> Figure:
    """How many items of each evaluation set (columns) each training set (lines) has; colours are shares of the column.

    Args:
        record: of the audit.
        key: by which items are the same: "exact", "normalised", "masked" or "near".
    """
    lines = [len(record.sets("train", family)) for family in FAMILIES]
    size = (WIDTH, CELL * sum(lines) + NAMES * len(FAMILIES) + 0.5)
    figure, panels = plt.subplots(len(FAMILIES), 1, figsize=size, height_ratios=lines, layout="constrained")
    for axis, family in zip(panels, FAMILIES, strict=True):
        _panel(axis, record, family, key)
    bar = figure.colorbar(
        ScalarMappable(SCALE, SHADES), ax=panels, location="bottom", aspect=45, fraction=0.012, pad=0.006
    )
    bar.set_label("share of the evaluation set's items")
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    bar.ax.xaxis.set_minor_locator(NullLocator())
    bar.outline.set_visible(False)
    return figure


def _panel(axis: Axes, record: Record, family: str, key: str) -> None:
    training, evaluation = record.sets("train", family), record.sets("evaluation", family)
    for y, trained in enumerate(training):
        for x, asked in enumerate(evaluation):
            count = record.shared(trained["title"], asked["title"], key)
            _cell(axis, x, y, count, count / asked["rows"])
    axis.set_xlim(-0.5, len(evaluation) - 0.5)
    axis.set_ylim(len(training) - 0.5, -0.5)
    axis.set_xticks(
        range(len(evaluation)), [called(one) for one in evaluation], rotation=58, ha="left", rotation_mode="anchor"
    )
    axis.set_yticks(range(len(training)), [called(one) for one in training])
    axis.text(-0.02, 1.01, FAMILIES[family], transform=axis.transAxes, ha="right", va="bottom", weight="bold")
    axis.xaxis.tick_top()
    axis.tick_params(length=0, labelsize=9)
    axis.spines["bottom"].set_visible(False)


def _cell(axis: Axes, x: int, y: int, count: int, share: float) -> None:
    if not count:
        axis.plot(x, y, ".", color=INK, markersize=1.5, alpha=0.7)
        return
    shade = SHADES(SCALE(max(share, SMALLEST)))
    axis.add_patch(Rectangle((x - 0.47, y - 0.46), 0.94, 0.92, facecolor=shade, linewidth=0))
    axis.text(x, y, str(count), ha="center", va="center_baseline", fontsize=8, color=_legible(shade))


def _legible(ground: tuple[float, float, float, float]) -> str:
    """Black or white, whichever has the larger contrast against an opaque colour (WCAG 2)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in ground[:3])
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"
