"""A frozen head against a trained one, and which scores are those of one answer for all rows."""

import numpy as np
import pytest
from gate_rows import FALLEN, frozen_study, nothing

from pelt_core.report.few_shot import frozen_head


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
    assert fallen["near"].all() and fallen["one_answer"].all()
    assert not found.drop(fallen.index)["one_answer"].any()


def test_the_levels_are_those_of_every_single_answer() -> None:
    study = frozen_study()
    assert frozen_head.constants(study, "sst2") == (50.0, 50.0)
    assert frozen_head.constants(study, "mrpc") == (0.0, pytest.approx(200 / 3))  # all negative, all positive
    assert frozen_head.constants(study, "cola") == ()


def test_published_cells_that_look_collapsed(root) -> None:
    """The prefix on MRPC has no deviation; on SST-2 its mean and its deviation are those of a result."""
    found = frozen_head.published(frozen_study()).set_index(["method", "task"])
    assert found.loc[("prefix", "mrpc"), "still"] and found.loc[("prefix", "mrpc"), "suspicious"]
    assert not found.loc[("prefix", "sst2"), "suspicious"]
    assert set(found.index.get_level_values("task")) == {"sst2", "mrpc"}


def test_ours_stand_beside_the_published() -> None:
    found = frozen_head.beside(frozen_study()).set_index(["method", "task"])
    assert found.loc[("prefix", "mrpc")][["published", "frozen", "trained"]].tolist() == [1, 1, 0]
    assert found.loc[("full", "sst2")][["published", "frozen", "trained"]].tolist() == [0, 0, 0]
    assert found.loc[("lora", "cola"), ["published", "frozen", "trained"]].isna().all()


def test_without_rows_nothing_is_known() -> None:
    empty = nothing("frozen-head")
    found = frozen_head.beside(empty)
    assert len(found) == len({(run.method, run.task) for run in empty.runs})
    assert found[["published", "frozen", "trained"]].isna().all(axis=None)
    assert frozen_head.by_run(empty).empty and frozen_head.published(empty).empty
