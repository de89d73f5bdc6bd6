"""Figures: what becomes of the questions of Math10K, and how many rows the variants of Commonsense170K have."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter, StrMethodFormatter

from pelt_core.report.construction.builds import SETS, Builds, build_name, source_name
from pelt_core.report.style import COLOURS, INK, WIDTH

SAMPLED = "not in the sample"
"""Why most questions of a sampled source are not asked."""
LINE = 0.25
"""Inches of height for a line."""
FATES = {"kept": COLOURS["lora"], "dropped": COLOURS["head"], "not asked": COLOURS["none"]}
VARIANTS = {
    "published": ("s", COLOURS["none"]),
    "distinct": ("o", COLOURS["series"]),
    "balanced": ("D", COLOURS["prefix"]),
}


def fates(builds: Builds) -> Figure:
    """For each build and source, which shares of the questions are kept, dropped and not asked; numbers: those kept.

    Of a source that is sampled, the questions are those of the sample.
    """
    lines: list[tuple[float, str, dict[str, int]]] = []
    headings: dict[str, float] = {}
    y = 0.0
    for key, report in builds.math.items():
        headings[build_name(key, report)] = y
        for place, one in enumerate(report["sources"], start=1):
            counts = {
                "kept": one["kept"],
                "dropped": one["asked"] - one["kept"],
                "not asked": 0 if SAMPLED in one["not_asked"] else sum(one["not_asked"].values()),
            }
            lines.append((y + place, source_name(one["source"]), counts))
        y += len(report["sources"]) + 1.4
    figure, axis = plt.subplots(figsize=(WIDTH, LINE * y + 0.9), layout="constrained")
    for at, _, counts in lines:
        left, total = 0.0, sum(counts.values())
        for fate, count in counts.items():
            share = count / total if total else 0.0
            axis.barh(at, share, left=left, height=0.62, color=FATES[fate], linewidth=0)
            left += share
        axis.annotate(
            f"{counts['kept']:,}",
            (1, at),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            annotation_clip=False,
        )
    for heading, top in headings.items():
        axis.text(0, top, heading, va="center", weight="bold")
    for fate, colour in FATES.items():
        axis.plot([], [], "s", color=colour, label=fate)
    figure.legend(loc="outside upper right", ncols=len(FATES), frameon=False, fontsize=9.5, handletextpad=0)
    axis.set_yticks([at for at, _, _ in lines], [name for _, name, _ in lines])
    axis.tick_params(axis="y", length=0)
    axis.set_xlim(0, 1)
    axis.set_ylim(y - 0.7, -0.7)
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.set_xlabel("of a source's questions; right: kept")
    return figure


def variants(builds: Builds) -> Figure:
    """Rows of each set in the variants of Commonsense170K, on a logarithmic axis; the bar is what was published."""
    names = list(builds.rows("published"))
    figure, axis = plt.subplots(figsize=(WIDTH, LINE * 1.25 * len(names) + 1.0), layout="constrained")
    for line, name in enumerate(names):
        published = builds.rows("published")[name]["published"]
        axis.plot([published] * 2, [line - 0.4, line + 0.4], color=INK, linewidth=2)
        for shift, (variant, (mark, colour)) in zip((-0.25, 0, 0.25), VARIANTS.items(), strict=True):
            axis.plot(builds.rows(variant)[name]["rows"], line + shift, mark, color=colour, markersize=4.5)
    axis.plot([], [], color=INK, linewidth=2, label="as published")
    for variant, (mark, colour) in VARIANTS.items():
        axis.plot([], [], mark, color=colour, label="rebuilt" if variant == "published" else variant)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=9, handletextpad=0.2, columnspacing=1)
    axis.set_yticks(range(len(names)), [SETS[name] for name in names])
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(FixedLocator([1000, 3000, 10_000, 30_000, 100_000]))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.set_xlabel("rows")
    return figure
