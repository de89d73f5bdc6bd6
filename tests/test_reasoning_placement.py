"""The page on placement, from rows that are made up."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from reasoning_rows import study
from synthetic import PROVENANCE, fill

from pelt_core.report import style
from pelt_core.report.missing import DIVERGED, NOT_RUN
from pelt_core.report.reasoning import (
    arithmetic_words,
    figures,
    limits,
    method_tables,
    placement,
    placement_words,
    records,
    state,
)
from pelt_core.report.reasoning.rates import Tried
from pelt_core.report.verdicts import tables as verdict_tables
from pelt_core.study import places
from pelt_core.study.answer_scores import load
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger

mpl.use("svg")
OTHER = "owner/model-1b"


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch, root):
    monkeypatch.chdir(root)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Series adapters at the MLP are better than the rest by far."""
    return study(tmp_path_factory.mktemp("full"), "placement", effects={"series-mlp": -0.2}, questions=12)


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    """The base model and two cells, one seed each."""
    first = [run.key for run in grid("placement", "laptop")[:3]]
    return study(tmp_path_factory.mktemp("part"), "placement", keep=lambda run: run.key in first, questions=12)


@pytest.fixture(scope="module")
def nothing(tmp_path_factory):
    return load(["placement"], "laptop", Ledger(tmp_path_factory.mktemp("nothing")))


@pytest.fixture(scope="module")
def diverged(tmp_path_factory):
    """All but the series adapters at the attention, which diverged."""
    ledger = Ledger(tmp_path_factory.mktemp("diverged"))
    runs = grid("placement", "laptop")
    fill(ledger, [run for run in runs if run.method != "series@attn"])
    for run in (run for run in runs if run.method == "series@attn"):
        row = {"key": run.key, "run": run.to_dict(), "status": DIVERGED, "metrics": {}, "provenance": PROVENANCE}
        ledger.write(row | {"trainable_parameters": 5, "backbone_parameters": 100, "seconds": {}}, [])
    return load(["placement"], "laptop", ledger)


def said(scores, tried=None):
    """Everything that the page says in words."""
    written, losing = records.answers(scores), placement.comparisons(scores)
    gaining = placement.comparisons(scores.by("accuracy"))
    judged = placement.verdicts(scores, "laptop")
    return {
        "reading": placement_words.reading(scores, written, losing, judged).data,
        "limits": limits.limits(scores, losing, placement_words.limits(scores, tried or {}, gaining)).data,
        "published": placement_words.beside_published(placement.means(scores.by("accuracy")), scores).data,
        **placement_words.facts(scores, judged),
    }


def test_cells_are_the_places_of_the_study(nothing):
    places = [(kind, place) for kind in ("series", "parallel", "lora") for place in ("attention", "MLP", "both")]
    assert list(placement.placed(nothing).values()) == [("none", ""), *places]
    shown = placement.means(nothing)
    assert list(zip(shown["method"], shown["place"], strict=True)) == [("none", ""), *places]
    assert (shown["state"] == NOT_RUN).all() and len(placement.lines(nothing)) == 10


def test_pairs_find_the_planted_effect_and_only_that(full):
    frame = placement.comparisons(full)
    assert frame["line"].tolist() == ["MLP − attention", "both − attention", "both − MLP"] * 3
    planted = frame[(frame["method"] == "series") & frame["line"].str.contains("MLP")].set_index("line")
    assert planted.loc["MLP − attention", "mean"] == pytest.approx(-0.2, abs=0.02)
    assert planted.loc["both − MLP", "mean"] == pytest.approx(0.2, abs=0.02)
    assert planted["significant"].all() and (frame["p_holm"] >= frame["p"]).all() and (frame["detectable"] > 0).all()


