import pytest
from reasoning_rows import study

from pelt_core.report.reasoning import cells, limits
from pelt_core.report.reasoning.state import mix, setup, state


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    def keep(run):
        return run.seed == 0 and "512" not in run.method

    return study(tmp_path_factory.mktemp("ledger"), "bottleneck", keep=keep)


def test_what_is_missing_is_named_by_seed(scores):
    said = state(scores).data
    assert "9 of 21 runs are recorded" in said and "seed 1: all 10 runs" in said and "seed 0: 2:" in said
    assert "one seed" in said


def test_a_whole_grid_misses_nothing(tmp_path):
    assert state(study(tmp_path, "bottleneck")).data == "21 of 21 runs are recorded."


def test_the_setup_says_what_runs_share(scores):
    shown = setup(scores).set_index("Setting")["Value"]
    assert "100 rows of GSM8K and 150 of MAWPS, cleaned (without those" in shown["Training rows"]
    assert shown["Answers written to"] == "none" and "at most 100 questions" in shown["Answer loss on"]
    assert "no more than 256 tokens with it: GSM8K 24 and SVAMP 24)" in shown["Answer loss on"]
    assert "`series(bottleneck=36)@mlp`" in shown["Methods"] and shown["Loss of other texts"] == "QNLI"


def test_a_mix_in_words():
    assert mix("gsm8k:1000") == "1,000 rows of GSM8K" and mix("") == "untrained"


def test_limits_say_what_can_be_told_apart(scores, tmp_path):
    import pandas as pd

    whole = study(tmp_path, "bottleneck")
    line = cells.difference(whole, {"method": "series-64"}, {"method": "series-128"})
    said = limits.limits(whole, pd.DataFrame([line]), ["**Of this page.** Alone."]).data
    assert "**Resolution.**" in said and "**Of this page.** Alone." in said and "Loss, not accuracy" in said
    one = cells.difference(scores, {"method": "series-64"}, {"method": "series-128"})
    said = limits.limits(scores, pd.DataFrame([one])).data
    assert "Resolution" not in said and "fewer than two" in said


def test_limits_name_the_modules_that_have_more_than_one_rate(tmp_path):
    def said(name):
        return limits.limits(study(tmp_path, name, keep=lambda run: False), None).data

    assert "(but for Parallel adapter: what else differs" in said("answer-methods")
    assert "but for" not in said("bottleneck") and "Learning rates" not in said("answer-recipe")
