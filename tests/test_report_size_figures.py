"""Means against sizes: what is known is drawn and named, what is not is counted."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from pelt_core.report.size_figures import against_parameters


def test_every_known_method_is_named_and_missing_ones_are_counted() -> None:
    frame = pd.DataFrame(
        {
            "method": ["head", "adapter", "lora", "dora"],
            "mean": [60.0, 80.0, 81.0, np.nan],
            "low": [58.0, 79.0, 80.0, np.nan],
            "high": [62.0, 81.0, 82.0, np.nan],
            "parameters": [0, 220_000, 70_000, 220_000],
        }
    )
    figure = against_parameters(frame, (150_000, 330_000), ["head"], ("size", "score"))
    (axis,) = figure.axes
    assert {text.get_text() for text in axis.texts} == {"Head only", "Adapter", "LoRA"}
    assert axis.get_title("left") == "not shown: 1 of 4 methods, without results"
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("size", "score")
    assert axis.get_xscale() == "log" and axis.get_xlim()[0] > 10_000  # a head that adds nothing is a line, no point
    plt.close(figure)
    whole = against_parameters(frame.dropna(), (150_000, 330_000), ["head"], ("size", "score"))
    assert whole.axes[0].get_title("left") == ""
    plt.close(whole)


def test_without_any_run_the_figure_says_so() -> None:
    nothing = pd.DataFrame(columns=["method", "mean", "low", "high", "parameters"])
    figure = against_parameters(nothing, (np.nan, np.nan), (), ("", ""))
    assert [text.get_text() for text in figure.axes[0].texts] == ["not run yet"]
