"""Estimates in words."""

from types import SimpleNamespace

import numpy as np

from pelt_core.report.told import estimate


def test_an_estimate_says_whether_it_is_told_from_zero() -> None:
    one = {"runs": 6, "mean": 1.0, "low": 0.5, "high": 1.5, "p": 0.01}
    assert estimate(SimpleNamespace(**one)).endswith("over 6 runs (p = 0.010, significant)")
    unsure = SimpleNamespace(**one | {"p_holm": 0.2})
    assert estimate(unsure).endswith("(p = 0.200 after Holm's correction, not significant)")
    assert "without a test" in estimate(SimpleNamespace(**one | {"p": np.nan}))
    alone = SimpleNamespace(**one | {"runs": 1, "mean": -1.0, "low": np.nan, "high": np.nan})
    assert estimate(alone) == "−1.0 points over 1 run, without an interval"
