import numpy as np
import pytest
from reasoning_rows import study

from pelt_core.report.reasoning.cells import cells, difference, paired, selected


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """Two seeds of every size, but for the second one of the widest series adapter, and no wide parallel one."""

    def keep(run):
        return not (run.method.startswith("series(bottleneck=512") and run.seed) and "parallel(b" not in run.method

    return study(tmp_path_factory.mktemp("ledger"), "bottleneck", effects={"series-64": -0.2}, keep=keep)


def test_every_cell_of_the_grid_has_a_line_in_its_order(scores):
    found = cells(scores).set_index("method")
    assert list(found.index) == list(scores.names.values())
    assert found.loc["series-64", "mean"] < found.loc["series-36", "mean"] - 0.15
    assert (found.loc["series-64", "seeds"], found.loc["series-512", "seeds"]) == (2, 1)
    assert found.loc["parallel-128", "state"] == "not run yet" and np.isnan(found.loc["parallel-128", "mean"])
    assert (found["low"].dropna() >= 0).all()


def test_the_untrained_model_counts_once(scores):
    assert cells(scores, method="none")["seeds"].tolist() == [1]


def test_an_accuracy_ends_at_one_hundred_and_nobody_took_it_here(scores):
    assert cells(scores.by("accuracy")).empty and selected(scores.by("accuracy")) == []


def test_a_difference_is_paired_by_the_seeds_that_both_have(scores):
    better = difference(scores, {"method": "series-64"}, {"method": "series-36"})
    assert better["mean"] == pytest.approx(-0.2, abs=0.02) and better["seeds"] == 2 and better["items"] == 48
    assert better["high"] < 0 and better["p"] < 0.01 and 0 < better["detectable"] < 0.05
    one = difference(scores, {"method": "series-64"}, {"method": "series-512"})
    assert one["seeds"] == 1 and np.isnan(one["p"]) and np.isfinite(one["mean"])
    assert difference(scores, {"method": "series-64"}, {"method": "parallel-128"})["state"] == "not run yet"
    assert difference(scores, {"method": "series-64"}, {"method": "series-36"}, ("svamp",))["items"] == 24


def test_against_the_untrained_model_every_seed_is_a_pair(scores):
    assert paired(scores.values(method="series-64"), scores.values(method="none"))["seeds"] == 2
