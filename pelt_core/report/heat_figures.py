"""Heat maps over layers: a panel a gate, or whatever else has a value in each layer."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.style import COLOURS, INK, WIDTH

SHADES = LinearSegmentedColormap.from_list("gate", ["#0b3d66", "#4b97c9", "#e8e4da", "#e3974d", "#8a3a04"])
"""Below the middle, at it, above it."""
OF_GATE = {
    "Prefix": "prefix",
    "LoRA": "lora",
    "LoRA, query": "lora",
    "LoRA, value": "lora",
    "Adapter": "adapter",
    "Series": "series",
}
"""Gate or module -> the method whose colour it has."""
LAYER = 0.115
"""Inches of height for a layer."""


def heat(frame: pd.DataFrame, label: str, middle: float, along: str = "") -> Figure:
    """A panel a gate and facet: layers from the first on top, columns as they come.

    Args:
        frame: columns facet (its title, empty for a single one), gate, layer, column (a name, or a number for an axis
            of its own), value.
        label: of the colours.
        middle: the value with the pale colour between the two.
        along: label of the axis of columns.
    """
    if frame.empty:
        return nothing()
    gates, facets = list(dict.fromkeys(frame["gate"])), list(dict.fromkeys(frame["facet"]))
    layers = frame["layer"].max()
    size = (WIDTH, len(gates) * (LAYER * layers + 0.28) + 1.15)
    figure, axes = plt.subplots(
        len(gates), len(facets), figsize=size, sharex="col", sharey=True, squeeze=False, layout="constrained"
    )
    reach = max(float((frame["value"] - middle).abs().max()), 1e-3)
    norm = TwoSlopeNorm(middle, middle - reach, middle + reach)
    for line, gate in zip(axes, gates, strict=True):
        for axis, facet in zip(line, facets, strict=True):
            own = frame[(frame["gate"] == gate) & (frame["facet"] == facet)]
            _panel(axis, own, norm)
        line[0].set_title(gate, loc="left", color=COLOURS[OF_GATE.get(gate, "none")], weight="bold", pad=2)
        line[0].set_yticks([0, layers - 1], ["1", str(layers)])
    for axis, facet in zip(axes[0], facets, strict=True):
        if facet:
            axis.set_title(facet, loc="right", pad=2)
    figure.supylabel("layer", fontsize=10, color=INK)
    for axis in axes[-1]:
        axis.set_xlabel(along)
    bar = figure.colorbar(ScalarMappable(norm, SHADES), ax=axes, location="bottom", aspect=40, pad=0.02, shrink=0.9)
    bar.set_label(label, color=INK)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=2)
    bar.locator = plt.MaxNLocator(5)
    bar.update_ticks()
    return figure


def nothing() -> Figure:
    """In the place of a figure of which nothing is recorded."""
    figure, axis = plt.subplots(figsize=(WIDTH, 0.6))
    axis.text(0.5, 0.5, NOT_RUN, ha="center", va="center", style="italic")
    axis.set_axis_off()
    return figure


def _panel(axis: Axes, own: pd.DataFrame, norm: TwoSlopeNorm) -> None:
    table = own.pivot_table("value", "layer", "column", sort=False).sort_index()
    axis.imshow(table.to_numpy(float), cmap=SHADES, norm=norm, aspect="auto", interpolation="nearest")
    axis.tick_params(length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    numbers = pd.api.types.is_numeric_dtype(table.columns)
    if numbers:
        shown = np.unique(np.linspace(0, len(table.columns) - 1, 5).round().astype(int))
        axis.set_xticks(shown, table.columns[shown])
    else:
        axis.set_xticks(range(len(table.columns)), table.columns, rotation=40, ha="right", rotation_mode="anchor")
