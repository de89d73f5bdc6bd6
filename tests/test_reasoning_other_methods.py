import math

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from reasoning_rows import study

from pelt_core.report import size_figures
from pelt_core.report.reasoning import forgetting, other_methods

mpl.use("svg")


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    effects = {"dora": -0.3, "prompt": 0.4}
    folder = tmp_path_factory.mktemp("ledger")
    found = study(folder, "answer-methods", effects=effects, keep=lambda run: not run.method.startswith("side"))
    for run in found.runs:
        if found.names[run.method] == "full":
            items = found.items(run.key)
            items["text_loss"] += 0.5
    return found


def test_methods_stand_by_size_and_are_held_against_lora(scores):
    frame = other_methods.sizes(scores)
    low, high = other_methods.band(frame)
    own = frame.set_index("method")["parameters"]
    assert low < own["lora"] < high and np.isnan(own["side"])
    found = other_methods.differences(scores, frame).set_index("method")
    assert {"lora", "none"}.isdisjoint(found.index) and found.loc["side", "heading"] == "size not known yet"
    assert found.loc["dora", "significant"] and found.loc["dora", "mean"] == pytest.approx(-0.3, abs=0.03)


def test_the_page_s_table_figure_and_reading(scores):
    frame = other_methods.sizes(scores)
    against = other_methods.differences(scores, frame)
    shown = other_methods.table(scores, frame, against).set_index("Method")
    assert shown.loc["DoRA", "− LoRA"].startswith(("−0.29", "−0.3")) and shown.loc["LoRA", "− LoRA"] == ""
    said = other_methods.reading(frame, against).data
    assert "The lowest losses" in said and "DoRA" in said and "higher than LoRA's" in said
    figure = size_figures.against_parameters(frame, other_methods.band(frame), other_methods.OUTSIDE, ("a", "b"))
    assert "DoRA" in {text.get_text() for text in figure.axes[0].texts}
    plt.close(figure)


def test_who_forgets_is_told_apart(scores):
    frame = forgetting.forgotten(scores).set_index("method")
    assert frame.loc["full", "mean"] == pytest.approx(0.5, abs=0.03) and frame.loc["full", "significant"]
    assert frame.loc["full", "heading"] == forgetting.OWN and frame.loc["ia3", "heading"] == forgetting.OTHERS
    said = forgetting.reading(frame.reset_index()).data
    assert "Full fine-tuning" in said and "Worse than before" in said and "rank correlation" in said
    assert len(forgetting.table(frame.reset_index())) == len(frame)


def test_sizes_of_a_sweep_are_in_the_table_alone(tmp_path):
    frame = forgetting.forgotten(study(tmp_path, "bottleneck"))
    assert forgetting.drawn(frame).empty and len(forgetting.table(frame)) == 10


def test_without_rows_nothing_is_read(tmp_path):
    nothing = study(tmp_path, "answer-methods", keep=lambda run: False)
    frame = other_methods.sizes(nothing)
    assert "nothing to read yet" in other_methods.reading(frame, other_methods.differences(nothing, frame)).data
    assert "nothing to read yet" in forgetting.reading(forgetting.forgotten(nothing)).data


def test_without_the_reference_no_size_is_comparable() -> None:
    frame = pd.DataFrame({"method": ["ia3"], "parameters": [10.0]})
    assert all(math.isnan(end) for end in other_methods.band(frame))