def test_a_pair_compares_only_the_seeds_that_both_have(tmp_path):
    scores = study(tmp_path, "placement", keep=lambda run: not (run.seed == 1 and run.method.endswith("@mlp")))
    frame = placement.comparisons(scores)
    own = frame[frame["method"] == "series"].set_index("line")
    assert own.loc[["MLP − attention", "both − attention"], "seeds"].tolist() == [1, 2]
    assert own["mean"].notna().all() and np.isnan(own.loc["MLP − attention", "p"])


def test_the_reading_gives_the_computed_verdicts(full):
    words = said(full)
    assert "**supported**; the lowest loss here is at the MLP (MLP − attention: −0." in words["reading"]
    assert (words["verdict_series"], words["place_series"]) == ("supported", "the MLP")
    assert words["verdict_lora"] == words["accuracy_verdict_series"] == "undecided at this scale"
    assert words["lowest_cell"] == "Series adapter at the MLP" and words["published_accuracies"] == "59.5 % to 61.7 %"
    assert words["training"].endswith("(without those of more than 256 tokens: 90 remained)")


def test_words_are_whole_with_all_some_and_no_rows(full, part, nothing):
    for scores in (full, part, nothing):
        words = said(scores).values()
        assert all(words) and not any("nan" in text.lower().split() for text in words)
    assert said(nothing)["accuracies"] == said(nothing)["lowest_loss"] == NOT_RUN


def test_one_seed_decides_nothing_however_large_the_effect(tmp_path):
    scores = study(tmp_path, "placement", keep=lambda run: run.seed == 0, effects={"series-mlp": -0.5})
    frame = placement.comparisons(scores)
    assert frame["mean"].notna().all() and frame[["p", "p_holm", "detectable"]].isna().all(axis=None)
    assert said(scores)["verdict_series"] == "undecided at this scale (one seed: no verdict)"


def test_what_is_missing_is_said_and_not_filled_in(part):
    table = method_tables.losses(part, placement.lines(part))
    assert (table["Mean loss"] == NOT_RUN).tolist() == [False] * 3 + [True] * 7 and table["Trained"].iloc[-1] == NOT_RUN
    assert table["Seeds"].tolist() == ["1 of 1", "1 of 2", "1 of 2"] + ["0 of 2"] * 7
    assert (placement.means(part)["mean"].notna()).tolist() == [True] * 3 + [False] * 7


def test_a_diverged_cell_says_so_everywhere(diverged):
    frame = placement.comparisons(diverged)
    table = method_tables.differences(frame, "Method", "Places", "{:+.4f}")
    assert table["Difference"].tolist().count(DIVERGED) == 2 and NOT_RUN not in set(table["Difference"])
    assert method_tables.losses(diverged, placement.lines(diverged)).iloc[1]["Mean loss"] == DIVERGED
    written = records.answers(diverged)
    assert method_tables.form(diverged, written, placement.lines(diverged)).iloc[1]["AQuA: no letter"] == DIVERGED
    assert "Diverged" in state.state(diverged).data
    assert said(diverged)["verdict_series"] == "incomplete (attention: diverged)"
    drawn = (figures.losses(placement.means(diverged)), figures.differences(frame, "x", "a", "b"))
    found = [[text.get_text() for text in figure.axes[0].texts] for figure in drawn]
    assert [texts.count(DIVERGED) for texts in found] == [1, 2] and not any(NOT_RUN in texts for texts in found)
    plt.close("all")


def test_modules_that_are_not_one_at_each_place_are_refused():
    assert list(places.placed(["lora@q,k,v", "series@mlp"])) == [("lora", "attention"), ("series", "MLP")]
    with pytest.raises(places.NoOnePlace, match="both lora at attention"):
        places.placed(["lora(rank=4)@q,k,v", "lora(rank=8)@q,k,v"])
    with pytest.raises(places.NoOnePlace, match="combines 2 modules"):
        places.placed(["lora@q,k,v+series@mlp"])


def test_the_form_of_outputs_is_a_share(full):
    written = records.answers(full)
    form = method_tables.form(full, written, placement.lines(full))
    share = 100 * written.loc[written["method"] == "series-mlp", "stated"].mean()
    shown = form.loc[(form["Method"] == "Series adapter") & (form["Place"] == "MLP"), form.columns[2]].item()
    assert shown.startswith(f"{share:.1f} [")


