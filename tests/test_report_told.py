"""Estimates in words."""

from types import SimpleNamespace

import numpy as np

from pelt_core.report.told import estimate, in_cell, with_p


def test_an_estimate_says_whether_it_is_told_from_zero() -> None:
    one = {"runs": 6, "mean": 1.0, "low": 0.5, "high": 1.5, "p": 0.01}
    assert estimate(SimpleNamespace(**one)).endswith("over 6 runs (p = 0.010, significant)")
    unsure = SimpleNamespace(**one | {"p_holm": 0.2})
    assert estimate(unsure).endswith("(p = 0.200 after Holm's correction, not significant)")
    assert "without a test" in estimate(SimpleNamespace(**one | {"p": np.nan}))
    alone = SimpleNamespace(**one | {"runs": 1, "mean": -1.0, "low": np.nan, "high": np.nan})
    assert estimate(alone) == "−1.0 points over 1 run, without an interval"


def test_a_cell_says_why_it_has_no_estimate() -> None:
    one = SimpleNamespace(state="", mean=-1.0, low=-1.5, high=-0.5, p_holm=0.0004)
    assert in_cell(one, "{:+.1f}") == "−1.0 [−1.5,\N{NO-BREAK SPACE}−0.5]"
    assert with_p(one, "{:+.1f}") == in_cell(one, "{:+.1f}") + ", p < 0.001"
    untested = SimpleNamespace(**vars(one) | {"p_holm": np.nan})
    assert with_p(untested, "{:+.1f}") == in_cell(one, "{:+.1f}")
    absent = SimpleNamespace(state="not run yet", mean=np.nan, low=np.nan, high=np.nan, p_holm=np.nan)
    assert in_cell(absent, "{:.1f}") == with_p(absent, "{:.1f}") == "not run yet"
