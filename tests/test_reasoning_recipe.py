from pathlib import Path

import pytest
from reasoning_rows import study

from pelt_core.report.reasoning import recipe
from pelt_core.study import answer_scores
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import ledger_folder


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """The highest rate of LoRA is the best; one of BitFit's is not run."""

    def keep(run):
        return not (run.method.startswith("bitfit") and run.learning_rate == 1e-2)

    found = study(tmp_path_factory.mktemp("ledger"), "answer-recipe", keep=keep)
    for run in found.runs:
        if found.names[run.method] == "lora" and run.learning_rate == 1e-2:
            items = found.items(run.key)
            items["loss"] -= 0.3
    return found


def test_the_lowest_loss_wins_and_a_border_is_named(scores):
    found = recipe.choices(scores).set_index("method")
    assert found.loc["lora", "rate"] == 1e-2 and found.loc["lora", "border"]
    assert found.loc["lora", "mean"] == pytest.approx(0.3, abs=0.03) and found.loc["lora", "seeds"] == 1
    assert "bitfit" not in found.index and len(found) == 11


def test_the_table_says_what_is_in_use(scores):
    shown = recipe.table(scores, "laptop").set_index("Method")
    assert (shown.loc["LoRA", "Best"], shown.loc["LoRA", "In use"]) == ("0.01", "0.003")
    assert (
        shown.loc["BitFit", "Best"] == "not run yet" and shown.loc["LoRA", "Searched"] == "0.0003, 0.001, 0.003, 0.01"
    )


def test_the_reading_names_what_is_not_in_use(scores):
    said = recipe.reading(scores, "laptop").data
    assert "whole for 11 of 12 methods" in said and "At the border" in said and "LoRA" in said.split("Not in use")[1]


def test_before_a_search_is_whole_nothing_is_chosen(tmp_path):
    scores = study(tmp_path, "answer-recipe", keep=lambda run: False)
    assert "nothing is chosen" in recipe.reading(scores, "laptop").data
    assert (recipe.table(scores, "laptop")["Best"] == "not run yet").all()
    assert set(recipe.in_use("laptop")) < set(scores.names.values())


def test_the_laptop_preset_uses_what_the_recorded_search_chose(root: Path):
    """As far as the search of a method is whole."""
    scores = answer_scores.load(["answer-recipe"], "laptop", Ledger(root / ledger_folder("laptop")))
    chosen = recipe.choices(scores).set_index("method")
    used = {name: rate for name, rate in recipe.in_use("laptop").items() if name in chosen.index}
    assert used and chosen.loc[list(used), "rate"].to_dict() == used
    assert not chosen.loc[list(used), "border"].any()
