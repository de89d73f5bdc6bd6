"""LoRA's scale with and without gate, and sizes of modules, paired with the default."""

import numpy as np
import pytest
from gate_rows import SEEDS, gates_study, nothing

from pelt_core.report.few_shot import tuned
from pelt_core.study.scores import Scores


def test_the_sweep_is_read_from_the_methods() -> None:
    found = tuned.swept(gates_study())
    assert found["gated"].tolist() == [False] * 3 + [True] * 3
    assert found["name"].tolist() == ["1/4", "2", "16"] * 2
    assert found["method"][1] == "lora" and found["method"][4] == "gated-lora-scale-2"


def test_a_range_is_the_best_score_less_the_worst_of_a_run() -> None:
    study = gates_study()
    found = tuned.ranges(study, 100)
    assert len(found) == 2 * SEEDS
    table = study.table[(study.table["task"] == "qqp") & (study.table["seed"] == 1)].set_index("method")["score"]
    plain = table[["lora", "lora-scale-1/4", "lora-scale-16"]]
    own = found[(found["task"] == "qqp") & (found["seed"] == 1)].iloc[0]
    assert own["without"] == pytest.approx(plain.max() - plain.min())
    assert own["narrower"] == pytest.approx(own["without"] - own["with"])


def test_the_difference_of_differences_is_that_of_the_two() -> None:
    found = tuned.scale_differences(gates_study(), 100).set_index(["comparison", "kind"])["mean"].unstack()
    assert list(found.index) == ["scale 1/4 − 2", "scale 16 − 2"]
    assert found["without − with"].to_numpy() == pytest.approx((found["without gate"] - found["with gate"]).to_numpy())


def test_each_cell_of_the_sweep_has_its_score() -> None:
    found = tuned.by_scale(gates_study(), 100)
    assert len(found) == 2 * 6 and (found["seeds"] == SEEDS).all()
    assert (found["low"] <= found["mean"]).all()


def test_sizes_are_compared_with_the_default() -> None:
    study = gates_study()
    found = tuned.sizes(study, 100)
    assert found["comparison"].tolist() == [
        *["tokens 50 − tokens 10"] * 2,
        *("bottleneck 12 − bottleneck 48", "bottleneck 192 − bottleneck 48"),
    ]
    scores = study.table[study.table["task"] == "cola"].groupby("method")["score"].mean()
    assert found["mean"].iloc[-1] == pytest.approx(scores["adapter-192"] - scores["adapter"])


def test_what_is_not_run_stays_open() -> None:
    study = nothing("gates")
    assert tuned.ranges(study, 100).empty
    for frame in (tuned.sizes(study, 100), tuned.scale_differences(study, 100), tuned.by_scale(study, 100)):
        assert len(frame) and np.isnan(frame["mean"]).all() and set(frame["state"]) == {"not run yet"}


def test_half_a_sweep_says_what_it_can() -> None:
    """LoRA without gates is recorded, with gates not."""
    whole = gates_study()
    own = {run.key: whole.rows[run.key] for run in whole.runs if not whole.names[run.method].startswith("gated")}
    found = tuned.scale_differences(Scores(whole.runs, whole.names, own, whole.ledger), 100).set_index("kind")
    assert found.loc["without gate", "mean"].notna().all() and found.loc["without gate", "p_holm"].notna().all()
    assert set(found.loc[["with gate", "without − with"], "state"]) == {"not run yet"}
