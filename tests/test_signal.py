"""Which tasks can test a claim, by rows that are made up."""

from dataclasses import replace
from pathlib import Path

from few_shot_rows import few_shot_row

from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import Scores, load, names
from pelt_core.study.signal import has_signal, signals, told_apart


def recorded(folder: Path, skills: dict[str, dict[str, float]]) -> Scores:
    """glue-signal with 200 test rows a run; `skills`: task -> pooling -> that of full fine-tuning."""
    ledger, runs = Ledger(folder), []
    for run in grid("glue-signal", "laptop"):
        assert isinstance(run, ClassificationRun)
        for pooling, skill in skills.get(run.task, {}).items():
            if run.method == "full" or run.pooling == pooling:
                runs.append(replace(run, pooling=pooling))
                ledger.write(*few_shot_row(runs[-1], 200, skill if run.method == "full" else 0.9))
    return Scores(tuple(runs), names(["glue-signal"], "laptop"), {row["key"]: row for row in ledger.rows()}, ledger)


def test_a_task_has_a_signal_where_full_fine_tuning_leaves_the_baseline(tmp_path: Path) -> None:
    """Not where the head alone does."""
    assert has_signal(recorded(tmp_path, {"sst2": {"mean": 0.5}, "rte": {"mean": 0.0}})) == {"sst2": True, "rte": False}


def test_the_pooling_is_the_one_that_is_best_on_development_rows(tmp_path: Path) -> None:
    found = signals(recorded(tmp_path, {"qqp": {"mean": 0.0, "pair": 0.8}}))
    assert found.loc["qqp", "pooling"] == "pair" and found.loc["qqp", "signal"]
    assert found.loc["qqp", "low"] < found.loc["qqp", "mean"] < found.loc["qqp", "high"]


def test_a_task_is_told_apart_where_any_method_leaves_the_baseline(tmp_path: Path) -> None:
    """On SST-2 the head alone does, on MRPC full fine-tuning, on CoLA nothing; each number of examples is its own."""
    skills = {"sst2": {"head": 0.6, "full": -1.0}, "mrpc": {"head": -1.0, "full": 0.6}, "cola": {"head": -1.0}}
    ledger, runs = Ledger(tmp_path), []
    for run in grid("low-resource", "laptop", seeds=[0], where={"examples": ["100", "500"]}):
        assert isinstance(run, ClassificationRun)
        if run.method in skills.get(run.task, {}):
            runs.append(run)
            known = skills[run.task][run.method] if run.examples == 100 else -1.0
            ledger.write(*few_shot_row(run, 200, known))
    rows = {row["key"]: row for row in ledger.rows()}
    scores = Scores(tuple(runs), names(["low-resource"], "laptop"), rows, ledger)
    assert told_apart(scores, 100) == {"sst2": True, "mrpc": True, "cola": False}
    assert set(told_apart(scores, 500).values()) == {False} and told_apart(scores, 1000) == {}


def test_a_frozen_head_leaves_no_baseline(tmp_path: Path) -> None:
    ledger, runs = Ledger(tmp_path), []
    for run in grid("frozen-head", "smoke", only=["lora*"]):
        assert isinstance(run, ClassificationRun)
        runs.append(run)
        ledger.write(*few_shot_row(run, 200, -1.0 if run.train_head else 0.9))
    scores = Scores(tuple(runs), names(["frozen-head"], "smoke"), {r["key"]: r for r in ledger.rows()}, ledger)
    assert told_apart(scores, runs[0].examples) == {"paraphrase": False}


def test_nothing_is_said_of_tasks_without_a_run(tmp_path: Path) -> None:
    assert has_signal(load(["glue-signal"], "laptop", Ledger(tmp_path))) == {}
