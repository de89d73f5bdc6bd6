"""A mean over tasks has an interval over their seeds, and none of a single seed."""

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


def test_each_task_has_seeds_of_its_own() -> None:
    """SST-2 has 1 and 3, QQP 2 and 6: variances 2 and 8, and one degree of freedom each."""
    ap = over_runs(RUNS, "gain", ["method"]).iloc[0]
    assert (ap["runs"], ap["seeds"], ap["mean"]) == (4, 2, 3.0)
    error, freedom = np.sqrt((1 + 4) / 4), (1 + 4) ** 2 / (1 + 16)
    low, high = stats.t.interval(0.95, freedom, 3.0, error)
    assert (ap["low"], ap["high"]) == (pytest.approx(low), pytest.approx(high))
    assert ap["p"] == pytest.approx(2 * stats.t.sf(3.0 / error, freedom))
    assert ap["by_run"] == RUNS["gain"][:4].tolist()


def test_of_one_task_it_is_student_over_its_seeds() -> None:
    own = RUNS[(RUNS["method"] == "ap") & (RUNS["task"] == "qqp")]
    (line,) = over_runs(own, "gain").to_dict("records")
    found = stats.ttest_1samp(own["gain"], 0)
    assert (line["low"], line["high"]) == pytest.approx(tuple(found.confidence_interval()))
    assert line["p"] == pytest.approx(found.pvalue)


def test_runs_that_share_their_rows_count_once() -> None:
    """Two methods with the same rows are no second repetition, whatever they do."""
    ap = RUNS[:4]
    twice = pd.concat([ap.assign(gain=ap["gain"] + 0.5), ap.assign(gain=ap["gain"] - 0.5)])
    once, both = (over_runs(frame, "gain").iloc[0] for frame in (ap, twice))
    assert both["runs"] == 8 and both["p"] == pytest.approx(once["p"]) and both["low"] == pytest.approx(once["low"])


def test_a_task_with_one_seed_is_left_out_where_others_have_several() -> None:
    alone = pd.DataFrame({"method": ["ap"], "task": ["cola"], "seed": [0], "gain": [90.0]})
    (line,) = over_runs(pd.concat([RUNS[:4], alone]), "gain").to_dict("records")
    assert (line["runs"], line["mean"]) == (4, 3.0)


def test_one_seed_has_neither_interval_nor_test() -> None:
    apl = over_runs(RUNS, "gain", ["method"]).iloc[1]
    assert apl["mean"] == pytest.approx(((1.0 + 2.0) / 2 + 1.5) / 2), "SST-2 twice, QQP once"
    assert np.isnan(apl[["low", "high", "p"]].astype(float)).all()


def test_one_run_has_no_interval_and_none_no_mean() -> None:
    (one,) = over_runs(RUNS[:1], "gain").to_dict("records")
    assert one["mean"] == 1 and np.isnan([one["low"], one["high"], one["p"]]).all()
    (none,) = over_runs(RUNS[:0], "gain").to_dict("records")
    assert none["runs"] == 0 and np.isnan(none["mean"])
    assert over_runs(RUNS[:0], "gain", ["method"]).empty
