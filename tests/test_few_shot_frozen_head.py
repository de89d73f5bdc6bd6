"""A frozen head against a trained one, and which scores are those of one answer for all rows."""

from pathlib import Path

import numpy as np
import pytest
from few_shot_rows import few_shot_row
from gate_rows import FALLEN, frozen_study, nothing

from pelt_core.report.few_shot import frozen_head
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.scores import Scores, load


def test_pairs_differ_in_the_head_alone() -> None:
    study = frozen_study()
    found = frozen_head.by_run(study)
    assert len(found) == 7 * 2 * 2  # methods, tasks, seeds
    own = found[(found["method"] == "lora") & (found["task"] == "sst2") & (found["seed"] == 1)].iloc[0]
    runs = study.table[(study.table["method"] == "lora") & (study.table["task"] == "sst2") & (study.table["seed"] == 1)]
    score = runs.set_index("train_head")["score"]
    assert own["difference"] == pytest.approx(score[False] - score[True])
    assert set(found.loc[found["there"] == frozen_head.FROZEN, "method"]) == {"bitfit", "prefix", "lora"}


def test_each_task_is_paired_by_row_and_seed() -> None:
    found = frozen_head.by_task(frozen_study()).set_index(["method", "task"])
    by_run = frozen_head.by_run(frozen_study()).groupby(["method", "task"])["difference"].mean()
    assert found.loc[("lora", "sst2"), "mean"] == pytest.approx(by_run["lora", "sst2"])
    assert found.loc[("lora", "cola"), "state"] == "not run yet" and np.isnan(found.loc[("lora", "cola"), "p"])


def test_one_answer_for_all_rows_is_a_collapse() -> None:
    found = frozen_head.collapses(frozen_study())
    fallen = found[found["method"].isin(FALLEN) & ~found["train_head"]]
    assert fallen["low"].all() and fallen["one_answer"].all()
    assert not found.drop(fallen.index)["one_answer"].any()


def test_runs_are_counted_in_pairs_where_something_can_be_told() -> None:
    """Whatever is recorded of other methods, and of shuffles with one kind of head."""
    study = frozen_study()
    pairs = frozen_head.in_pairs(study)
    assert set(pairs["method"]) == set(frozen_head.FROZEN_THERE)
    assert pairs["train_head"].sum() == len(pairs) / 2 > 0
    runs = [run for run in study.runs if run.train_head or run.seed]
    fewer = Scores(tuple(runs), study.names, study.ledger.recorded(runs), study.ledger)
    assert set(frozen_head.in_pairs(fewer)["seed"]) == {1}


def test_a_run_that_learned_nothing_has_not_collapsed(tmp_path: Path) -> None:
    """Different answers, no better than the baseline: apart from a collapse, with a trained head too."""
    for run in grid("frozen-head", "paper", seeds=[0], where={"task": ["cola"]}, only=["bitfit"]):
        Ledger(tmp_path).write(*few_shot_row(run, 40, -1.0 if run.train_head else 0.9, number=3))
    study = load(["frozen-head"], "paper", Ledger(tmp_path))
    found = frozen_head.collapses(study).set_index("train_head")
    assert found["one_answer"].tolist() == [False, False]
    assert found.loc[True, "low"] and not found.loc[False, "low"] and found.loc[True, "score"] < study.baseline("cola")
    shares = frozen_head.beside(study, study).set_index(["method", "task"]).loc[("bitfit", "cola")]
    assert shares[["frozen", "trained", "frozen_low", "trained_low"]].tolist() == [0, 0, 0, 1]


def test_the_levels_are_those_of_every_single_answer() -> None:
    study = frozen_study()
    assert frozen_head.constants(study, "sst2") == (50.0, 50.0)
    assert frozen_head.constants(study, "mrpc") == (0.0, pytest.approx(200 / 3))  # all negative, all positive
    assert frozen_head.constants(study, "cola") == ()


def test_published_cells_that_look_collapsed(root) -> None:
    """The prefix on MRPC has no deviation; on SST-2 its mean and its deviation are those of a result."""
    study = frozen_study()
    found = frozen_head.published(study, study).set_index(["method", "task"])
    assert found.loc[("prefix", "mrpc"), "still"] and found.loc[("prefix", "mrpc"), "suspicious"]
    assert found.loc[("prefix", "sst2"), "suspicious"] == 0
    assert set(found.index.get_level_values("task")) == {run.task for run in study.runs}


def test_published_cells_are_counted_whether_ours_are_recorded_or_not(tmp_path: Path) -> None:
    """The labels may come from another study; without any, only a missing deviation tells."""
    empty = load(["frozen-head"], "paper", Ledger(tmp_path))
    unlabelled = frozen_head.beside(empty, empty).set_index(["method", "task"])["published"]
    labelled = frozen_head.beside(empty, frozen_study()).set_index(["method", "task"])["published"]
    assert unlabelled["prefix", "mrpc"] == 1 and np.isnan(unlabelled["prefix", "sst2"])
    assert labelled["prefix", "mrpc"] == 1 and labelled["prefix", "sst2"] == 0


def test_ours_stand_beside_the_published() -> None:
    found = frozen_head.beside(frozen_study(), frozen_study()).set_index(["method", "task"])
    assert found.loc[("prefix", "mrpc")][["published", "frozen", "trained"]].tolist() == [1, 1, 0]
    assert found.loc[("full", "sst2")][["published", "frozen", "trained"]].tolist() == [0, 0, 0]
    assert found.loc[("lora", "cola"), ["frozen", "trained"]].isna().all()


def test_without_rows_nothing_is_known() -> None:
    empty = nothing("frozen-head")
    found = frozen_head.beside(empty, empty)
    assert len(found) == len({(run.method, run.task) for run in empty.runs})
    assert found[["frozen", "trained", "frozen_low", "trained_low"]].isna().all(axis=None)
    assert frozen_head.by_run(empty).empty and frozen_head.collapses(empty).empty
