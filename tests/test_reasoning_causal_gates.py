from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from reasoning_rows import study

from pelt_core.report import heat_figures
from pelt_core.report.reasoning import causal_gates, figures

mpl.use("svg")


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """The token gate helps, the sequence gate hurts; MAM is not run."""

    def keep(run):
        return "scale=4" not in run.method

    effects = {"token": -0.3, "sequence": 0.3}
    return study(tmp_path_factory.mktemp("ledger"), "causal-gates", effects=effects, keep=keep)


def test_every_cell_stands_under_one_heading(scores):
    found = causal_gates.losses(scores)
    assert sorted(found["method"]) == sorted(scores.names.values()) and found["heading"].nunique() == 4
    figure = figures.losses(found)
    assert "not run yet" in {text.get_text() for text in figure.axes[0].texts}
    plt.close(figure)


def test_gates_are_held_against_none_and_combinations_against_their_parts(scores):
    found = causal_gates.differences(scores)
    assert len(found) == len(causal_gates.CONTRASTS)
    of = found.set_index(["method", "second"])
    assert of.loc[("token", "nogate"), "significant"] and of.loc[("token", "nogate"), "mean"] < 0
    assert of.loc[("mam", "series"), "state"] == "not run yet"
    assert of.loc[("nogate", "lora"), "line"] == "LoRA" and of.loc[("scalar", "nogate"), "line"] == "Scalar gate"


def test_the_table_has_what_was_asked_of_some_alone(scores):
    shown = causal_gates.table(scores).set_index("Method")
    assert shown.loc["Prefix with MLP", "Kept"] == "115,200" and shown.loc["Base model", "Kept"] == "0"
    assert shown.loc["LoRA", "Time, %"] == "100" and shown.loc["LoRA", "Right, %"] == ""
    assert shown.loc["Three, token gate", "Right, %"] and shown.loc["MAM", "Trained"] == "not run yet"


def test_gates_have_a_place_in_a_heat_map_of_layers_and_kinds(scores):
    values = causal_gates.gates(scores)
    assert set(values["facet"]) == {"Prefix", "LoRA, query", "LoRA, value", "Series"}
    assert set(values["column"]) == {"scalar", "token", "prompt", "sequence"} and set(values["layer"]) == {1, 2}
    figure = heat_figures.heat(values, "gate", 0.5)
    assert len([axis for axis in figure.axes if axis.images]) == 4
    plt.close(figure)


def test_forced_gates_are_in_their_order(scores):
    shown = causal_gates.forced(scores)
    assert list(shown.columns) == ["Method", "As trained", "All at 0", "All at 0.5", "All at 1"] and len(shown) == 4


def test_a_forced_loss_that_is_not_finite_is_called_so(scores):
    key = scores.table.loc[scores.table["method"] == "token", "key"].iloc[0]
    gates = scores.rows[key]["gates"]
    of_one = {name: None for name in gates["forced"]["1.0"]}
    row = scores.rows[key] | {"gates": gates | {"forced": gates["forced"] | {"1.0": of_one}}}
    shown = causal_gates.forced(replace(scores, rows=scores.rows | {key: row})).set_index("Method")
    assert shown.loc["Three, token gate"].tolist() == ["1.000", "1.000", "1.000", "not finite"]
    assert "not finite" not in shown.drop("Three, token gate").to_numpy()


def test_the_reading_warns_of_the_gate_that_leaks(scores):
    said = causal_gates.reading(scores, causal_gates.differences(scores), causal_gates.gates(scores)).data
    assert "Token gate:" in said and "the loss is lower" in said and "A gate that leaks" in said
    assert "MAM − one module.** Not run yet" in said and "nan" not in said


def test_without_rows_there_is_no_warning_and_nothing_is_drawn(tmp_path):
    scores = study(tmp_path, "causal-gates", keep=lambda run: False)
    values = causal_gates.gates(scores)
    said = causal_gates.reading(scores, causal_gates.differences(scores), values).data
    assert "leaks" not in said and "Not run yet" in said and causal_gates.training_time(scores) == {}
    assert len(heat_figures.heat(values, "gate", 0.5).axes) == 1 and causal_gates.forced(scores).empty
    plt.close("all")


def test_the_limits_hold_a_prefix_of_its_own_against_one_from_an_mlp(tmp_path):
    search = study(
        tmp_path, "answer-recipe", effects={"nogate-direct": -0.3}, keep=lambda run: "token*" not in run.method
    )
    (said,) = causal_gates.limits(search)
    assert "(Three, no gate)" in said and "token gate" not in said and "−0." in said
    assert causal_gates.limits(study(tmp_path / "none", "answer-recipe", keep=lambda run: False)) == []
