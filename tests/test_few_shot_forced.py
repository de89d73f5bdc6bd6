"""Forced gates and padding are compared with the same rows under free gates, or read alone."""

from dataclasses import replace

import pytest
from gate_rows import LAYERS, MOVED, SEEDS, SHUT, gates_study, nothing

from pelt_core.report.few_shot.forced import FORCED, READINGS, forced, not_finite, padded, padded_by_site


def test_a_forced_gate_is_compared_with_the_free_ones() -> None:
    found = forced(gates_study(), method=["ap", "apl"])
    assert len(found) == 2 * 2 * SEEDS * len(FORCED)  # methods, tasks, seeds
    by_value = found.groupby("value")["difference"].mean()
    assert by_value["0.0"] == pytest.approx(100 * SHUT) and by_value["1.0"] == 0
    assert set(found["rows"]) == {40}


def test_a_run_without_a_finite_score_under_forced_gates_is_left_out_and_counted() -> None:
    study = gates_study()
    whole = forced(study, method="ap")
    [(key, row), *_] = ((key, row) for key, row in study.rows.items() if study.names[row["run"]["method"]] == "ap")
    failed = dict.fromkeys(row["gates"]["forced"]["free"])
    gates = row["gates"] | {"forced": row["gates"]["forced"] | {"1.0": failed}}
    broken = replace(study, rows=study.rows | {key: row | {"gates": gates}})
    found = forced(broken, method="ap")
    assert len(found) == len(whole) - len(FORCED) and found["difference"].notna().all()
    assert (not_finite(study), not_finite(broken)) == (0, 1)


def test_padding_is_compared_with_rows_alone() -> None:
    found = padded(gates_study())
    assert set(found["method"]) == {"apl-counted"} and set(found["reading"]) == set(READINGS)
    longest = found[found["reading"] == "max_length"]
    assert longest["difference"].tolist() == pytest.approx([-1.0] * len(longest))
    assert set(longest["changed"]) == {0.1} and set(longest["gate"]) == {MOVED}
    moved = padded_by_site(gates_study(), task="sst2", seed=0)
    assert len(moved) == LAYERS * 4 * len(READINGS)
    assert moved.groupby("reading")["moved"].mean().to_dict() == pytest.approx(
        {"batch": MOVED / 2, "max_length": MOVED}
    )


def test_nothing_recorded_is_an_empty_frame() -> None:
    study = nothing("gates")
    assert forced(study).empty and padded(study).empty and padded_by_site(study).empty
