"""The page on efficiency, on made-up costs and scores: its numbers, and what it says where some are missing."""

import math
from dataclasses import replace

import efficiency_samples
import matplotlib.pyplot as plt
import nbformat
import papermill
import pytest
from few_shot_rows import fill

from pelt_core.report.efficiency import figures, limits, published, tables, words
from pelt_core.report.efficiency.pscp import (
    PEFT_BENCH,
    PEFT_BENCH_FLOPS,
    PEFT_BENCH_PARAMETERS,
    BadCost,
    Constants,
    pscp,
    rescaled,
)
from pelt_core.report.efficiency.quality import SPENT, chosen, front, on_front, penalised, quality, spent
from pelt_core.study import scores as study_scores
from pelt_core.study.costs import Costs, load
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger

TRAINING = {"full": 100, "head": 20, "bitfit": 110}
"""Hundredths of the time of full fine-tuning; of other methods 60."""
SKILLS = {"full": 0.95, "head": 0.1, "lora": 0.7}
EXACT = {
    "bitfit": [102_912],
    "prefix": [184_320, 9_857_024],
    "lora": [294_912],
    "adapter": [894_528],
    "ap": [1_097_304],
    "apl": [1_401_444, 1_410_672],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Costs, and scores of all methods but AP with 8 examples, two seeds."""
    folder = tmp_path_factory.mktemp("efficiency")
    efficiency_samples.record(
        folder / "efficiency.json",
        lambda method, work: TRAINING.get(method, 60) if work == "training" else 100 + 20 * (method == "apl"),
    )
    names = study_scores.names(["low-resource"], "smoke")
    runs = [run for run in grid("low-resource", "smoke") if names[run.method] != "ap"]
    skills = {specification: SKILLS.get(name, 0.5) for specification, name in names.items()}
    fill(Ledger(folder / "ledger"), runs, items=60, skills=skills)
    return folder


@pytest.fixture
def costs(folder):
    return load(folder / "efficiency.json")


@pytest.fixture
def scores(folder):
    return study_scores.load(["low-resource"], "smoke", Ledger(folder / "ledger"))


@pytest.fixture
def no_costs(tmp_path):
    return load(tmp_path / "efficiency.json")


@pytest.fixture
def no_scores(tmp_path):
    return study_scores.load(["low-resource"], "smoke", Ledger(tmp_path / "ledger"))


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_table_4_is_counted_again_exactly():
    found = published.counted()
    assert {method: list(own["own"]) for method, own in found.groupby("method")} == EXACT
    first = found.drop_duplicates("method")
    assert first["agrees"].all() and (first["own"] == first["published"]).all()
    assert list(found[~found["agrees"]]["reading"]) == [
        "as it is trained",
        "four gates a layer, as in the released code",
    ]


def test_table_4_is_that_of_the_paper():
    printed = published.table_4()
    assert printed.loc["apl"].tolist() == [1_401_444, 1.26, 67, 127]
    assert printed.loc["full", ["training_time", "inference_time"]].tolist() == [100, 100]


@pytest.mark.parametrize(
    ("method", "score", "parameters", "flops", "memory", "asked"),
    [
        ("ia3", 74.7, 196_608, 0.31e12, 28.41e9, 55.62),
        ("lora", 80.1, 14_680_064, 0, 27.75e9, 60.08),
        ("p-tuning", 51.7, 53_130_752, 1.68e12, 34.53e9, 29.26),
    ],
)
def test_pscp_is_that_of_the_authors_code(method, score, parameters, flops, memory, asked):
    """With the costs and scores in it; what it prints, rounded."""
    assert pscp(score, parameters, flops, memory) == pytest.approx(asked, abs=0.006), method


def test_a_cost_as_large_as_its_constant_halves_the_score():
    bare = Constants(10, 20, 30)
    assert pscp(80, 0, 0, 0, bare) == 80
    for costs in ((10, 0, 0), (0, 20, 0), (0, 0, 30)):
        assert pscp(80, *costs, bare) == pytest.approx(40)
    assert pscp(80, 10, 0, 0, Constants(10, 20, 30, (2, 1, 1))) == pytest.approx(20)


def test_constants_in_proportion_penalise_the_same_share_alike():
    own = rescaled(PEFT_BENCH_PARAMETERS / 100, PEFT_BENCH_FLOPS / 1000, 8e9)
    assert own.parameters == pytest.approx(PEFT_BENCH.parameters / 100)
    assert own.flops == pytest.approx(PEFT_BENCH.flops / 1000) and own.memory == 8e9


@pytest.mark.parametrize("costs", [(-1, 0, 0), (0, 0, -1)])
def test_costs_below_nothing_are_refused(costs):
    with pytest.raises(BadCost, match="must not be below 0"):
        pscp(80, *costs)
    with pytest.raises(BadCost):
        pscp(80, 0, 0, 0, Constants(0, 1, 1))


def test_the_front_is_what_nothing_beats():
    assert front([1, 2, 3, 2, 4], [10, 30, 30, 20, 40]) == [True, True, False, False, True]
    assert front([1, 1], [5, 5]) == [True, True]


def test_a_method_that_is_not_run_has_no_score_and_is_on_no_front(costs, scores):
    shown = chosen(scores)
    assert "ap" not in shown.frame.index and len(shown.frame) == 9 and shown.tasks == ("paraphrase",)
    assert "ap" not in on_front(costs, shown, "training")
    row = tables.quality(costs, shown, scores).set_index("Method").loc["UniPELT (AP)"]
    assert row.tolist() == ["not run yet", "", "", ""]


def test_the_front_runs_from_the_cheapest_to_the_best(costs, scores):
    shown = chosen(scores)
    for kind in SPENT:
        names, cost = on_front(costs, shown, kind), spent(costs, kind)["value"]
        assert names[-1] == shown.frame["mean"].idxmax() == "full"
        assert list(cost[names]) == sorted(cost[names])
    assert on_front(costs, shown, "parameters")[0] == "head" and "bitfit" not in on_front(costs, shown, "training")


def test_penalties_lower_the_score_and_most_where_all_is_trained(costs, scores):
    shown = chosen(scores)
    lowered = penalised(costs, shown)
    share = lowered.div(shown.frame["mean"].loc[lowered.index], axis=0)
    assert (share < 1).all().all() and share.idxmin().tolist() == ["full", "full"]
    assert share.loc["full", "rescaled"] < share.loc["full", "published"] / 5


def test_a_score_is_the_mean_of_the_tasks_that_all_methods_have(scores):
    shown = quality(scores, 8)
    own = scores.table[scores.table["method"] == "lora"]
    assert shown.frame.loc["lora", "mean"] == pytest.approx(own["score"].mean())
    assert shown.baseline == pytest.approx(scores.baseline("paraphrase"))


def test_times_are_told_beside_the_published_ones(costs):
    table = tables.times(costs).set_index("Method")
    assert table.loc["Full fine-tuning"].tolist() == ["100"] * 4
    assert table.loc["UniPELT (APL)", "Training, paper"] == "67" and table.loc["UniPELT (APL)", "Training"][:2] in (
        "59",
        "60",
        "61",
    )
    assert table.loc["Head only", "Training, paper"] == ""


def test_the_reading_tells_faster_from_slower_and_counts(costs, scores):
    said = words.reading(costs, chosen(scores)).data
    training = next(line for line in said.splitlines() if "**Training**" in line)
    faster, slower = training.split("slower")
    assert "*LoRA*" in faster and "*BitFit*" in slower and "*LoRA*" not in slower
    assert "6 of 6 methods of table 4" in said and "best score is that of *Full fine-tuning*" in said
    assert "nan" not in said


def test_the_figure_names_every_method_in_every_panel(costs, scores):
    figure = figures.pareto(costs, chosen(scores))
    assert len(figure.axes) == len(SPENT)
    for axis in figure.axes:
        names = [text.get_text() for text in axis.texts]
        assert len(names) == 10 and {"UniPELT (APL)", "APL, no gate", "trivial baseline"} <= set(names)
        places = sorted(text.get_position()[1] for text in axis.texts)
        assert min(b - a for a, b in zip(places, places[1:], strict=False)) > 0.05


def test_a_trivial_baseline_far_below_leaves_the_axis_to_the_methods(costs, scores):
    shown = chosen(scores)
    figure = figures.pareto(costs, replace(shown, baseline=-300.0))
    for axis in figure.axes:
        assert "↓ trivial baseline −300.0" in {text.get_text() for text in axis.texts}
        assert axis.get_ylim()[0] > shown.frame["low"].min() - 20


def test_without_costs_the_page_says_so_and_counts_all_the_same(no_costs, scores):
    shown = chosen(scores)
    assert "**not run yet**" in words.state(no_costs, scores).data
    assert tables.setup(no_costs)["Value"].tolist() == ["not run yet"]
    assert set(tables.times(no_costs)["Training"]) == {"not run yet"}
    assert "before the costs are recorded" in words.reading(no_costs, shown).data
    assert penalised(no_costs, shown).empty and spent(no_costs, "memory").empty
    assert [text.get_text() for text in figures.pareto(no_costs, shown).axes[0].texts] == ["not run yet"]
    assert "will come from" in words.made(no_costs).data and "GFLOP" in words.formula(no_costs).data


def test_without_scores_the_costs_are_shown(costs, no_scores):
    shown = chosen(no_scores)
    assert shown.frame.empty and math.isnan(shown.baseline)
    assert words.scored(shown).data == "No method has a score yet."
    assert "**Training**" in words.reading(costs, shown).data
    assert set(tables.quality(costs, shown, no_scores)["Score"]) == {"not run yet"}
    assert "**Seeds.**" in limits.limits(costs, no_scores).data


def test_the_notebook_shows_all_of_it(folder, tmp_path, root):
    done = papermill.execute_notebook(
        root / "notebooks" / "efficiency.ipynb",
        tmp_path / "page.ipynb",
        parameters={
            "preset": "smoke",
            "ledger": str(folder / "ledger"),
            "results": str(folder / "efficiency.json"),
        },
        cwd=root,
        progress_bar=False,
    )
    shown = {cell.id: str(cell.get("outputs")) for cell in done.cells}
    assert "image/svg+xml" in shown["pareto"] and "tab-efficiency-times" in shown["times"]
    assert "not run yet" in shown["quality"] and "nan" not in shown["quality"] + shown["reading"]


def test_the_page_has_the_structure_of_study_pages(root):
    notebook = nbformat.read(root / "notebooks" / "efficiency.ipynb", 4)
    titles = [
        line
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if "## " in line
    ]
    own = [line.removeprefix("## ") for line in titles if line.startswith("## ")]
    assert own == ["Set-up", "Result", "Reading", "Limits", "How this page was made"]


def test_the_clock_s_own_error_is_told_by_a_method_that_runs_the_same_network(costs, scores):
    said = words.reading(costs, chosen(scores)).data
    inference = next(line for line in said.splitlines() if "**Inference**" in line)
    assert "Head only, which runs the very same network, took 100 %" in inference and "*Head only*" not in inference


def test_equal_statements_on_pscp_are_one(costs, scores, monkeypatch):
    shown = chosen(scores)
    alike = penalised(costs, shown).assign(published=shown.frame["mean"], rescaled=shown.frame["mean"])
    monkeypatch.setattr(words, "penalised", lambda *_: alike)
    said = words._penalties(costs, shown)
    assert (
        "PSCP and PSCP in proportion rank the methods as the bare score does. Best: *Full fine-tuning* by all three."
        in said
    )
    monkeypatch.setattr(words, "penalised", lambda *_: alike.assign(rescaled=-alike["rescaled"]))
    said = words._penalties(costs, shown)
    assert "the methods as the bare score does and PSCP in proportion ranks the methods otherwise than the bare" in said
    assert "Best: *Full fine-tuning* by score and PSCP, *Head only* by PSCP in proportion." in said


def test_pscp_counts_what_is_trained_and_not_what_is_kept(costs, scores, monkeypatch):
    shown = chosen(scores)
    bare = penalised(costs, shown)["published"]
    monkeypatch.setattr(Costs, "trainable", lambda *_: PEFT_BENCH.parameters)
    assert (penalised(costs, shown)["published"] < 0.6 * bare).all()
