"""The figure of a search for learning rates: small panels, one a method."""

from __future__ import annotations

from collections import defaultdict

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import method_name, task_name
from pelt_core.report.style import COLOURS, INK, WIDTH, mark
from pelt_core.study.recipe import RATES, Rates, best_rates, searched
from pelt_core.study.scores import Scores

COLUMNS = 2
"""Of panels: what a phone can show."""
COLLAPSED = 0.1
"""So great a share of the scores may lie below the panels: they would flatten all others, and are written instead."""
STEP = 5
"""Points: the ends of the scale are multiples."""
CROWDED = 4
"""From so many rates on, their names have no room side by side."""


def panels(scores: Scores) -> list[tuple[str, str]]:
    """What the figure has panels for: each method and each of its `RATES` of which several were searched."""
    tried = searched(scores)
    return [
        (str(method), rate)
        for rate in RATES
        for method, own in tried.groupby("method", sort=False)
        if own[rate].nunique() > 1
    ]


def search(scores: Scores) -> Figure:
    """Development score for each learning rate: a panel a method, a line a task, dashes at the best mean.

    Methods whose head's rate was searched too have a second panel for it, at the module's rate of both searches.
    """
    shown, best = panels(scores), best_rates(scores)
    rows = -(-len(shown) // COLUMNS)
    size = (WIDTH, 1.45 * rows + 0.4)
    drawn, axes = plt.subplots(rows, COLUMNS, figsize=size, sharey=True, squeeze=False, layout="constrained")
    found = scores.table["dev_score"]
    if len(found):
        axes[0][0].set_ylim(STEP * (found.quantile(COLLAPSED) // STEP - 1), STEP * (found.max() // STEP + 1))
    for axis, (method, rate) in zip(axes.flat, shown, strict=False):
        _panel(axis, scores, method, rate, best.get(method))
    for axis in axes.flat[len(shown) :]:
        axis.set_axis_off()
    drawn.supylabel("development score, points", fontsize=10, color=INK)
    return drawn


def _panel(axis: Axes, scores: Scores, method: str, rate: str, best: Rates | None) -> None:
    own = scores.table[scores.table["method"] == method]
    (other,) = [name for name in RATES if name != rate]
    grid = searched(scores).query("method == @method")
    shared = grid.groupby(other)[rate].nunique().idxmax()
    axis.set_title(f"{method_name(method)}{', head' * (rate == RATES[1] and method != 'head')}", color=COLOURS[method])
    ticks = sorted(grid.loc[grid[other] == shared, rate].unique())
    places = {tick: place for place, tick in enumerate(ticks)}
    axis.set_xticks(list(places.values()), [_short(tick) for tick in ticks], fontsize=9)
    if len(ticks) >= CROWDED:
        axis.tick_params(axis="x", labelrotation=45)
    axis.set_xlim(-0.3, len(ticks) + 0.1)
    below: dict[int, list[str]] = defaultdict(list)
    for name, line in own[own[other] == shared].groupby("task", sort=False):
        means = line.groupby(rate)["dev_score"].mean().rename(places)
        bottom = axis.get_ylim()[0]
        seen = means[means >= bottom]
        axis.plot(seen.index, seen, **mark(method) | {"linestyle": "-", "linewidth": 1.2, "markersize": 4})
        for end in list(seen.items())[-1:]:
            axis.annotate(task_name(str(name)), end, (4, 0), textcoords="offset points", va="center", fontsize=9)
        for place, score in means[means < bottom].items():
            below[place].append(f"{task_name(str(name))} {score:.0f}")
    for place, said in below.items():
        text, end = "\n".join(f"↓ {one}" for one in said), (place, axis.get_ylim()[0])
        axis.annotate(text, end, (-2, 12), textcoords="offset points", ha="left", fontsize=8.5, color=INK)
    if own.empty:
        axis.text(0.5, 0.5, NOT_RUN, transform=axis.transAxes, ha="center", va="center", style="italic", fontsize=9)
    if best and best[RATES.index(other)] == shared:
        axis.axvline(places[best[RATES.index(rate)]], color=INK, linewidth=1, linestyle=(0, (3, 2)), zorder=0)


def _short(rate: float) -> str:
    """`5e−3`, `1.5e−4`."""
    return f"{rate:.1e}".replace(".0e", "e").replace("e-0", "e−")
