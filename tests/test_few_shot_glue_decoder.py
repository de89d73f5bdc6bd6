"""The page on a decoder as a classifier, from rows that are made up."""

from pathlib import Path

import pandas as pd
import pytest
from few_shot_rows import few_shot_row

from pelt_core.report.few_shot import glue_decoder, rates, tasks
from pelt_core.report.few_shot.state import selected
from pelt_core.report.few_shot.tasks import column
from pelt_core.study.ledger import Ledger
from pelt_core.study.scores import Scores, load

SKILLS = {"head": 0.3, "lora": 0.6, "apl": 0.8, "apl-nogate": 0.6}


def both(folder: Path) -> tuple[Scores, Scores]:
    ledger = Ledger(folder)
    return load(["glue-decoder"], "laptop", ledger), load(["low-resource"], "laptop", ledger)


def compared(decoder: Scores, encoder: Scores) -> pd.DataFrame:
    return glue_decoder.comparisons(decoder, encoder, rates.best(decoder))


def searched(recorded: tuple[Scores, Scores]) -> pd.DataFrame:
    return rates.best(recorded[0])


def by_task(decoder: Scores) -> pd.DataFrame:
    return tasks.by_task(decoder, key=rates.keys(rates.best(decoder)))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scores, Scores]:
    """The decoder on CoLA and QNLI, there without any skill; the encoder on CoLA, where LoRA is best."""
    folder = tmp_path_factory.mktemp("ledger")
    decoder, encoder = both(folder)
    for number, run in enumerate(selected(decoder, task=["cola", "qnli"], method=list(SKILLS))):
        skill = SKILLS[decoder.names[run.method]] if run.task == "cola" else 0.0
        Ledger(folder).write(*few_shot_row(run, 200, skill, number))
    for number, run in enumerate(selected(encoder, task="cola", examples=1000, seed=0, method=list(SKILLS))):
        skill = 0.95 if encoder.names[run.method] == "lora" else 0.6
        Ledger(folder).write(*few_shot_row(run, 200, skill, number))
    return both(folder)


def test_a_task_on_which_nothing_leaves_the_baseline_is_told_apart(recorded: tuple[Scores, Scores]) -> None:
    decoder, _ = recorded
    assert glue_decoder.above(decoder, by_task(decoder)) == {"cola": True, "qnli": False}


def test_comparisons_are_made_on_both_backbones_with_as_many_examples(recorded: tuple[Scores, Scores]) -> None:
    frame = compared(*recorded).set_index(["task", "backbone", "first", "second"])
    small, large = "MiniLM-L6", "SmolLM2-135M-Instruct"
    assert frame.loc[("cola", large, "apl", "lora"), "mean"] > 0 > frame.loc[("cola", small, "apl", "lora"), "mean"]
    assert frame.loc[("qnli", small, "apl", "lora"), "state"] == "not run yet"
    assert frame.loc[("cola", large, "apl", "lora"), "seeds"] == 1 and frame["p"].isna().all()


def test_the_pairs_stand_side_by_side(recorded: tuple[Scores, Scores]) -> None:
    shown = glue_decoder.pairs(compared(*recorded)).set_index(["Task", "Comparison"])
    line = shown.loc[("CoLA", "UniPELT (APL) − LoRA")]
    assert line["SmolLM2-135M-Instruct"].startswith("+") and line["MiniLM-L6"].startswith("−")


def test_the_reading_names_blind_tasks_and_gives_no_verdict_on_one_seed(recorded: tuple[Scores, Scores]) -> None:
    found = by_task(recorded[0])
    said = glue_decoder.reading(
        found, glue_decoder.above(recorded[0], found), compared(*recorded), searched(recorded)
    ).data
    assert "No method does on QNLI" in said and "point the same way" not in said and "**no verdict**" in said
    assert "nan" not in said and "SST-2" not in said


def test_directions_are_counted_over_several_comparisons(recorded: tuple[Scores, Scores]) -> None:
    found, frame = by_task(recorded[0]), compared(*recorded)
    both = frame[frame["line"].isin(frame.loc[frame["state"] == "", "line"]) & (frame["task"] == "cola")]
    several = pd.concat([both, both.assign(task="sst2")], ignore_index=True)
    said = glue_decoder.reading(found, {}, several, searched(recorded)).data
    assert "Of 6 comparisons that both backbones have," in said and "point the same way" in said


def test_the_table_and_the_limits_say_what_is_there(recorded: tuple[Scores, Scores], tmp_path: Path) -> None:
    decoder, encoder = recorded
    shown, cola = glue_decoder.table(decoder, by_task(decoder)).set_index("Method"), column("cola")
    assert shown.loc["Prefix", cola] == "not run yet" and shown.loc["Prefix", "Trained"] == "not run yet"
    assert shown.loc["Trivial baseline", "QNLI, accuracy"] == "50.0" and "[" in shown.loc["LoRA", cola]
    assert "token*[" in glue_decoder.limits(decoder, rates.best(decoder)).data
    nothing, _ = both(tmp_path)
    said = glue_decoder.reading(by_task(nothing), {}, compared(nothing, encoder), rates.best(nothing)).data
    assert "nothing to read yet" in said


def test_a_model_that_gives_every_row_one_answer_is_named(recorded: tuple[Scores, Scores]) -> None:
    found = by_task(recorded[0])
    assert (
        "one and the same answer" not in glue_decoder.reading(found, {}, compared(*recorded), searched(recorded)).data
    )
    flat = found.assign(low=found["low"].where(found["method"] != "lora", found["mean"]))
    flat = flat.assign(high=flat["high"].where(flat["method"] != "lora", flat["mean"]))
    said = glue_decoder.reading(flat, {}, compared(*recorded), searched(recorded)).data
    assert "of *LoRA* on CoLA and *LoRA* on QNLI, is that of a model that gives every row one" in said


def test_a_ranking_with_some_of_the_rates_is_preliminary(recorded: tuple[Scores, Scores]) -> None:
    found, chosen = by_task(recorded[0]), searched(recorded)
    whole = chosen.assign(recorded=chosen["tried"])
    assert "**Preliminary.**" not in glue_decoder.reading(found, {}, compared(*recorded), whole).data
    partly = whole.assign(recorded=whole["recorded"].where(~whole["method"].isin(["lora", "apl-nogate"]), 1))
    said = glue_decoder.reading(found, {}, compared(*recorded), partly).data
    assert "**Preliminary.** On CoLA *LoRA* and *APL, no gate* ran with 1 of 3 learning rates so far" in said
