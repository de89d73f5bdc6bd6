from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from reasoning_rows import study

from pelt_core.report.reasoning import figures, second_decoder
from pelt_core.report.reasoning.second_decoder import FIRST, NEITHER, ONLY_FIRST, ONLY_SECOND, OPPOSITE, SAME
from pelt_core.study.ledger import Ledger

mpl.use("svg")
PREFIXES = ("prefix@kv", "mlp_prefix(mid=180)@kv")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The token gate helps on both; MLP helps LoRA on the first and hurts on the second; the prefixes are missing."""
    folder = tmp_path_factory.mktemp("ledger")
    study(folder, *FIRST, effects={"token": -0.3, "lora-mlp": -0.3, "parallel": -0.3, "parallel-mlp": -0.3})
    effects = {"token": -0.3, "lora-mlp": 0.3, "series-attention": -0.3}
    study(folder, second_decoder.STUDY, effects=effects, keep=lambda run: run.method not in PREFIXES)
    return second_decoder.load("laptop", Ledger(folder))


@pytest.fixture(scope="module")
def frame(both):
    return second_decoder.contrasts(both)


def test_every_contrast_is_of_methods_that_both_grids_have(both, frame):
    assert len(frame) == 2 * len(second_decoder.CONTRASTS)
    assert both.short("arithmetic", "lora-both") == "lora" and both.short("causal-gates", "lora") == "lora"
    assert both.short("placement", "prefix") is None
    assert both.names == ("SmolLM2-135M-Instruct", "Gemma 3 270M")


def test_both_decoders_are_held_beside_each_other(frame):
    found = {(one.heading, one.line): (said, one, other) for one, other, said in second_decoder.pairs(frame)}
    said, one, other = found["Three, token gate less …", "the same, no gate"]
    assert said == SAME and one.mean == pytest.approx(-0.3, abs=0.02) and (one.seeds, other.seeds) == (3, 1)
    assert found["LoRA, places", "both − MLP"][0] == OPPOSITE
    assert found["Parallel adapter less …", "Series adapter"][0] == ONLY_FIRST
    assert found["Series adapter, places", "MLP − attention"][0] == ONLY_SECOND
    assert found["Three, no gate less …", "Prefix with MLP"][0] == "not run yet"
    assert NEITHER in {said for said, *_ in found.values()}


def test_clear_is_what_holds_after_correction_where_there_is_a_test():
    wide, narrow = {"low": -1.0, "high": 3.0}, {"low": 0.1, "high": 1.9}
    untested = {"p_holm": np.nan, "significant": False}
    assert second_decoder.clear(SimpleNamespace(**narrow, **untested))
    assert not second_decoder.clear(SimpleNamespace(**wide, **untested))
    assert not second_decoder.clear(SimpleNamespace(**narrow, p_holm=0.2, significant=False))
    assert second_decoder.clear(SimpleNamespace(**narrow, p_holm=0.01, significant=True))


def test_places_of_every_kind_of_module_are_contrasted(frame):
    lines = frame[frame["side"] == 1].groupby("heading")["line"].apply(list)
    for kind in ("Series adapter", "Parallel adapter", "LoRA"):
        assert lines[f"{kind}, places"] == ["both − MLP", "both − attention", "MLP − attention"]


def test_one_seed_has_an_interval_and_no_test(frame):
    assert frame.loc[frame["side"] == 1, "p"].isna().all() and not frame.loc[frame["side"] == 1, "significant"].any()
    assert frame.loc[frame["side"] == 0, "significant"].any()


def test_tables_name_every_method_and_what_is_missing(both, frame):
    shown = second_decoder.table(both, frame).set_index("Contrast")
    assert shown.loc["Three, no gate less: Prefix with MLP", "Gemma 3 270M"] == "not run yet"
    assert shown.loc["LoRA, places: both − MLP", "Both"] == OPPOSITE
    losses = second_decoder.losses(both).set_index("Module")
    assert (
        losses.loc["`mlp_prefix(mid=180)@kv`", "Trained"] == "not run yet" and losses.loc["`none`", "Minutes"] == "2.5"
    )
    assert losses["Method"].is_unique and {"Base model", "LoRA at both", "LoRA", "Parallel adapter at both"} < set(
        losses["Method"]
    )


def test_orders_are_compared_within_a_study(both):
    found = second_decoder.orders(both).set_index("study")
    assert found["methods"].to_dict() == {"placement": 9, "arithmetic": 3, "causal-gates": 4}
    shown = second_decoder.order_table(found.reset_index())
    assert shown["Rank correlation"].tolist()[1] == "not run yet" and "[" in shown["Rank correlation"][2]


def test_the_figure_has_a_column_for_each_decoder(both, frame):
    figure = figures.on_both(frame, both.names)
    assert [axis.get_title() for axis in figure.axes] == ["SmolLM2-135M", "Gemma 3 270M"]
    says = [[text.get_text() for text in axis.texts].count("not run yet") for axis in figure.axes]
    assert says == [0, 5]  # three contrasts with methods, one with each combination
    plt.close(figure)


def test_a_budget_with_fewer_methods_has_fewer_contrasts(tmp_path):
    small = second_decoder.load("smoke", Ledger(tmp_path))
    found = second_decoder.contrasts(small)
    assert {"LoRA, places", "Three, no gate less …"} <= set(found["heading"]) and (
        found["state"] == "not run yet"
    ).all()
    assert len(found) < 2 * len(second_decoder.CONTRASTS) and small.names[1] == "SmolLM2-135M-Instruct, again"
    assert (second_decoder.orders(small)["found"] == "fewer than 4 methods").all()
