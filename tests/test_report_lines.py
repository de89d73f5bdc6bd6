"""Horizontal dots with intervals: what is drawn for what is known."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from pelt_core.report import lines

OURS = {"heading": "ours", "line": "LoRA", "method": "lora", "state": "", "mean": 8.0, "low": 6.0, "high": 11.0}
PRINTED = {
    "heading": "paper",
    "line": "LoRA",
    "method": "lora",
    "state": "",
    "mean": 60.0,
    "low": np.nan,
    "high": np.nan,
}


def test_a_printed_number_is_an_open_mark_without_an_interval() -> None:
    frame = pd.DataFrame([PRINTED | {"by_seed": []}, OURS | {"by_seed": [7.0, 9.0]}])
    figure = lines.means(frame, "accuracy", "{:.1f}")
    (axis,) = figure.axes
    marks = [line for line in axis.lines if line.get_marker() == "^"]
    assert [mark.get_markerfacecolor() for mark in marks] == ["none", marks[1].get_color()]
    drawn = [line.get_xdata() for line in axis.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"]
    assert [list(ends) for ends in drawn if np.isfinite(ends).all()] == [[6.0, 11.0]]
    assert {"60.0", "8.0"} <= {text.get_text() for text in axis.texts}
    low, high = axis.get_xlim()
    assert low < 6 and high > 60, "the axis holds numbers without an interval"
    plt.close(figure)


def test_a_reference_far_off_is_a_line_with_its_number_and_leaves_the_axis_to_the_means() -> None:
    near, far = OURS | {"by_seed": [8.0]}, OURS | {"heading": "far", "by_seed": [8.0]}
    figure = lines.means(pd.DataFrame([near, far]), "accuracy", "{:.1f}", {"ours": 7.0, "far": -50.0})
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["LoRA", "LoRA", "Trivial baseline"]
    assert "← -50.0" in {text.get_text() for text in axis.texts} and axis.get_xlim()[0] > 0
    dashed = [line.get_xdata()[0] for line in axis.lines if line.get_linestyle() == "--"]
    assert dashed == [7.0]
    plt.close(figure)


def test_numbers_of_differences_stand_clear_of_zero_and_of_intervals() -> None:
    one = {name: value for name, value in OURS.items() if name != "heading"} | {"significant": False}
    frame = pd.DataFrame([one | {"heading": "a", "mean": m, "low": m - 1, "high": m + 1} for m in (-3.0, -0.8, 5.0)])
    figure = lines.differences(frame, "points", "first", "second", "{:+.1f}")
    (axis,) = figure.axes
    figure.draw_without_rendering()
    numbers = [text for text in axis.texts if text.get_text() in {"−3.0", "−0.8", "+5.0"}]
    lefts = [axis.transData.inverted().transform(text.get_window_extent().p0)[0] for text in numbers]
    assert len(lefts) == 3 and min(lefts) > 6
    plt.close(figure)


@pytest.mark.parametrize("state", ["not run yet", "diverged"])
def test_what_has_no_number_says_why(state: str) -> None:
    empty = OURS | {"state": state, "mean": np.nan, "low": np.nan, "high": np.nan, "by_seed": []}
    figure = lines.means(pd.DataFrame([empty]), "accuracy", "{:.1f}")
    assert state in {text.get_text() for text in figure.axes[0].texts}
    plt.close(figure)
