"""Where scores collapse: the published cell, our runs with a frozen head and with a trained one, side by side."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pelt_core.report.names import method_name, task_name
from pelt_core.report.style import COLOURS, INK, WIDTH

SIDES = {"published": "P", "frozen": "F", "trained": "T"}
"""Columns of the frame, and the letters above their squares."""


def collapse_map(frame: pd.DataFrame) -> Figure:
    """Three squares a method and task, filled as far as runs collapsed; a cross where nothing is known.

    Args:
        frame: as `pelt_core.report.few_shot.frozen_head.beside` gives it.
    """
    methods, tasks = (list(dict.fromkeys(frame[name])) for name in ("method", "task"))
    figure, axis = plt.subplots(figsize=(WIDTH, 0.25 * len(methods) + 0.85), layout="constrained")
    known = frame.set_index(["method", "task"])
    for y, method in enumerate(methods):
        for column, task in enumerate(tasks):
            for i, side in enumerate(SIDES):
                share = float(known.at[(method, task), side]) if (method, task) in known.index else np.nan
                _square(axis, 3.6 * column + i, y, share, COLOURS[method])
    axis.set_xlim(-0.6, 3.6 * len(tasks) - 1)
    axis.set_ylim(len(methods) - 0.4, -1.1)
    axis.set_yticks(range(len(methods)), [method_name(method) for method in methods])
    for label, method in zip(axis.get_yticklabels(), methods, strict=True):
        label.set_color(COLOURS[method])
    axis.set_xticks(
        [3.6 * i + 1 for i in range(len(tasks))], map(task_name, tasks), rotation=40, ha="left", rotation_mode="anchor"
    )
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    for column in range(len(tasks)):
        for i, letter in enumerate(SIDES.values()):
            axis.text(3.6 * column + i, -0.75, letter, ha="center", va="center", fontsize=8.5)
    axis.spines["bottom"].set_visible(False)
    return figure


def _square(axis: plt.Axes, x: float, y: float, share: float, colour: str) -> None:
    if np.isnan(share):
        axis.plot(x, y, "x", color=INK, markersize=2.5, markeredgewidth=0.6)
        return
    axis.add_patch(Rectangle((x - 0.42, y - 0.36), 0.84, 0.72, fill=False, edgecolor=INK, linewidth=0.5))
    axis.add_patch(Rectangle((x - 0.42, y + 0.36 - 0.72 * share), 0.84, 0.72 * share, color=colour, linewidth=0))
