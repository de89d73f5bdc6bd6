import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from reasoning_rows import study

from pelt_core.report.reasoning import figures, method_tables, sweeps

mpl.use("svg")


@pytest.fixture(scope="module")
def widths(tmp_path_factory):
    effects = {"series-36": -0.3, "series-512": 0.3}
    return study(tmp_path_factory.mktemp("ledger"), "bottleneck", effects=effects)


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    return study(tmp_path_factory.mktemp("ledger"), "lora-rank", keep=lambda run: run.seed == 0)


def test_sizes_of_a_sweep_come_in_their_order(widths):
    own = sweeps.members(widths)
    assert [one.size for one in own if one.method == "series"] == [36, 64, 128, 256, 512]
    assert sweeps.reference(own) == 256
    assert [one.name for one in own if one.method == "parallel"][0] == "parallel-36"


def test_a_lora_may_belong_to_both_sweeps(ranks):
    own = sweeps.members(ranks, sweeps.by_scale)
    both = [one.heading for one in own if one.size == 32]
    assert both == ["alpha twice the rank", "alpha 64 at every rank"] and sweeps.reference(own) == 32
    assert [one.name for one in own if one.size == 64] == ["lora-64", "lora-64-alpha-64"]


def test_without_the_published_size_the_smallest_is_the_reference(widths):
    own = [one for one in sweeps.members(widths) if one.size != 256]
    assert sweeps.reference(own) == 36


def test_the_reading_names_the_ends_and_what_is_told_apart(widths):
    own = sweeps.members(widths)
    differing = sweeps.against(widths, own, 256)
    said = sweeps.reading(sweeps.sweep(widths, own), differing, 256).data
    series = said.split("\n\n")[0]
    assert "36 has the lowest loss" in series and "512 the highest" in series
    assert "36 lower" in series and "512 higher" in series and "2 not told apart" in series
    assert set(differing["size"]) == {36, 64, 128, 512} and len(differing) == 8


def test_one_seed_tests_nothing(ranks):
    own = sweeps.members(ranks, sweeps.by_scale)
    differing = sweeps.against(ranks, own, 32)
    assert differing["p"].isna().all() and not differing["significant"].any()
    assert "told apart" not in sweeps.reading(sweeps.sweep(ranks, own), differing, 32).data
    assert (method_tables.differences(differing, "Module", "Sizes", "{:+.4f}")["p"] == "").all()


def test_the_table_has_every_size_and_what_it_costs_other_texts(widths):
    shown = method_tables.losses(widths, sweeps.lines(sweeps.members(widths)))
    assert len(shown) == 11 and shown["Module"].iloc[0] == "Base model"
    assert {"Loss, GSM8K", "Loss, SVAMP", "Loss of other texts"} <= set(shown.columns)
    assert shown["Seeds"].tolist()[1:] == ["2 of 2"] * 10


def test_a_figure_has_a_line_a_sweep_with_its_name(widths, ranks):
    for scores, by, names in (
        (widths, sweeps.by_method, {"Series adapter", "Parallel adapter"}),
        (ranks, sweeps.by_scale, {"alpha twice the rank", "alpha 64 at every rank"}),
    ):
        figure = figures.sweep(sweeps.sweep(scores, sweeps.members(scores, by)), "size")
        (axis,) = figure.axes
        assert {text.get_text() for text in axis.texts} == names and axis.get_xscale() == "log"
        assert len(axis.lines) == 2
        plt.close(figure)


def test_nothing_recorded_is_said_and_not_drawn(tmp_path):
    scores = study(tmp_path, "virtual-tokens", keep=lambda run: False)
    own = sweeps.members(scores)
    found = sweeps.sweep(scores, own)
    differing = sweeps.against(scores, own, sweeps.reference(own))
    assert "Nothing is recorded yet" in sweeps.reading(found, differing, 10).data
    assert [text.get_text() for text in figures.sweep(found, "tokens").axes[0].texts] == ["not run yet"]
    assert (method_tables.losses(scores, sweeps.lines(own))["Trained"] == "not run yet").all()
    plt.close("all")
