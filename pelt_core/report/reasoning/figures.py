"""Figures of studies of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from pelt_core.report import lines
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import mix_name, set_name
from pelt_core.report.style import INK, WIDTH, mark

LOSS = "answer loss, nats per token"
ACCURACY = "accuracy, %"
APART = 0.05
"""By so much of the octave the lines of a sweep stand beside each other."""


def losses(frame: pd.DataFrame) -> Figure:
    """The mean loss of every cell with its interval, as `pelt_core.report.lines.means`."""
    return lines.means(frame, LOSS, "{:.3f}")


def accuracies(frame: pd.DataFrame, guesses: Mapping[str, float] | None = None) -> Figure:
    """The mean accuracy of every cell with its interval, as `pelt_core.report.lines.means`.

    Args:
        frame: as there, in points.
        guesses: heading -> what answering without reading scores, drawn as dashes.
    """
    return lines.means(frame, ACCURACY, "{:.1f}", guesses)


def differences(frame: pd.DataFrame, label: str, first: str, second: str) -> Figure:
    """Paired differences in loss, as `pelt_core.report.lines.differences`; below zero the first side is better.

    Args:
        frame: as there.
        label: of the axis.
        first: what a negative difference is in favour of.
        second: what a positive one is in favour of.
    """
    return lines.differences(frame, label, second, first, "{:+.3f}")


def gains(frame: pd.DataFrame, label: str, first: str, second: str) -> Figure:
    """Paired differences in points, as `pelt_core.report.lines.differences`; above zero the first side is better.

    Args:
        frame: as there.
        label: of the axis.
        first: what a positive difference is in favour of.
        second: what a negative one is in favour of.
    """
    return lines.differences(frame, label, first, second, "{:+.1f}")


def on_both(frame: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Paired differences in loss on two backbones, as `pelt_core.report.lines.side_by_side`.

    Args:
        frame: as there, with a column side, 0 or 1.
        names: of the backbones.
    """
    sides = [frame[frame["side"] == side] for side in (0, 1)]
    short = [name.replace("-Instruct", "") for name in names]
    return lines.side_by_side(sides, short, "difference in answer loss\nbelow zero the first is better")


def sweep(frame: pd.DataFrame, label: str) -> Figure:
    """The loss against a size that doubles: a line a sweep with its name at its end, intervals upright.

    Args:
        frame: columns heading, method, size, mean, low, high; lines without a size or a mean are left out.
        label: of the axis of sizes.
    """
    known = frame[(frame["size"] > 0) & frame["mean"].notna()]
    figure, axis = plt.subplots(figsize=(WIDTH, 3.0), layout="constrained")
    axis.set_xscale("log", base=2)
    headings = list(dict.fromkeys(frame.loc[frame["size"] > 0, "heading"]))
    ends = []
    for number, heading in enumerate(headings):
        own = known[known["heading"] == heading]
        if own.empty:
            continue
        look = mark(own["method"].iloc[0]) | ({"markerfacecolor": "none"} if _twin(known, own, heading) else {})
        places = own["size"] * 2 ** (APART * (number - (len(headings) - 1) / 2))
        axis.vlines(places, own["low"], own["high"], color=look["color"], linewidth=1.4, alpha=0.75)
        axis.plot(places, own["mean"], **look | {"linestyle": "-", "linewidth": 1.1, "markersize": 5.5})
        ends.append((places.iloc[-1], own["mean"].iloc[-1], heading, look["color"]))
    sizes = sorted(set(frame.loc[frame["size"] > 0, "size"]))
    axis.xaxis.set_major_locator(FixedLocator(sizes))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xticks(sizes, [f"{size}" for size in sizes])
    _name_ends(axis, ends)
    axis.set_xlabel(label)
    axis.set_ylabel(LOSS)
    axis.spines["left"].set_visible(True)
    if known.empty:
        axis.text(0.5, 0.5, NOT_RUN, transform=axis.transAxes, ha="center", style="italic", color=INK)
    return figure


def matrix(frame: pd.DataFrame) -> Figure:
    """The matrix of mixes and sets, shaded within each set from its lowest value, light, to its highest."""
    sources, sets = (list(dict.fromkeys(frame[name])) for name in ("sources", "set"))
    figure, axis = plt.subplots(figsize=(WIDTH, 0.36 * len(sources) + 1.1), layout="constrained")
    table = frame.pivot(index="sources", columns="set", values="mean").loc[sources, sets]
    low, high = table.min(), table.max()
    shades = (table - low) / (high - low).where(high > low, 1.0)
    axis.imshow(shades.to_numpy(float), cmap="Blues", vmin=-0.15, vmax=1.6, aspect="auto")
    for y, name in enumerate(sources):
        for x, one in enumerate(sets):
            value = table.loc[name, one]
            said = NOT_RUN if np.isnan(value) else f"{value:.2f}"
            axis.text(x, y, said, ha="center", va="center", fontsize=9, color="#1c2833" if np.isfinite(value) else INK)
    axis.set_xticks(range(len(sets)), [set_name(one) for one in sets], rotation=30, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(sources)), [mix_name(name) for name in sources])
    axis.tick_params(length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    return figure


def _twin(known: pd.DataFrame, own: pd.DataFrame, heading: str) -> bool:
    """Whether an earlier sweep is of the same method, so that this one needs another look."""
    method = own["method"].iloc[0]
    return heading != known.loc[known["method"] == method, "heading"].iloc[0]


def _name_ends(axis: plt.Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Names above the last points of lines, or below them where another line ends higher."""
    top = max((y for _, y, _, _ in ends), default=np.nan)
    for x, y, name, colour in ends:
        above = y == top
        axis.annotate(
            name,
            (x, y),
            (0, 12 if above else -12),
            textcoords="offset points",
            ha="right",
            va="bottom" if above else "top",
            color=colour,
            fontsize=lines.SMALL,
            weight="bold",
        )
