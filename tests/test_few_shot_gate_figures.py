"""Figures of gates have a panel a gate, a strip a module, a line with and without gate."""

import matplotlib
import matplotlib.pyplot as plt
import pytest
from gate_rows import LAYERS, gates_study, nothing

from pelt_core.report import heat_figures
from pelt_core.report.few_shot import gate_figures as figures
from pelt_core.report.few_shot import gate_frames as frames
from pelt_core.report.few_shot.tuned import by_scale

matplotlib.use("svg")


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_a_heat_map_has_a_panel_a_gate_and_facet() -> None:
    figure = heat_figures.heat(frames.over_epochs(gates_study(), "apl", 100), "gate", 0.5, "epoch")
    panels = [axis for axis in figure.axes if axis.images]
    assert len(panels) == 4 * 2
    assert all(axis.images[0].get_array().shape == (LAYERS, 4) for axis in panels)
    norm = panels[0].images[0].norm
    assert norm.vcenter == 0.5 and norm.vmax - 0.5 == pytest.approx(0.5 - norm.vmin)


def test_tasks_are_named_on_the_axis() -> None:
    figure = heat_figures.heat(frames.over_tasks(gates_study(), "ap", 100), "gate", 0.5)
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["SST-2", "QQP"]


def test_strips_draw_right_above_wrong() -> None:
    figure = figures.strips(frames.of_rows(gates_study(), "apl", 100))
    assert len(figure.axes) == 2
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(names) == 6 and names[0].endswith("right") and names[1] == "wrong"


def test_scales_draw_both_lines_in_every_panel() -> None:
    figure = figures.scales(by_scale(gates_study(), 100), {"sst2": 50.0, "qqp": 60.0})
    for axis in figure.axes:
        assert len(axis.containers) == 2
    assert len({axis.get_ylim() for axis in figure.axes}) == 1, "the same measure has one scale"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == ["without gate", "with gate"]
    figure.draw_without_rendering()
    assert legend.get_window_extent().y0 >= max(axis.get_window_extent().y1 for axis in figure.axes), "above the panels"


def test_what_is_not_run_is_said_and_not_drawn() -> None:
    study = nothing("gates")
    drawn = [
        heat_figures.heat(frames.over_tasks(study, "apl", 100), "gate", 0.5),
        figures.strips(frames.of_rows(study, "apl", 100)),
        figures.scales(by_scale(study, 100), {"sst2": float("nan"), "qqp": float("nan")}),
    ]
    for figure in drawn:
        assert "not run yet" in [text.get_text() for axis in figure.axes for text in axis.texts]
