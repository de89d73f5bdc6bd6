"""Tested estimates as columns, and Holm's correction over the lines of a frame."""

import numpy as np
import pandas as pd
import pytest

from pelt_core.report.tested import TESTED, UNTESTED, as_columns, with_holm
from pelt_core.study.statistics import estimate


def test_one_seed_has_an_interval_and_no_test() -> None:
    rng = np.random.default_rng(0)
    several, single = (as_columns(estimate(rng.normal(1.0, 0.1, (50, seeds)))) for seeds in (3, 1))
    assert several["low"] < several["mean"] < several["high"] and several["p"] < 0.05 and several["detectable"] > 0
    assert single["low"] < single["high"] and np.isnan(single["p"]) and np.isnan(single["detectable"])
    assert tuple(several) == TESTED == tuple(UNTESTED)


def test_the_correction_is_over_the_tests_that_were_made() -> None:
    frame = with_holm(pd.DataFrame({"p": [0.01, np.nan, 0.04]}))
    assert frame["p_holm"].dropna().tolist() == pytest.approx([0.02, 0.04])
    assert frame["significant"].tolist() == [True, False, True]
