"""Stacked bars of kinds, from rows that are made up."""

import matplotlib.pyplot as plt
import pytest
from answer_rows import fill

from pelt_core.report.reasoning import errors, errors_figures, records
from pelt_core.study.answer_scores import load
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger


def test_every_kind_has_a_colour_of_its_own() -> None:
    assert list(errors_figures.COLOURS) == list(errors.KINDS)
    assert len(set(errors_figures.COLOURS.values())) == len(errors.KINDS)


def test_a_bar_a_method_and_a_word_where_there_is_none(tmp_path) -> None:
    fill(Ledger(tmp_path), [run for run in grid("arithmetic", "laptop") if "prefix" not in run.method])
    study = load(["arithmetic"], "laptop", Ledger(tmp_path))
    found = errors.classified(records.answers(study))
    figure = errors_figures.stacked(errors.shares(study, found))
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()].count("LoRA") == 2
    said = [text.get_text() for text in axis.texts]
    assert said.count("not run yet") == 2 and {"Mean of 5 sets with numbers", "AQuA", "20"} <= set(said)
    widths = [patch.get_width() for patch in axis.patches]
    assert sum(widths) == pytest.approx(100 * 5 * 2)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(errors.KINDS)
    plt.close(figure)


def test_nothing_recorded_is_drawn_empty(tmp_path) -> None:
    study = load(["arithmetic"], "laptop", Ledger(tmp_path))
    figure = errors_figures.stacked(errors.shares(study, errors.classified(records.answers(study))))
    assert not figure.legends and not figure.axes[0].patches
    plt.close(figure)
