"""The page on learning rates, from rows that are made up."""

from pathlib import Path

import pytest
from few_shot_rows import few_shot_row

from pelt_core.report import style
from pelt_core.report.few_shot import glue_recipe, recipe_figures, state
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.recipe import in_use
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import Scores, load, names

USED = in_use("laptop")
NAMES = names(["glue-recipe"], "laptop")
TRIED = [run for run in grid("glue-recipe", "laptop") if NAMES[run.method] == "prefix"]
EDGE = max((run.learning_rate, 5e-3) for run in TRIED if run.learning_rate != USED["prefix"][0])
"""Rates of the prefix that are not in use: the highest, or the next if that is."""


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """The rates in use are best, but the prefix wants another one; BitFit is not searched."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    for run in grid("glue-recipe", "laptop"):
        assert isinstance(run, ClassificationRun)
        name, rates = NAMES[run.method], (run.learning_rate, run.head_learning_rate)
        if name != "bitfit":
            row, items = few_shot_row(run)
            best = rates == EDGE if name == "prefix" else rates == USED[name]
            ledger.write(row | {"dev": [dict.fromkeys(("accuracy", "f1"), 0.8 if best else 0.6)]}, items)
    return load(["glue-recipe"], "laptop", ledger)


@pytest.fixture
def nothing(tmp_path: Path) -> Scores:
    return load(["glue-recipe"], "laptop", Ledger(tmp_path))


def test_the_table_shows_what_was_chosen_and_what_is_in_use(some: Scores) -> None:
    frame = glue_recipe.table(some, "laptop").set_index("Method")
    rates, border = " / ".join(f"{rate:g}" for rate in EDGE), EDGE[0] == max(run.learning_rate for run in TRIED)
    assert frame.loc["Prefix", ["Best: module / head", "At the border"]].tolist() == [rates, "module" * border]
    assert frame.loc["LoRA", "Best: module / head"] == frame.loc["LoRA", "In use"]
    assert (
        frame.loc["BitFit", "Development score"] == "6 runs missing" and frame.loc["LoRA", "Next behind by"] == "20.0"
    )


def test_reading_names_borders_and_what_is_not_in_use(some: Scores, nothing: Scores) -> None:
    said = glue_recipe.reading(some, "laptop").data
    assert "border" in said
    assert "**Not in use**: the studies train *Prefix* with" in said
    assert "nothing is chosen" in glue_recipe.reading(nothing, "laptop").data
    assert "nan" not in glue_recipe.limit_points(nothing).data
    assert "rates_bitfit" not in glue_recipe.facts(some) and "rates_prefix" in glue_recipe.facts(some)


def test_a_page_without_intervals_says_nothing_of_them(some: Scores) -> None:
    told = glue_recipe.limit_points(some).data + state.progress(some).data
    assert "**No intervals, no tests.**" in told and "runs are recorded" in told
    assert all(said not in told for said in ("Intervals and tests", "Means over tasks", "**Seeds.**", "intervals hold"))
    assert "intervals hold the choice of test rows" in state.state(some).data


def test_what_is_close_is_no_test(tmp_path: Path) -> None:
    """The best rate of LoRA leads by a tenth of a point: the page does not say that the others are as good."""
    ledger = Ledger(tmp_path)
    for run in grid("glue-recipe", "laptop", only=["lora*"]):
        row, items = few_shot_row(run)
        best = (run.learning_rate, run.head_learning_rate) == USED["lora"]
        ledger.write(row | {"dev": [dict.fromkeys(("accuracy", "f1"), 0.601 if best else 0.6)]}, items)
    said = glue_recipe.reading(load(["glue-recipe"], "laptop", ledger), "laptop").data
    assert "**Close**: of *LoRA*" in said and "This is no test: both scores are of the same rows" in said


def test_there_is_a_panel_for_every_search(some: Scores, nothing: Scores) -> None:
    style.use_style()
    shown = recipe_figures.panels(some)
    assert ("head", "head_learning_rate") in shown and ("head", "learning_rate") not in shown
    assert ("lora", "learning_rate") in shown and ("lora", "head_learning_rate") in shown
    for found, least in ((some, 2), (nothing, 0)):
        axes = dict(zip(shown, recipe_figures.search(found).axes, strict=False))
        assert len(axes["lora", "learning_rate"].lines) >= least
    texts = [text.get_text() for text in axes["lora", "learning_rate"].texts]
    assert texts == ["not run yet"]


def test_a_collapse_is_written_where_it_would_flatten_the_others(tmp_path: Path) -> None:
    style.use_style()
    ledger = Ledger(tmp_path)
    for number, run in enumerate(grid("glue-recipe", "laptop")):
        fallen = run.method == "mlp_prefix@kv" and run.learning_rate == 3e-3
        ledger.write(*few_shot_row(run, 100, -0.9 if fallen else 0.8, number))
    found = load(["glue-recipe"], "laptop", ledger)
    axes = dict(zip(recipe_figures.panels(found), recipe_figures.search(found).axes, strict=False))
    axis = axes["prefix", "learning_rate"]
    written = [text.get_text() for text in axis.texts if "↓" in text.get_text()]
    assert len(written) == 1 and "SST-2" in written[0] and "QQP" in written[0] and axis.get_ylim()[0] > 5
    assert not any("↓" in text.get_text() for text in axes["lora", "learning_rate"].texts)
