"""Where the names of a figure go: a column beside the axes, and the edge for what lies far off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

SMALL = 9
"""Points of the smallest text in a figure: it is still read where a phone shrinks the figure."""
FAR = 1 / 3
"""Of the range of the methods: what is further off would take their differences too much of the axis."""
GUTTER = 1.1
"""Where the column of names begins, in widths of the axes."""


class Name(NamedTuple):
    """What stands in the column, and the point that it names, in data coordinates."""

    text: str
    x: float
    y: float
    colour: str


def is_far(value: float, low: float, high: float) -> bool:
    """Whether a value lies so far from the range of the methods that it is named at the edge."""
    return not low - FAR * (high - low) <= value <= high + FAR * (high - low)


def name_column(axis: Axes, names: Sequence[Name]) -> None:
    """The names at the right of the axes in the order of their points; the limits of both axes become fixed.

    A leader runs level from a point to the edge of the axes and bends only beyond it, so that no two cross.

    Args:
        axis: with all that is to be drawn.
        names: in any order.
    """
    ordered = sorted(names, key=lambda name: -name.y)
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    heights = (np.array([name.y for name in ordered]) - low) / (high - low)
    for name, height, place in zip(ordered, heights, spread(heights, 1 / max(8, len(ordered))), strict=True):
        leader: dict[str, Any] = {"color": name.colour, "linewidth": 0.5, "alpha": 0.6, "zorder": 0.5}
        axis.plot([name.x, right], [name.y] * 2, **leader)
        axis.plot([1, GUTTER - 0.01], [height, place], transform=axis.transAxes, clip_on=False, **leader)
        axis.text(GUTTER, place, name.text, transform=axis.transAxes, va="center", fontsize=SMALL, color=name.colour)
    axis.set(xlim=(left, right), ylim=(low, high))


def spread(places: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Falling numbers from 1 to 0 moved until neighbours are `gap` apart, groups of them about their common middle.

    None leaves the range from 0 to 1 as long as all fit into it.
    """
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
    apart = [np.mean(own) + gap * ((len(own) - 1) / 2 - np.arange(len(own))) for own in groups]
    order = np.arange(len(places))
    return np.clip(np.concatenate([places[:0], *apart]), gap * (len(places) - 1 - order), 1 - gap * order)
