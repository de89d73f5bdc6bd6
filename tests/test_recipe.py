"""What a search for learning rates chooses, by rows that are made up, and what the recorded search chose."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from few_shot_rows import few_shot_row

from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import ledger_folder
from pelt_core.study.recipe import best_rates, choices, differing, in_use, missing, searched
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import Scores, load, names

Rule = Callable[[str, ClassificationRun], float]
"""Short name of the method and run -> its development score, from 0 to 1."""
NAMES = names(["glue-recipe"], "laptop")


def search(folder: Path, score: Rule, without: str = "") -> Scores:
    """glue-recipe, but for one method."""
    for run in grid("glue-recipe", "laptop"):
        assert isinstance(run, ClassificationRun)
        if NAMES[run.method] != without:
            Ledger(folder).write(*scored(run, score(NAMES[run.method], run)))
    return load(["glue-recipe"], "laptop", Ledger(folder))


def scored(run: ClassificationRun, score: float) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    row, items = few_shot_row(run)
    return row | {"dev": [dict.fromkeys(("accuracy", "f1"), value) for value in (score, score - 0.1)]}, items


def flat(name: str, run: ClassificationRun) -> float:
    return 0.5


def test_the_mean_over_the_tasks_decides(tmp_path: Path) -> None:
    """5e-3 is best on one task, 2e-3 on both together."""
    by_rate = {5e-3: {"sst2": 0.7, "qqp": 0.4}, 2e-3: {"sst2": 0.6, "qqp": 0.6}}

    def rule(name: str, run: ClassificationRun) -> float:
        return by_rate.get(run.learning_rate, {}).get(run.task, 0.5) if run.head_learning_rate == 5e-3 else 0.5

    scores = search(tmp_path, rule)
    assert best_rates(scores)["lora"] == best_rates(scores)["apl"] == (2e-3, 5e-3)
    (lora,) = [choice for choice in choices(scores) if choice.method == "lora"]
    assert lora.score == pytest.approx(60) and lora.behind == pytest.approx(5) and not lora.ties and not lora.borders
    own = searched(scores).set_index(["method", "learning_rate", "head_learning_rate"])["score"]
    assert own["lora", 5e-3, 5e-3] == pytest.approx(55) and own["lora", 2e-3, 2e-2] == pytest.approx(50)


def test_ties_and_borders_are_reported(tmp_path: Path) -> None:
    top = max(run.learning_rate for run in grid("glue-recipe", "laptop") if NAMES[run.method] == "prefix")
    scores = search(tmp_path, lambda name, run: 0.6 if (name, run.learning_rate) == ("prefix", top) else 0.5)
    by_method = {choice.method: choice for choice in choices(scores)}
    assert by_method["prefix"].rates == (top, 5e-3) and by_method["prefix"].borders == ("learning_rate",)
    assert by_method["bitfit"].rates == (1e-3, 5e-3) and by_method["bitfit"].ties == ((3e-3, 5e-3), (1e-2, 5e-3))
    assert by_method["bitfit"].behind is None


def test_a_method_is_chosen_for_when_its_search_is_whole(tmp_path: Path) -> None:
    scores = search(tmp_path, flat, without="lora")
    assert "lora" not in best_rates(scores) and "apl" in best_rates(scores)
    assert missing(scores) == {"lora": 10} and searched(scores)["score"].isna().sum() == 5


def test_a_diverged_rate_is_not_chosen(tmp_path: Path) -> None:
    scores = search(tmp_path, flat, without="lora")
    for run in scores.missing:
        row, items = scored(run, 0.6 if run.learning_rate == 5e-4 else 0.5)
        if (run.learning_rate, run.task) == (5e-4, "sst2"):
            row, items = {**row, "status": "diverged", "metrics": {}}, []
        scores.ledger.write(row, items)
    assert best_rates(load(["glue-recipe"], "laptop", scores.ledger))["lora"] == (2e-3, 5e-3)


def test_what_differs_from_the_preset_is_named(tmp_path: Path) -> None:
    used = in_use("laptop")

    def rule(name: str, run: ClassificationRun) -> float:
        return 0.6 if (run.learning_rate, run.head_learning_rate) == used[name] else 0.5

    assert differing(search(tmp_path / "same", rule), "laptop") == {}
    other = search(tmp_path / "other", lambda name, run: 0.7 if run.learning_rate == 5e-4 else rule(name, run))
    low = (5e-4, 5e-3)
    tried = {NAMES[run.method] for run in other.runs if (run.learning_rate, run.head_learning_rate) == low}
    assert differing(other, "laptop") == {name: low for name in tried if used[name] != low} != {}


def test_the_laptop_preset_uses_what_the_recorded_search_chose(root: Path) -> None:
    scores = load(["glue-recipe"], "laptop", Ledger(root / ledger_folder("laptop")))
    if scores.missing:
        pytest.skip(f"{len(scores.missing)} runs of the search are not recorded yet")
    assert differing(scores, "laptop") == {}
