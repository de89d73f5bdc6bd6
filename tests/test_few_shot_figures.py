"""Intervals that are not known are left out; what is known is drawn."""

import numpy as np
import pandas as pd

from pelt_core.report.few_shot.figures import differences


def line(name: str, mean: float, low: float, high: float, state: str = "") -> dict[str, object]:
    known = {"mean": mean, "low": low, "high": high, "state": state}
    return known | {"heading": "Together", "line": name, "method": "apl", "significant": False}


def test_a_difference_of_one_run_has_a_point_and_no_interval() -> None:
    frame = pd.DataFrame([line("one", 3.0, np.nan, np.nan), line("none", np.nan, np.nan, np.nan, "not run yet")])
    axis = differences(frame, "points", "first", "second").axes[0]
    left, right = axis.get_xlim()
    assert left < -3 < 3 < right
    assert {"+3.0", "not run yet"} <= {text.get_text() for text in axis.texts}
