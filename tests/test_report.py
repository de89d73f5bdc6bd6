import matplotlib
import numpy as np
import pandas as pd
import pytest
import recorded
from synthetic import PROVENANCE, fill

from pelt_core.report import answers, claims, estimates, figures, results, style, tables, words
from pelt_core.study.ledger import Ledger

matplotlib.use("svg")


@pytest.fixture
def runs():
    return recorded.RUNS


@pytest.fixture
def full():
    return recorded.full()


@pytest.fixture
def part():
    return recorded.part()


@pytest.fixture
def nothing():
    return recorded.nothing()


def test_cells_are_the_places_of_the_study(runs, nothing):
    assert [(c.method, c.placement) for c in nothing.cells] == [("none", "")] + [
        (method, place) for method in ("series", "parallel", "lora") for place in ("attention", "MLP", "both")
    ]
    assert sum(len(cell.runs) for cell in nothing.cells) == len(runs)
    assert len(nothing.missing) == len(runs)


def test_a_cell_averages_its_items_over_seeds_and_sets(full):
    cell = full.cell("lora", "both")
    by_set = [full.values(cell, "loss", (name,)).to_numpy().mean() for name in full.sets("loss")]
    line = estimates.by_cell(full, "loss").set_index(["method", "placement"]).loc[("lora", "both")]
    assert line["mean"] == pytest.approx(np.mean(by_set))
    assert line["low"] < line["mean"] < line["high"]
    assert len(line["by_seed"]) == len(cell.runs) == 2
    assert np.mean(line["by_seed"]) == pytest.approx(line["mean"])


def test_what_is_not_run_is_nan_and_never_filled_in(part):
    frame = estimates.by_cell(part, "loss")
    assert frame["mean"].notna().tolist() == [True] * 3 + [False] * 7
    assert np.isnan(frame["low"].iloc[3:]).all()


def test_pairs_find_the_planted_effect_and_only_that(full):
    frame = estimates.pairs(full, "loss")
    assert len(frame) == 9
    planted = frame[(frame["method"] == "series") & frame["pair"].str.contains("MLP")].set_index("pair")
    assert planted.loc["MLP − attention", "mean"] == pytest.approx(-0.2, abs=0.02)
    assert planted.loc["both − MLP", "mean"] == pytest.approx(0.2, abs=0.02)
    assert planted["significant"].all()
    assert (frame["p_holm"] >= frame["p"]).all()
    assert (frame["detectable"] > 0).all()


def test_a_pair_compares_only_the_seeds_that_both_have(runs, tmp_path):
    ledger = Ledger(tmp_path)
    fill(ledger, [run for run in runs if not (run.seed == 1 and run.method.endswith("@mlp"))])
    frame = estimates.pairs(results.load(runs, ledger), "loss").set_index(["method", "pair"])
    one, two = frame.loc[("series", "MLP − attention")], frame.loc[("series", "both − attention")]
    assert (one["seeds"], two["seeds"]) == (1, 2)
    assert one[["mean", "low", "high"]].notna().all() and two.notna().all()


def test_one_seed_decides_nothing_however_large_the_effect(runs):
    best = {run.method: -0.5 for run in runs if run.method.startswith("series") and run.method.endswith("@mlp")}
    frame = estimates.pairs(recorded.with_runs([run for run in runs if run.seed == 0], effects=best), "loss")
    assert (frame["seeds"] == 1).all() and frame["mean"].notna().all()
    assert not frame["significant"].any() and frame[["p", "p_holm", "detectable"]].isna().all(axis=None)
    for place in ("MLP", "both"):
        claim = claims.best_place("series", place, frame, "lower")
        assert str(claim) == "undecided at this scale (one seed: no verdict)"


def test_a_place_that_nothing_is_compared_with_is_not_supported(full):
    assert claims.best_place("series", "elsewhere", estimates.pairs(full, "loss"), "lower").verdict == "not run yet"


@pytest.mark.parametrize(
    "place, means, p_values, verdict",
    [
        ("MLP", [-0.1, 0.1], [0.01, 0.02], "supported"),
        ("MLP", [0.1, 0.1], [0.01, 0.02], "contradicted"),
        ("MLP", [0.1, np.nan], [0.01, np.nan], "contradicted"),
        ("MLP", [-0.1, np.nan], [0.01, np.nan], "incomplete"),
        ("attention", [np.nan, 0.0], [np.nan, 0.9], "incomplete"),
        ("MLP", [np.nan, np.nan], [np.nan, np.nan], "not run yet"),
        ("MLP", [-0.1, 0.1], [0.01, 0.3], "undecided at this scale"),
        ("MLP", [0.1, -0.1], [0.3, 0.3], "undecided at this scale"),
        ("both", [0.0, -0.1], [0.9, 0.001], "undecided at this scale"),
    ],
)
def test_verdicts_follow_the_differences(place, means, p_values, verdict):
    """Three comparisons of a method, of which `both - attention` is never significant."""
    frame = pd.DataFrame(
        {
            "method": "series",
            "first": ["MLP", "both", "both"],
            "second": ["attention", "MLP", "attention"],
            "mean": [*means, 0.0],
            "state": ["not run yet" if np.isnan(mean) else "" for mean in (*means, 0.0)],
            "seeds": 2,
            "p_holm": [*p_values, 0.9],
        }
    )
    frame["significant"] = frame["p_holm"] < 0.05
    assert claims.best_place("series", place, frame, "lower").verdict == verdict
    mirrored = frame.assign(mean=-frame["mean"])
    assert claims.best_place("series", place, mirrored, "higher").verdict == verdict


