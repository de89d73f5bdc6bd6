"""Names beside points are where they can be read."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from pelt_core.report.size_figures import against_parameters, spread


@pytest.mark.parametrize("places", [[5.0, 4.9, 4.85, 1.0], [3.0, 3.0, 3.0], [9.0, 5.0], [2.0]])
def test_names_are_apart_in_their_order_and_about_their_points(places: list[float]) -> None:
    found = spread(np.array(places), 0.5)
    assert (np.diff(found) <= -0.5 + 1e-9).all()
    assert found.mean() == pytest.approx(np.mean(places))


def test_names_that_have_room_stay_beside_their_points() -> None:
    assert spread(np.array([9.0, 5.0, 1.0]), 0.5) == pytest.approx([9.0, 5.0, 1.0])


def test_every_known_method_is_named_and_a_missing_one_is_not() -> None:
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
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("size", "score")
    assert axis.get_xscale() == "log" and axis.get_xlim()[0] > 10_000  # a head that adds nothing is a line, no point
    plt.close(figure)


def test_without_any_run_the_figure_says_so() -> None:
    nothing = pd.DataFrame(columns=["method", "mean", "low", "high", "parameters"])
    figure = against_parameters(nothing, (np.nan, np.nan), (), ("", ""))
    assert [text.get_text() for text in figure.axes[0].texts] == ["not run yet"]
