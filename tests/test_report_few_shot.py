"""What all pages on few-example studies share, from rows that are made up."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from few_shot_rows import few_shot_row
from synthetic import PROVENANCE

from pelt_core.report import words
from pelt_core.report.few_shot import cells, limits, setup, state
from pelt_core.report.names import task_name
from pelt_core.report.tested import with_holm
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.recipe import in_use
from pelt_core.study.scores import Scores, load
from pelt_core.study.statistics import COVERAGE

TASKS = ("sst2", "rte")
METHODS = ("lora", "apl", "apl-nogate")


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """low-resource with 100 examples: two seeds of three methods on two tasks, but APL with one seed on RTE."""
    return filled(tmp_path_factory.mktemp("ledger"))


@pytest.fixture
def nothing(tmp_path: Path) -> Scores:
    return load(["low-resource"], "paper", Ledger(tmp_path))


def filled(folder: Path) -> Scores:
    whole = load(["low-resource"], "paper", Ledger(folder))
    for number, run in enumerate(state.selected(whole, task=TASKS, method=METHODS, examples=100, seed=[0, 1])):
        if (whole.names[run.method], run.task, run.seed) != ("apl", "rte", 1):
            skill = 0.7 if whole.names[run.method] == "apl" else 0.5
            Ledger(folder).write(*few_shot_row(run, 100, skill, number))
    return load(["low-resource"], "paper", Ledger(folder))


def test_a_cell_is_the_mean_of_its_seeds(some: Scores) -> None:
    frame = cells.cells(some, task="sst2", examples=100).set_index("method")
    own = some.table.query("task == 'sst2' and method == 'lora'")["score"]
    assert frame.loc["lora", "mean"] == pytest.approx(own.mean())
    assert frame.loc["lora", "deviation"] == pytest.approx(own.std()) and frame.loc["lora", "by_seed"] == pytest.approx(
        list(own)
    )
    assert frame.loc["lora", "low"] < own.mean() < frame.loc["lora", "high"]
    assert frame.loc["prefix", "state"] == "not run yet" and np.isnan(frame.loc["prefix", "mean"])


def test_an_average_counts_each_task_the_same_and_takes_the_seeds_that_all_have(some: Scores) -> None:
    frame = cells.cells(some, ("method",), examples=100, task=list(TASKS)).set_index("method")
    means = some.table.query("method == 'apl' and seed == 0").groupby("task")["score"].mean()
    assert frame.loc["apl", "mean"] == pytest.approx(means.mean()) and frame.loc["apl", "seeds"] == 1
    assert frame.loc["lora", "seeds"] == 2


def test_there_is_no_average_while_a_task_is_lacking(some: Scores) -> None:
    assert set(cells.cells(some, ("method",), examples=100)["state"]) == {"not run yet"}
    assert cells.recorded_tasks(some, examples=100) == list(TASKS)
    assert cells.recorded_tasks(some, examples=500) == []


def test_a_difference_is_of_the_items_and_seeds_that_both_have(some: Scores) -> None:
    both = cells.difference(some, {"method": "apl"}, {"method": "apl-nogate"}, examples=100, task="sst2")
    means = some.table.query("task == 'sst2'").groupby("method")["score"].mean()
    assert both["mean"] == pytest.approx(means["apl"] - means["apl-nogate"]) and both["seeds"] == 2
    assert both["low"] < both["mean"] < both["high"] and 0 < both["p"] < 1 and both["detectable"] > 0


def test_one_seed_is_no_test_and_none_is_no_difference(some: Scores) -> None:
    one = cells.difference(some, {"method": "apl"}, {"method": "apl-nogate"}, examples=100)
    assert one["tasks"] == sorted(TASKS) and one["seeds"] == 1 and np.isnan(one["p"]) and one["mean"] > 0
    assert cells.difference(some, {"method": "ap"}, {"method": "apl"}, examples=100)["state"] == "not run yet"


def test_holm_counts_the_tests_that_were_made(some: Scores) -> None:
    lines = [cells.difference(some, {"method": "apl"}, {"method": "lora"}, examples=100, task=task) for task in TASKS]
    frame = with_holm(cells.pd.DataFrame(lines))
    assert frame["p_holm"].iloc[0] == pytest.approx(frame["p"].iloc[0]) and np.isnan(frame["p_holm"].iloc[1])


def test_the_state_names_what_is_missing(some: Scores, nothing: Scores) -> None:
    said = state.state(some).data
    size = len(state.selected(some, examples=100))
    assert f"11 of {len(some.runs):,} runs are recorded" in said and "500 examples: all" in said
    assert f"100 examples: {size - 11} of {size} runs; SST-2 {size // 8 - 6} of {size // 8} (seeds 0, 1," in said
    assert "QQP, MRPC, STS-B, CoLA, QNLI and MNLI each" in said
    assert state.state(nothing).data.startswith(f"0 of {len(some.runs):,}")


def test_a_few_missing_runs_are_named_one_by_one(tmp_path: Path) -> None:
    runs = grid("frozen-head", "smoke")
    for run in runs[:-1]:
        Ledger(tmp_path).write(*few_shot_row(run))
    said = state.state(load(["frozen-head"], "smoke", Ledger(tmp_path))).data
    assert "LoRA on paraphrase, embedded, 8 examples" in said and "head frozen" in said and "**one seed**" in said


def test_a_diverged_cell_is_told_from_one_that_is_not_run(tmp_path: Path) -> None:
    run = grid("frozen-head", "smoke")[0]
    row, _ = few_shot_row(run)
    Ledger(tmp_path).write({**row, "status": "diverged", "metrics": {}, "provenance": PROVENANCE}, [])
    found = load(["frozen-head"], "smoke", Ledger(tmp_path))
    assert list(cells.cells(found, ("method", "train_head"))["state"]) == ["diverged", *["not run yet"] * 3]
    assert "**Diverged**" in state.state(found).data


def test_the_setup_says_what_runs_share_and_what_not(nothing: Scores) -> None:
    lines, first = dict(setup.setup(nothing).itertuples(index=False)), nothing.runs[0]
    assert "CoLA (Matthews)" in lines["Tasks and metrics"] and "QQP (F1)" in lines["Tasks and metrics"]
    assert lines["Training rows"].startswith(f"{first.examples}, {first.epochs} epochs; 500, ")
    rates = " / ".join(f"{rate:g}" for rate in in_use("paper")["bitfit"])
    assert re.search(rf"{rates}: [^;]*BitFit", lines["Peak learning rates, module / head"])
    searched = dict(setup.setup(load(["glue-recipe"], "laptop", nothing.ledger)).itertuples(index=False))
    assert "0.001, 0.003, 0.01 / 0.005: BitFit<br>" in searched["Peak learning rates, module / head"]
    laptop = dict(setup.setup(load(["low-resource"], "laptop", nothing.ledger)).itertuples(index=False))
    assert laptop["Early stopping"] == "none: 100 rows; after 5 epochs without a better score: 500, 1,000 rows"
    assert searched["Early stopping"] == "after 5 epochs without a better score"
    assert lines["Pooling"].startswith("the first token: SST-2")
    assert lines["Other rows"] == f"{first.dev_rows:,} to choose the best epoch by, at most {first.test_rows:,} to test"


def test_limits_and_provenance_hold_with_and_without_rows(some: Scores, nothing: Scores) -> None:
    parts = load(["low-resource"], "laptop", some.ledger)
    assert "of QQP, QNLI and MNLI only a part" in "\n".join(limits.common(parts))
    assert f"{100 * COVERAGE[2][0]:.0f} to" in "\n".join(limits.common(some))
    assert "no p-value and no verdict" in "\n".join(limits.common(nothing))
    assert f"11 of {len(some.runs)} runs of preset `paper`" in words.provenance(some, "paper", "data/ledger").data
    assert "No run of preset" in words.provenance(nothing, "paper", "data/ledger").data


def test_tasks_without_a_signal_are_named(tmp_path: Path) -> None:
    for run in grid("glue-signal", "paper"):
        if run.task in TASKS and run.method == "full":
            Ledger(tmp_path).write(*few_shot_row(run, 200, 0.0 if run.task == "rte" else 0.8))
    signal, every = (load([name], "paper", Ledger(tmp_path)) for name in ("glue-signal", "low-resource"))
    (said,) = limits.without_signal(signal, every)
    assert "On RTE (" in said and "SST-2" not in said
    without = replace(every, runs=tuple(run for run in every.runs if run.task != "rte"))
    assert not list(limits.without_signal(signal, without))


def test_tasks_are_named_on_which_with_some_number_of_examples_no_method_leaves_the_baseline(tmp_path: Path) -> None:
    found = load(["low-resource"], "paper", Ledger(tmp_path))
    for run in state.selected(found, task=TASKS, method=["lora", "prefix"], seed=0, examples=[100, 500]):
        at_a_guess = run.examples == 100 and run.task == TASKS[0]
        Ledger(tmp_path).write(*few_shot_row(run, 200, -1.0 if at_a_guess else 0.8))
    (said,) = limits.at_a_guess(load(["low-resource"], "paper", Ledger(tmp_path)))
    assert f"interval on {task_name(TASKS[0])} with 100 examples:" in said
    assert not list(limits.at_a_guess(found))


def test_limits_name_the_tasks_that_the_backbone_was_made_with() -> None:
    study = load(["low-resource"], "laptop", Ledger(Path("nowhere")))
    said = next(point for point in limits.common(study) if point.startswith("**Seen before.**"))
    assert "Quora Question Triplets (QQP), SQuAD2.0 (QNLI) and AllNLI (MNLI)" in said and "SST-2" not in said
    decoder = load(["glue-decoder"], "laptop", Ledger(Path("nowhere")))
    assert not [point for point in limits.common(decoder) if point.startswith("**Seen before.**")]
