"""A mean over runs has the interval of Student's t over them, and no test on a single seed."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pelt_core.report.few_shot.over_runs import over_runs

RUNS = pd.DataFrame(
    {
        "method": ["ap"] * 4 + ["apl"] * 3,
        "task": ["sst2", "qqp"] * 3 + ["sst2"],
        "seed": [0, 0, 1, 1, 0, 0, 0],
        "gain": [1.0, 2.0, 3.0, 6.0, 1.0, 1.5, 2.0],
    }
)


def test_the_interval_is_that_of_student() -> None:
    ap = over_runs(RUNS, "gain", ["method"]).iloc[0]
    values = RUNS["gain"][:4]
    low, high = stats.ttest_1samp(values, 0).confidence_interval()
    assert (ap["runs"], ap["seeds"], ap["mean"]) == (4, 2, 3.0)
    assert (ap["low"], ap["high"]) == (pytest.approx(low), pytest.approx(high))
    assert ap["p"] == pytest.approx(stats.ttest_1samp(values, 0).pvalue, rel=1e-3)
    assert ap["by_run"] == values.tolist()


def test_one_seed_has_an_interval_and_no_test() -> None:
    apl = over_runs(RUNS, "gain", ["method"]).iloc[1]
    assert apl["low"] < apl["mean"] < apl["high"] and np.isnan(apl["p"])


def test_one_run_has_no_interval_and_none_no_mean() -> None:
    (one,) = over_runs(RUNS[:1], "gain").to_dict("records")
    assert one["mean"] == 1 and np.isnan([one["low"], one["high"], one["p"]]).all()
    (none,) = over_runs(RUNS[:0], "gain").to_dict("records")
    assert none["runs"] == 0 and np.isnan(none["mean"])
    assert over_runs(RUNS[:0], "gain", ["method"]).empty
