"""The page on other methods, from rows that are made up."""

from pathlib import Path

import pandas as pd
import pytest
from few_shot_rows import few_shot_row

from pelt_core.report.few_shot import other_methods, rates, tasks
from pelt_core.report.few_shot.state import selected
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import ledger_folder
from pelt_core.study.scores import Scores, load

SKILLS = {"adapter": 0.6, "lora-24": 0.5, "dora": 0.8, "side": 0.2, "ia3": 0.3}


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """A few methods at all their rates, (IA)³ on one task only."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    for number, run in enumerate(selected(empty(ledger.folder), method=list(SKILLS))):
        name = empty(ledger.folder).names[run.method]
        if (name, run.task) != ("ia3", "qqp"):
            ledger.write(*few_shot_row(run, 100, SKILLS[name], number))
    return empty(ledger.folder)


def empty(folder: Path) -> Scores:
    return load(["other-methods"], "laptop", Ledger(folder))


@pytest.fixture(scope="module")
def chosen(scores: Scores) -> pd.DataFrame:
    return rates.best(scores)


def test_sizes_are_counted_without_the_head_and_rows(tmp_path: Path) -> None:
    every = other_methods.sizes(empty(tmp_path))
    d, m, layers = 384, 48, 6
    assert every.loc["adapter", "parameters"] == layers * (2 * d * m + m + d)
    assert every.loc["lora-24", "parameters"] == layers * 2 * 24 * 2 * d
    assert every.loc["lora", "ratio"] == pytest.approx(every.loc["lora-24", "ratio"] / 3)
    assert (every["kept"] <= every["parameters"]).all()
    assert every.loc["diff", "kept"] * 16 == every.loc["diff", "parameters"], "an eighth, and no gates"
    assert every.loc["adamix", "kept"] * 4 == every.loc["adamix", "parameters"], "one of four experts"


def test_what_the_page_calls_comparable_is(tmp_path: Path) -> None:
    every = other_methods.sizes(empty(tmp_path))
    unequal = set(every.index[~every["ratio"].between(1 / 1.5, 1.5)])
    assert unequal == set(other_methods.WHY), "say why, or choose another size"
    assert every.loc[["mam", "diff"], "comparable"].all(), "by what they keep"
    assert not every.loc[["side", "ia3", "prompt", "prefix"], "comparable"].any()
    assert other_methods.band(empty(tmp_path))[1] == pytest.approx(1.5 * every.loc["adapter", "parameters"])


def test_differences_are_against_lora_of_the_same_size(scores: Scores, chosen: pd.DataFrame) -> None:
    against = other_methods.differences(scores, chosen).set_index("method")
    assert "lora-24" not in against.index and against.loc["dora", "mean"] > 0 > against.loc["side", "mean"]
    assert against.loc["krona", "state"] == "not run yet" and against["p"].isna().all()
    assert against.loc["ia3", "tasks"] == ["sst2"] and against.loc["dora", "tasks"] == ["qqp", "sst2"]
    assert (
        against.loc["dora", "heading"] == "of comparable size"
        and against.loc["side", "heading"] != "of comparable size"
    )


def test_the_table_has_a_line_a_method_and_the_trivial_baseline(scores: Scores, chosen: pd.DataFrame) -> None:
    found = tasks.by_task(scores, key=rates.keys(chosen))
    shown = other_methods.table(scores, found, other_methods.differences(scores, chosen)).set_index("Method")
    assert shown.loc["KronA", "SST-2, accuracy"] == "not run yet" and "[" in shown.loc["DoRA", "QQP, F1"]
    assert (
        shown.loc["(IA)³", "− LoRA of rank 24"].endswith("(SST-2 only)")
        and shown.loc["LoRA of rank 24", "− LoRA of rank 24"] == ""
    )
    assert shown.loc["Trivial baseline", "SST-2, accuracy"] == "50.0"
    assert shown.loc["Diff pruning", "Trained, × adapter"] == "15.81"


def test_the_reading_says_that_one_seed_is_no_verdict(scores: Scores, chosen: pd.DataFrame) -> None:
    mean = other_methods.averages(scores, chosen)
    said = other_methods.reading(mean, other_methods.differences(scores, chosen), chosen).data
    assert "On SST-2, **DoRA** has the highest mean" in said and "**no verdict**" in said and "nan" not in said


def test_the_reading_says_where_the_reference_did_best_at_the_end_of_its_search(
    scores: Scores, chosen: pd.DataFrame
) -> None:
    mean, against = other_methods.averages(scores, chosen), other_methods.differences(scores, chosen)
    own = chosen["method"] == other_methods.REFERENCE
    within = chosen.assign(edge=chosen["edge"].where(~own, ""))
    assert "itself did best" not in other_methods.reading(mean, against, within).data
    at_end = within.assign(edge=within["edge"].where(~(own & (within["task"] == "sst2")), "lowest"))
    told = "**no verdict** follows. On SST-2 *LoRA of rank 24* itself did best at the lowest rate tried"
    for decided in (against, against.assign(p=0.01)):
        said = other_methods.reading(mean, decided, at_end).data
        assert told.partition("follows.")[2] in said and "Rates are chosen here on SST-2 alone." in said
    assert told in other_methods.reading(mean, against, at_end).data


def test_means_are_over_the_tasks_that_all_methods_with_runs_have(scores: Scores, chosen: pd.DataFrame) -> None:
    mean = other_methods.averages(scores, chosen).set_index("method")
    assert mean.loc["dora", "tasks"] == ["sst2"], "(IA)³ lacks the other"
    assert mean["mean"].notna().sum() == len(SKILLS) and mean.loc["krona", "state"] == "not run yet"
    assert other_methods.labels(mean)[1] == "score, mean of SST-2, points"


def test_nothing_is_read_from_nothing(tmp_path: Path) -> None:
    nothing = empty(tmp_path)
    chosen = rates.best(nothing)
    said = other_methods.reading(
        other_methods.averages(nothing, chosen), other_methods.differences(nothing, chosen), chosen
    )
    assert "nothing to read yet" in said.data


def test_limits_name_the_sizes_that_differ_and_not_the_one_recipe(scores: Scores) -> None:
    said = other_methods.limits(scores).data
    assert "*Prompt tuning* (trains 0.03 times as many; " in said and "before it is pruned" in said
    assert "One recipe" not in said


def test_the_second_task_is_trained_at_the_rates_that_the_first_found_best() -> None:
    chosen = rates.best(load(["other-methods"], "laptop", Ledger(ledger_folder("laptop"))))
    found = {task: own.set_index("method")["learning_rate"].to_dict() for task, own in chosen.groupby("task")}
    searched = chosen[chosen["task"] == "sst2"]
    assert (searched["recorded"] == searched["tried"]).all() and (searched["tried"] > 1).all()
    assert found["qqp"] == found["sst2"]
