"""The gates of recorded runs by layer and module, over training, and of single rows."""

from pathlib import Path

import numpy as np
import pytest
from few_shot_rows import fill
from gate_rows import EPOCHS, LAYERS, SEEDS, gates_study, nothing

from pelt_core.report.few_shot import gates
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import ClassificationRun
from pelt_core.study.scores import load


def test_every_gate_of_every_gated_run_has_a_line() -> None:
    study = gates_study()
    found = gates.by_site(study, method="apl", task="sst2", seed=0)
    assert len(found) == LAYERS * 4 and set(found["gate"]) == set(gates.GATES.values())
    assert sorted(set(found["layer"])) == list(range(1, LAYERS + 1))
    (run,) = gates.gated(study, method="apl", task="sst2", seed=0)
    record = study.rows[run.key]["gates"]
    last = found[(found["gate"] == "Prefix") & (found["layer"] == LAYERS)]
    assert last["mean"].item() == record["test"][record["names"].index(f"{LAYERS - 1} kv mlp_prefix")]
    assert gates.by_site(study, method=["prefix", "lora"]).empty


def test_training_has_a_line_a_gate_and_epoch() -> None:
    study = gates_study()
    (run,) = gates.gated(study, method="ap", task="qqp", seed=1)
    found = gates.over_training(study, run)
    assert len(found) == LAYERS * 2 * EPOCHS and found["epoch"].max() == EPOCHS
    first, last = (found[found["epoch"] == epoch]["mean"].sub(gates.START).abs().mean() for epoch in (1, EPOCHS))
    assert first < last


def test_a_gate_that_is_larger_on_right_answers_is_found() -> None:
    """The rows are made with gates larger by 0.03 where the answer is right, of a deviation of 0.05."""
    study = gates_study()
    found = gates.right_and_wrong(study, gates.gated(study, method="apl"))
    assert len(found) == 2 * 3 * SEEDS  # tasks, modules
    assert found["difference"].mean() == pytest.approx(0.03, abs=0.02)
    assert 0.05 < found["above"].mean() < 0.3 and found["above"].between(-0.5, 0.5).all()


def test_the_share_of_pairs_is_counted() -> None:
    study = gates_study()
    (run,) = gates.gated(study, method="apl", task="sst2", seed=0)
    items = gates.of_items(study, run)
    own = items[items["module"] == "LoRA"]
    right, wrong = (own.loc[own["correct"] == flag, "gate"].to_numpy(float) for flag in (True, False))
    share = (right[:, None] > wrong).mean() + 0.5 * (right[:, None] == wrong).mean() - 0.5
    found = gates.right_and_wrong(study, [run]).set_index("module")
    assert found.loc["LoRA", "above"] == pytest.approx(share)


def test_what_is_shown_is_the_study_and_the_gated_runs_of_others(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    both = dict.fromkeys([*grid("gates", "smoke"), *grid("low-resource", "smoke")])
    fill(ledger, [run for run in both if isinstance(run, ClassificationRun)])
    study, every = load(["gates"], "smoke", ledger), load(["gates", "low-resource"], "smoke", ledger)
    found = gates.shown(study, every)
    others = {found.names[run.method] for run in found.runs if run not in study.runs}
    assert others == {"ap", "apl"} and {"prefix", "full"} <= set(every.names.values())
    assert len(study.rows) < len(found.rows) == len(found.runs) < len(every.rows)


def test_nothing_recorded_is_an_empty_frame() -> None:
    study = nothing("gates")
    assert gates.by_site(study).empty and gates.right_and_wrong(study, []).empty
    assert np.shape(gates.gated(study)) == (0,)
