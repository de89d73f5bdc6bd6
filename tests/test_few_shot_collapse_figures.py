"""The map of collapses has three squares a cell, or crosses where nothing is known."""

import matplotlib
import matplotlib.pyplot as plt
from gate_rows import frozen_study, nothing

from pelt_core.report.few_shot.collapse_figures import collapse_map
from pelt_core.report.few_shot.frozen_head import beside

matplotlib.use("svg")


def test_squares_are_filled_as_far_as_runs_collapsed() -> None:
    frame = beside(frozen_study(), frozen_study())
    axis = collapse_map(frame).axes[0]
    known = frame[["published", "frozen", "trained"]].notna().sum().sum()
    assert len(axis.patches) == 2 * known
    filled = [patch for patch in axis.patches if patch.get_fill()]
    shares = sum(patch.get_height() for patch in filled) / 0.72
    assert abs(shares - frame[["published", "frozen", "trained"]].sum().sum()) < 1e-6
    assert len(axis.lines) == 3 * len(frame) - known
    plt.close("all")


def test_of_what_we_have_not_run_the_published_square_is_there() -> None:
    frame = beside(nothing("frozen-head"), nothing("glue-signal"))
    axis = collapse_map(frame).axes[0]
    published = frame["published"].notna().sum()
    assert 0 < published < len(frame) and len(axis.patches) == 2 * published
    assert len(axis.lines) == 3 * len(frame) - published
    plt.close("all")