def test_a_floor_names_the_cells_that_solve_nothing(full):
    right = method_tables.accuracies(full, records.answers(full), placement.lines(full))
    none = [name for name in right.columns[2:-1] if right[name].str.startswith("0.0 [").any()]
    text = " ".join(arithmetic_words.floor(full))
    assert bool(text) == bool(none) and all(name in text for name in none)


def test_verdicts_stand_in_the_table_of_claims(full):
    table = verdict_tables.claims(placement.verdicts(full, "laptop")).set_index("Claim")
    assert table["Verdict"].tolist().count("supported") == 1 and (table["Seeds"] == "2").sum() == 6
    assert table.loc["&emsp;loss `place-of-series-loss`", "Tasks"] == "2"


def test_published_places_stand_beside_ours_where_the_problems_are_the_same(full):
    text = said(full)["published"]
    assert "| Series adapter | MLP | 59.5 |" in text and "Left out" not in text
    assert "Other problems" not in said(full)["limits"]


@pytest.fixture
def on(tmp_path):
    """Every run with another backbone, seeds, or preset."""

    def recorded(preset="laptop", **given):
        ledger = Ledger(tmp_path)
        fill(ledger, placement.load(preset, ledger, **given).missing)
        return placement.load(preset, ledger, **given)

    return recorded


def test_other_problems_are_not_compared_with_the_published_ones(on):
    words = said(on("smoke"))
    assert "**Left out**: the published accuracies are on other problems" in words["published"]
    assert "the questions here are another set: arithmetic, embedded" in words["limits"]


def test_another_backbone_and_other_seeds_are_judged_by_their_own_rows(on):
    scores = on(backbone=OTHER, seeds=[3, 4, 5])
    assert {run.backbone for run in scores.runs} == {OTHER} and not scores.missing
    judged = placement.verdicts(scores, "laptop")
    assert {one.finding.seeds for one in judged} == {3} and not any(one.provisional for one in judged)


def test_limits_say_where_the_learning_rates_are_from(on, full):
    assert "on a short pilot" in said(full)["limits"]
    other = said(on(backbone=OTHER))["limits"]
    assert "No search for rates of these modules on model-1b is recorded" in other and "pilot" not in other


def test_limits_say_which_rates_a_search_on_the_backbone_found_best(on):
    tried = {"series": Tried((3e-4, 1e-3), 1e-3), "parallel": Tried((1e-3, 3e-3), 1e-3), "lora": Tried((1e-3,), None)}
    text = said(on(backbone=OTHER), tried)["limits"]
    assert "search](answer-recipe) on model-1b" in text and "No search" not in text
    assert "for Series adapter 0.001 of 2 rates, the one used here" in text
    assert "for Parallel adapter 0.001 of 2 rates, here 0.003" in text and "None is recorded for LoRA" in text


def test_limits_quote_the_published_sizes(full):
    text = said(full)["limits"]
    assert "Series adapter `bottleneck=256`, here `bottleneck=64`" in text and "LoRA `r=8`, here `rank=32`" in text


def test_figures_have_a_line_a_cell_and_the_same_bytes(full, nothing, tmp_path):
    style.use_style()
    for name in ("a.svg", "b.svg"):
        figure = figures.losses(placement.means(full))
        figure.savefig(tmp_path / name, metadata={"Date": None})
        assert len(figure.axes[0].get_yticks()) == 10
    picture = (tmp_path / "a.svg").read_text()
    assert picture == (tmp_path / "b.svg").read_text() and "#ffffff" not in picture and "fill: white" not in picture
    empty = figures.differences(placement.comparisons(nothing), "x", "a", "b").axes[0]
    assert [text.get_text() for text in empty.texts].count(NOT_RUN) == 9
    plt.close("all")
