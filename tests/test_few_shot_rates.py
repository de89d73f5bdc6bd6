"""Learning rates are chosen by development scores, task by task, and test scores have no say."""

from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest
import yaml
from few_shot_rows import few_shot_row

from pelt_core.report.few_shot import rates
from pelt_core.report.few_shot.state import selected
from pelt_core.study.ledger import Ledger
from pelt_core.study.scores import Scores, load


def searched_on_both_tasks(folder: Path) -> str:
    """A preset whose other-methods tries every rate on two tasks."""
    whole = yaml.safe_load(files("pelt_core").joinpath("presets/laptop.yml").read_text(encoding="utf-8"))
    studies = whole["classification"]["studies"]
    first, second = studies["other-methods"]["parts"]
    tasks = {"tasks": first["tasks"] | second["tasks"], "methods": first["methods"]}
    studies["other-methods"] = {"examples": studies["other-methods"]["examples"]} | tasks
    path = folder / "both.yml"
    path.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")
    return str(path)


def recorded(folder: Path, dev: dict[tuple[str, float], float], test: float = 0.5) -> Scores:
    """other-methods with rows of LoRA and the development scores (fractions) of these (task, learning rate)."""
    folder.mkdir(exist_ok=True)
    ledger, preset = Ledger(folder), searched_on_both_tasks(folder)
    for run in selected(load(["other-methods"], preset, ledger), method="lora"):
        if (run.task, run.learning_rate) in dev:
            row, items = few_shot_row(run, 20, test)
            row["dev"] = [dict.fromkeys(("accuracy", "f1"), score) for score in (0.1, dev[run.task, run.learning_rate])]
            ledger.write(row, items)
    return load(["other-methods"], preset, ledger)


def lora(scores: Scores) -> pd.DataFrame:
    frame = rates.best(scores)
    return frame[frame["method"] == "lora"].set_index("task")


@pytest.fixture
def scores(tmp_path: Path) -> Scores:
    return recorded(
        tmp_path,
        {
            **{("sst2", 5e-4): 0.6, ("sst2", 2e-3): 0.8, ("sst2", 5e-3): 0.7},
            **{("qqp", 5e-4): 0.5, ("qqp", 2e-3): 0.5},
        },
    )


def test_the_best_development_score_counts_on_each_task_by_itself(scores: Scores) -> None:
    found = lora(scores)
    assert list(found["learning_rate"]) == [2e-3, 5e-4] and list(found["dev_score"]) == pytest.approx([80, 50])
    assert list(found["recorded"]) == [3, 2] and list(found["tried"]) == [3, 3]


def test_test_scores_have_no_say(scores: Scores, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    ledger = Ledger(other)
    for run in selected(scores, method="lora", task="sst2"):
        row, items = few_shot_row(run, 40, 0.9 if run.learning_rate == 5e-4 else 0.2)
        row["dev"] = scores.rows[run.key]["dev"]
        ledger.write(row, items)
    again = load(["other-methods"], searched_on_both_tasks(other), ledger)
    table = again.table.set_index("learning_rate")["score"]
    assert table.idxmax() == 5e-4 and lora(again).loc["sst2", "learning_rate"] == 2e-3


def test_an_edge_is_named_once_all_rates_are_known(tmp_path: Path, scores: Scores) -> None:
    assert list(lora(scores)["edge"]) == ["", ""]
    high = recorded(tmp_path / "high", {("sst2", 5e-4): 0.6, ("sst2", 2e-3): 0.7, ("sst2", 5e-3): 0.8})
    assert lora(high).loc["sst2", "edge"] == "highest"


def test_the_keys_are_those_of_the_runs_at_these_rates(scores: Scores) -> None:
    chosen = {run.key: run for run in scores.runs if run.key in rates.keys(rates.best(scores))}
    assert len(chosen) == len({(run.method, run.task) for run in scores.runs})
    assert {run.learning_rate for run in chosen.values() if scores.names[run.method] == "lora"} == {2e-3, 5e-4}


def test_the_table_says_what_is_not_run(scores: Scores) -> None:
    shown = rates.table(rates.best(scores)).set_index("Method")
    assert shown.loc["LoRA", "SST-2"] == "0.002 / 0.005"
    assert shown.loc["LoRA", "QQP"] == "0.0005 / 0.005 (2 of 3 rates run)"
    assert shown.loc["DoRA", "SST-2"] == "not run yet"
