"""Recorded costs: ratios of turns that stood side by side, and their intervals, from made-up times."""

import json

import efficiency_samples
import numpy as np
import pytest
from scipy import stats

from pelt_core.study.costs import FULL_TIME, load

TIMES = {"training": {"apl": 67.0, "lora": 53.0}, "inference": {"apl": 127.0, "head": 100.0}}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    file = tmp_path_factory.mktemp("costs") / "efficiency.json"
    efficiency_samples.record(file, lambda method, work: TIMES[work].get(method, 100.0))
    return file


@pytest.fixture
def costs(file):
    return load(file)


def test_a_time_is_the_mean_of_ratios_turn_by_turn_with_the_interval_of_their_logarithms(costs, file):
    records = {one["name"]: one["repeats"] for one in json.loads(file.read_text())["cells"][0]["contenders"]}
    apl, full = (np.array([turn["seconds"] for turn in records[method]]) for method in ("apl", "full"))
    logs = np.log(apl / full)
    low, high = stats.t.interval(0.95, len(logs) - 1, logs.mean(), stats.sem(logs))
    found = costs.relative("training", "apl")
    assert (found.mean, found.low, found.high) == pytest.approx(tuple(100 * np.exp([logs.mean(), low, high])))
    assert found.repeats == 7 and found.p_value == pytest.approx(stats.ttest_1samp(logs, 0).pvalue, rel=1e-3)
    assert found.low < 67 < found.high


def test_work_that_takes_as_long_is_not_told_apart(costs):
    found = costs.relative("inference", "head")
    assert found.low < FULL_TIME < found.high and found.p_value > 0.05
    assert costs.relative("inference", "apl").p_value < 0.001


def test_full_fine_tuning_is_the_unit(costs):
    found = costs.relative("training", "full")
    assert (found.mean, found.low, found.high) == (FULL_TIME,) * 3


def test_parameters_are_told_with_and_without_the_head(costs):
    assert costs.trainable("head") == efficiency_samples.HEAD and costs.own("head") == 0
    assert costs.own("full") == efficiency_samples.TRAINED["full"]
    assert costs.specification("apl").startswith("sequence*[pfeiffer") and costs.flops("apl") > costs.flops("full")
    assert costs.memory("training", "full") > costs.memory("training", "lora")


def test_nothing_recorded_has_no_methods(tmp_path):
    assert load(tmp_path / "efficiency.json").methods == []
