"""Figures of gates: of single rows, and of a scale that is swept."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pelt_core.report.heat_figures import OF_GATE, nothing
from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import task_name
from pelt_core.report.style import COLOURS, INK, WIDTH

MOST = 150
"""Rows drawn one by one."""
OF_LINES: dict[bool, dict[str, Any]] = {
    gated: {
        "label": "with gate" if gated else "without gate",
        "color": COLOURS[like],
        "markerfacecolor": COLOURS[like] if gated else "none",
        "marker": "^",
        "markersize": 5,
        "linewidth": 1.2,
    }
    for gated, like in ((False, "lora"), (True, "apl"))
}
"""Whether there is a gate -> how its line is drawn."""


def strips(frame: pd.DataFrame) -> Figure:
    """The gates of single test rows, those answered right above those answered wrong; the long ticks are means.

    Args:
        frame: columns facet, module, gate, correct; at most `MOST` rows of each strip are drawn.
    """
    if frame.empty:
        return nothing()
    facets, modules = (list(dict.fromkeys(frame[name])) for name in ("facet", "module"))
    size = (WIDTH, len(facets) * (0.34 + 0.44 * len(modules)) + 0.45)
    figure, axes = plt.subplots(len(facets), 1, figsize=size, sharex=True, squeeze=False, layout="constrained")
    for axis, facet in zip(axes[:, 0], facets, strict=True):
        for i, module in enumerate(modules):
            colour = COLOURS[OF_GATE.get(module, "none")]
            own = frame[(frame["facet"] == facet) & (frame["module"] == module)]
            for correct, y in ((True, 2.4 * i), (False, 2.4 * i + 1)):
                values = own.loc[own["correct"].astype(bool) == correct, "gate"].to_numpy(float)
                axis.eventplot(values[:MOST], lineoffsets=y, linelengths=0.55, linewidths=0.5, colors=colour, alpha=0.6)
                if len(values):
                    axis.plot([values.mean()] * 2, [y - 0.48, y + 0.48], color=colour, linewidth=2.2)
        places = [2.4 * i + wrong for i in range(len(modules)) for wrong in (0, 1)]
        axis.set_yticks(places, [name for module in modules for name in (f"{module}, right", "wrong")])
        axis.set_ylim(places[-1] + 0.8, -0.8)
        axis.set_title(facet, loc="left", pad=2)
        axis.tick_params(axis="y", length=0)
    axes[-1, 0].set_xlabel("gate, mean over its layers")
    return figure


def scales(frame: pd.DataFrame, baselines: dict[str, float]) -> Figure:
    """The score against LoRA's scale, without gate and with one, all panels of one scale; dashed: the trivial baseline.

    Args:
        frame: as `pelt_core.report.few_shot.tuned.by_scale` gives it.
        baselines: of each task.
    """
    tasks = list(dict.fromkeys(frame["task"]))
    figure, axes = plt.subplots(
        1, len(tasks), figsize=(WIDTH, 2.9), sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    for axis, task in zip(axes[0], tasks, strict=True):
        for (gated, look), side in zip(OF_LINES.items(), (-1, 1), strict=True):
            own = frame[(frame["task"] == task) & (frame["gated"] == gated) & frame["mean"].notna()]
            if own.empty:
                continue
            reach = [own["mean"] - own["low"], own["high"] - own["mean"]]
            axis.errorbar(own["scale"] * 1.07**side, own["mean"], reach, elinewidth=1.8, **look)
        if frame.loc[frame["task"] == task, "mean"].isna().all():
            axis.text(0.5, 0.5, NOT_RUN, transform=axis.transAxes, ha="center", style="italic")
        axis.axhline(baselines[task], color=INK, linestyle="--", linewidth=0.8, zorder=0)
        named = frame[["scale", "name"]].drop_duplicates()
        axis.set_xscale("log")
        axis.set_xticks(named["scale"], named["name"])
        axis.minorticks_off()
        axis.set_xlim(frame["scale"].min() / 2, frame["scale"].max() * 2)
        axis.set_title(task_name(task), loc="left")
    keys = [Line2D([], [], **look) for look in OF_LINES.values()]
    figure.legend(handles=keys, labelcolor="linecolor", loc="outside upper center", ncols=2, frameon=False)
    axes[0, 0].set_ylabel("score, points")
    figure.supxlabel("LoRA's scale, alpha / rank", fontsize=10, color=INK)
    return figure
