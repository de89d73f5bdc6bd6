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


@pytest.mark.parametrize("state", ["not run yet", "diverged"])
def test_what_has_no_number_says_why(state: str) -> None:
    empty = OURS | {"state": state, "mean": np.nan, "low": np.nan, "high": np.nan, "by_seed": []}
    figure = lines.means(pd.DataFrame([empty]), "accuracy", "{:.1f}")
    assert state in {text.get_text() for text in figure.axes[0].texts}
    plt.close(figure)
