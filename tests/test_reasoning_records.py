"""Answers read again from rows that are made up."""

import numpy as np
import pytest
import synthetic
from answer_rows import fill

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.reasoning import records
from pelt_core.study.answer_scores import AnswerScores, load
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> AnswerScores:
    """Arithmetic, but for the prefix."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    fill(ledger, [run for run in grid("arithmetic", "laptop") if "prefix" not in run.method])
    return load(["arithmetic"], "laptop", ledger)


def test_every_answer_of_every_run_is_a_line(scores: AnswerScores) -> None:
    written = records.answers(scores)
    assert list(written.columns) == list(records.COLUMNS)
    assert len(written) == len(scores.rows) * 6 * 30
    one = written[(written["set"] == "gsm8k") & (written["id"] == "gsm8k-1")].iloc[0]
    assert (one["gold"], one["extracted"], one["correct"], one["redone"]) == ("101", "7", False, True)
    assert one["equation"] == "60 + 101 - 60" and one["stated"]


def test_rows_from_before_a_rule_are_read_by_it(tmp_path) -> None:
    runs = grid("arithmetic", "laptop")[:1]
    synthetic.fill(Ledger(tmp_path), runs, questions=3)
    found = load(["arithmetic"], "laptop", Ledger(tmp_path))
    assert found.by("equation").table["score"].isna().all()
    assert set(records.answers(found)["redone"]) == {False} and set(records.answers(found)["stated"]) == {True}


def test_nothing_recorded_is_no_line(tmp_path) -> None:
    empty = load(["arithmetic"], "laptop", Ledger(tmp_path))
    written = records.answers(empty)
    assert written.empty and list(written.columns) == list(records.COLUMNS)
    assert np.isnan(records.majority(written, "aqua"))
    assert set(records.shares(empty, written, written["correct"])["state"]) == {NOT_RUN}


def test_shares_are_points_with_an_interval_and_know_what_is_missing(scores: AnswerScores) -> None:
    written = records.answers(scores)
    found = records.shares(scores, written, written["correct"], ["gsm8k"]).set_index("method")
    assert found.loc["lora", "mean"] == pytest.approx(20) and found.loc["lora", "seeds"] == 2
    assert found.loc["lora", "low"] < 20 < found.loc["lora", "high"]
    assert found.loc["prefix", "state"] == NOT_RUN and np.isnan(found.loc["prefix", "mean"])
    both = records.shares(scores, written, written["correct"], ["gsm8k", "aqua"]).set_index("method")
    assert both.loc["lora", "mean"] == pytest.approx((20 + 100 * 10 / 30) / 2)


def test_sets_are_told_apart_by_their_answers(scores: AnswerScores) -> None:
    assert records.sets(scores, "letter") == ["aqua"] and len(records.sets(scores, "number")) == 5
    assert records.methods(scores) == ["none", "full", "prefix", "series", "parallel", "lora"]


def test_the_commonest_answer_counts_each_question_once(scores: AnswerScores) -> None:
    assert records.majority(records.answers(scores), "aqua") == pytest.approx(40)