def test_published_best_places(root):
    found = claims.published_places(root / claims.PUBLISHED).set_index("method")
    assert found["placement"].to_dict() == {"series": "MLP", "parallel": "MLP", "lora": "both"}
    assert found["value"].to_dict() == {"series": 59.5, "parallel": 61.7, "lora": 60.0}
    assert found["size"].to_dict() == {"series": "bottleneck=256", "parallel": "bottleneck=256", "lora": "r=8"}
    assert set(found["backbone"]) == {"LLaMA-7B"}


def test_tables_name_what_is_missing(part):
    frame = tables.cells(part)
    assert (frame["Answer loss"] == "not run yet").tolist() == [False] * 3 + [True] * 7
    assert frame["Trained"].iloc[-1] == "not run yet"
    assert frame["Seeds"].tolist() == ["1 of 1", "1 of 2", "1 of 2"] + ["0 of 2"] * 7


def test_majority_row_is_the_share_of_the_commonest_letter(full, nothing):
    frame = tables.by_set(full)
    assert frame.iloc[-1].to_dict() == {"Method": "Always the commonest letter", "Place": ""} | dict.fromkeys(
        ("GSM8K", "SVAMP", "MultiArith", "AddSub", "SingleEq"), ""
    ) | {"AQuA": "41.7"}  # 5 of the 12 letters are A
    assert len(tables.by_set(nothing)) == len(nothing.cells)


def test_a_diverged_cell_says_so_everywhere(runs, tmp_path, root):
    ledger = Ledger(tmp_path)
    gone = [run for run in runs if run.method.startswith("series") and run.method.endswith("@attn")]
    fill(ledger, [run for run in runs if run not in gone])
    for run in gone:
        row = {"key": run.key, "run": run.to_dict(), "status": "diverged", "metrics": {}, "provenance": PROVENANCE}
        ledger.write(row | {"trainable_parameters": 5, "backbone_parameters": 100, "seconds": {}}, [])
    found = results.load(runs, ledger)
    assert tables.cells(found).iloc[1]["Answer loss"] == "diverged"
    assert answers.table(found).iloc[1]["States an answer"] == "diverged"
    assert "Diverged" in words.state(found).data
    pairs = estimates.pairs(found, "loss")
    assert tables.pairs(pairs, "{:.2f}")["Difference"].tolist().count("diverged") == 2
    claim = claims.best_place("series", "MLP", pairs, "lower")
    assert str(claim) == "undecided at this scale (a cell diverged)"
    drawn = draw_all(found, root)
    assert [texts(figure).count("diverged") for figure in drawn] == [1, 1, 2]
    assert not any("not run yet" in texts(figure) for figure in drawn)
    matplotlib.pyplot.close("all")


def test_a_table_keeps_its_cells_and_caption():
    text = tables.table(pd.DataFrame({"Method": ["LoRA"], "n": ["1,000"]}), "tab-x", "A caption").data
    assert text == "```{table} A caption\n:name: tab-x\n\n| Method | n |\n| :-- | --: |\n| LoRA | 1,000 |\n```"


def texts(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def draw_all(found, root):
    loss = estimates.by_cell(found, "loss")
    accuracy = estimates.scaled(estimates.by_cell(found, "correct"), 100)
    published = claims.published_places(root / claims.PUBLISHED)
    return [
        figures.estimates(loss, "loss", "{:.3f}"),
        figures.published_beside_ours(accuracy, published, found.runs[0].backbone, "{:.1f}"),
        figures.differences(estimates.pairs(found, "loss"), "difference", "lower"),
    ]


def test_figures_draw_an_interval_for_every_estimate_and_name_the_rest(full, part, nothing, root):
    for found, missing in ((full, 0), (part, 7), (nothing, 10)):
        drawn = draw_all(found, root)
        assert [texts(figure).count("not run yet") for figure in drawn[:2]] == [missing, missing]
        assert (
            len([line for line in drawn[1].axes[1].lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"])
            >= 10 - missing
        )
        matplotlib.pyplot.close("all")


def test_the_same_rows_give_the_same_bytes_on_a_transparent_ground(full, root, tmp_path):
    style.use_style()
    pictures = []
    for name in ("a.svg", "b.svg"):
        figure = draw_all(full, root)[0]
        figure.savefig(tmp_path / name, metadata={"Date": None})
        pictures.append((tmp_path / name).read_text())
        matplotlib.pyplot.close("all")
    assert pictures[0] == pictures[1]
    assert "#ffffff" not in pictures[0] and "fill: white" not in pictures[0]
